package dev.cairn.actors;

import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.SchedulingStats;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts what telemetry is told. */
final class Recorded implements Telemetry {
  final AtomicInteger accepted = new AtomicInteger();
  final AtomicInteger finished = new AtomicInteger();
  final AtomicInteger tokens = new AtomicInteger();
  final AtomicInteger firstTokens = new AtomicInteger();
  final AtomicInteger stale = new AtomicInteger();
  final AtomicInteger deviceErrors = new AtomicInteger();
  final AtomicInteger steps = new AtomicInteger();
  final AtomicBoolean failNext = new AtomicBoolean();
  volatile SchedulingStats scheduling = SchedulingStats.NONE;

  @Override
  public void accepted(int promptTokens) {
    accepted.incrementAndGet();
  }

  @Override
  public void finished(FinishReason reason) {
    finished.incrementAndGet();
  }

  @Override
  public void tokensCommitted(int count) {
    if (failNext.getAndSet(false)) {
      throw new IllegalStateException("a counter that fails");
    }
    tokens.addAndGet(count);
  }

  @Override
  public void firstToken(long nanos) {
    firstTokens.incrementAndGet();
  }

  @Override
  public void staleResult() {
    stale.incrementAndGet();
  }

  @Override
  public void deviceError() {
    deviceErrors.incrementAndGet();
  }

  @Override
  public void stepCompleted(int rows, int count, long nanos) {
    steps.incrementAndGet();
  }

  @Override
  public void scheduler(SchedulingStats stats) {
    scheduling = stats;
  }
}
