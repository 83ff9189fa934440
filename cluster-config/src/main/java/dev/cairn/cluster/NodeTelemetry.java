package dev.cairn.cluster;

import dev.cairn.actors.DeviceReading;
import dev.cairn.actors.Telemetry;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/** Keeps a scheduler's last word, and passes everything on; where schedulers stand, of all. */
final class NodeTelemetry implements Telemetry {
  private final Telemetry next;
  private final AtomicReference<SchedulingStats> scheduling;
  private final AtomicReference<List<TenantStats>> tenants;
  private final Supplier<SchedulingStats> all;

  /**
   * @param scheduling where the last word is kept
   * @param tenants where is kept what it said of tenants last
   * @param all where all schedulers of the node stand
   */
  NodeTelemetry(
      Telemetry next,
      AtomicReference<SchedulingStats> scheduling,
      AtomicReference<List<TenantStats>> tenants,
      Supplier<SchedulingStats> all) {
    this.next = next;
    this.scheduling = scheduling;
    this.tenants = tenants;
    this.all = all;
  }

  @Override
  public void scheduler(SchedulingStats stats) {
    scheduling.set(stats);
    next.scheduler(all.get());
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
  public void tenants(String device, List<TenantStats> stats) {
    tenants.set(stats);
    next.tenants(device, stats);
  }

  @Override
  public void device(DeviceReading reading) {
    next.device(reading);
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
