package dev.cairn.server.cli;

import dev.cairn.cluster.StartProgress;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows on a terminal how far a model is loaded or written, and requests are back; silent
 * elsewhere.
 */
final class LoadBar implements StartProgress, AutoCloseable {
  static final long UNKNOWN = -1;
  private static final int MEBIBYTE = 1 << 20;

  private final String task;
  private ProgressBar bar;
  private ProgressBar requests;

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
      bar = bar(task, bytesTotal, " MiB", MEBIBYTE);
    }
    bar.stepTo(bytesDone);
    if (bytesDone >= bytesTotal) {
      close();
    }
  }

  @Override
  public synchronized void recovered(int count) {
    if (Logging.onTerminal()) {
      if (requests == null) {
        requests = bar("Recovering", UNKNOWN, " requests", 1);
      }
      requests.stepTo(count);
    }
  }

  /**
   * A bar on standard error.
   *
   * @param max in units of one, or {@link #UNKNOWN}
   * @param size of what is shown as one unit
   */
  static ProgressBar bar(String task, long max, String unit, long size) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(max)
        .setUnit(unit, size)
        .setStyle(ProgressBarStyle.ASCII)
        .clearDisplayOnFinish()
        .build();
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
    if (requests != null) {
      requests.close();
      requests = null;
    }
  }
}
