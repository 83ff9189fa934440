package dev.cairn.server.cli;

import dev.cairn.device.LoadProgress;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows on a terminal how far a model is loaded or written; silent elsewhere. */
final class LoadBar implements LoadProgress, AutoCloseable {
  private static final int MEBIBYTE = 1 << 20;

  private final String task;
  private ProgressBar bar;

  LoadBar(String modelName) {
    this("Loading", modelName);
  }

  private LoadBar(String verb, String modelName) {
    this.task = verb + " " + modelName;
  }

  /** Of a model that is written. */
  static LoadBar writing(String modelName) {
    return new LoadBar("Writing", modelName);
  }

  @Override
  public synchronized void loaded(long bytesDone, long bytesTotal) {
    if (!Logging.onTerminal()) {
      return;
    }
    if (bar == null) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(bytesTotal)
              .setUnit(" MiB", MEBIBYTE)
              .setStyle(ProgressBarStyle.ASCII)
              .clearDisplayOnFinish()
              .build();
    }
    bar.stepTo(bytesDone);
    if (bytesDone >= bytesTotal) {
      close();
    }
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
