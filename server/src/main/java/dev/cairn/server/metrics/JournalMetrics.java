package dev.cairn.server.metrics;

import dev.cairn.persistence.journal.JournalStats;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** Metrics of the journal. Safe for any number of threads. */
final class JournalMetrics {
  private final MeterRegistry registry;
  private final Timer commit;
  private final DistributionSummary commitEvents;

  /** Kept here, for counters hold what they read weakly. */
  private final AtomicReference<Supplier<JournalStats>> stats = new AtomicReference<>();

  JournalMetrics(MeterRegistry registry) {
    this.registry = registry;
    Meters meters = new Meters(registry);
    this.commit =
        meters.timer(
            "cairn.journal.commit",
            "Time of a write to the journal, made durable.",
            Duration.ofNanos(50_000),
            Duration.ofSeconds(10));
    this.commitEvents =
        meters.summary("cairn.journal.commit.events", "Events in a write to the journal.");
  }

  void committed(int events, long nanos) {
    commit.record(Meters.duration(nanos));
    commitEvents.record(events);
  }

  /** Where to read how the journal is doing. */
  void read(Supplier<JournalStats> source, String durability) {
    stats.set(source);
    Gauge.builder("cairn.journal.durability", () -> 1)
        .description("1 for the durability that is in force (cairn.journal.durability).")
        .tag("mode", durability)
        .register(registry);
    gauge(
        "cairn.journal.disk.full",
        "1 while too little disk is free and the journal waits for room.",
        s -> s.diskFull() ? 1 : 0);
    gauge(
        "cairn.journal.queue",
        "Writes that wait for the journal's next commit.",
        JournalStats::queueDepth);
    gauge(
        "cairn.journal.bytes",
        "Bytes of the journal's files, as of the last sweep of its retention.",
        s -> s.storage().diskBytes());
    gauge(
        "cairn.journal.finished.requests",
        "Finished requests that the journal keeps.",
        s -> s.storage().finishedRequests());
    gauge(
        "cairn.journal.finished.bytes",
        "Bytes of the records of finished requests that the journal keeps.",
        s -> s.storage().finishedBytes());
    total(
        "cairn.journal.expired.requests",
        "Finished requests that the journal's retention deleted.",
        s -> s.storage().expiredRequests());
    total(
        "cairn.journal.failed.writes",
        "Writes that the journal in PostgreSQL did not commit, or may have.",
        JournalStats::failedWrites);
  }

  private void gauge(String name, String help, ToDoubleFunction<JournalStats> value) {
    Gauge.builder(name, stats, s -> value.applyAsDouble(s.get().get()))
        .description(help)
        .register(registry);
  }

  private void total(String name, String help, ToDoubleFunction<JournalStats> value) {
    FunctionCounter.builder(name, stats, s -> value.applyAsDouble(s.get().get()))
        .description(help)
        .register(registry);
  }
}
