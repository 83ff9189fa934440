package dev.cairn.cluster;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.IntConsumer;

/**
 * Brings unfinished requests back after a start, a bounded number at a time, in the journal's
 * order.
 */
final class Recovery {
  private final UnfinishedIndex index;
  private final Function<String, CompletionStage<?>> wake;
  private final int maxConcurrent;
  private final Executor executor;
  private final IntConsumer progress;
  private final CompletableFuture<Integer> done = new CompletableFuture<>();
  private final Deque<String> page = new ArrayDeque<>();
  private String last = "";
  private boolean exhausted;
  private int running;
  private int woken;

  /**
   * @param progress told how many are back, each time that it is one more
   */
  Recovery(
      UnfinishedIndex index,
      Function<String, CompletionStage<?>> wake,
      int maxConcurrent,
      Executor executor,
      IntConsumer progress) {
    this.index = index;
    this.wake = wake;
    this.maxConcurrent = maxConcurrent;
    this.executor = executor;
    this.progress = progress;
  }

  /** Begins; the result is the number of requests brought back, or the first failure. */
  CompletionStage<Integer> start() {
    executor.execute(this::goOn);
    return done;
  }

  private synchronized void goOn() {
    try {
      while (running < maxConcurrent && !done.isDone() && next()) {
        running++;
        wake.apply(page.removeFirst()).whenCompleteAsync(this::ended, executor);
      }
      if (running == 0 && exhausted && page.isEmpty()) {
        done.complete(woken);
      }
    } catch (IOException | RuntimeException e) {
      done.completeExceptionally(e);
    }
  }

  private boolean next() throws IOException {
    if (page.isEmpty() && !exhausted) {
      page.addAll(index.page(last, maxConcurrent));
      exhausted = page.isEmpty();
      if (!exhausted) {
        last = page.peekLast();
      }
    }
    return !page.isEmpty();
  }

  private synchronized void ended(Object reply, Throwable failure) {
    running--;
    woken++;
    progress.accept(woken);
    if (failure != null) {
      done.completeExceptionally(failure);
    }
    goOn();
  }
}
