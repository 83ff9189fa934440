package dev.cairn.cluster;

import dev.cairn.actors.Telemetry;
import dev.cairn.scheduling.SchedulingStats;
import java.util.concurrent.atomic.AtomicReference;

/** Keeps the scheduler's last word for the leak registry, and passes everything on. */
final class NodeTelemetry implements Telemetry {
  private final Telemetry next;
  private final AtomicReference<SchedulingStats> scheduling;

  NodeTelemetry(Telemetry next, AtomicReference<SchedulingStats> scheduling) {
    this.next = next;
    this.scheduling = scheduling;
  }

  @Override
  public void scheduler(SchedulingStats stats) {
    scheduling.set(stats);
    next.scheduler(stats);
  }

  @Override
  public void stepCompleted(int rows, int tokens, long nanos) {
    next.stepCompleted(rows, tokens, nanos);
  }

  @Override
  public void drafted(int tokens, int held) {
    next.drafted(tokens, held);
  }

  @Override
  public void deviceIdle(long nanos) {
    next.deviceIdle(nanos);
  }

  @Override
  public void staleResult() {
    next.staleResult();
  }

  @Override
  public void prefixCacheHit(int tokens) {
    next.prefixCacheHit(tokens);
  }

  @Override
  public void relayed(int updates, int bytes) {
    next.relayed(updates, bytes);
  }

  @Override
  public void contradiction() {
    next.contradiction();
  }

  @Override
  public void deviceError() {
    next.deviceError();
  }
}
