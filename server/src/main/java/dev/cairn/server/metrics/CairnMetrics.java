package dev.cairn.server.metrics;

import dev.cairn.actors.Telemetry;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.journal.JournalStats;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import dev.cairn.server.keys.WatchedKeys;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * The metrics of one node, in base units, as Prometheus reads them. Each method is one thing that
 * happened. Safe for any number of threads.
 */
public final class CairnMetrics implements Telemetry, AutoCloseable {
  private static final double NANOS_PER_SECOND = 1e9;

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final AtomicReference<SchedulingStats> scheduler =
      new AtomicReference<>(SchedulingStats.NONE);
  private final Map<FinishReason, Counter> ended = new EnumMap<>(FinishReason.class);
  private final Counter accepted = requests("accepted");
  private final Counter promptTokens =
      counter("cairn.prompt.tokens", "Prompt tokens of accepted requests.");
  private final Counter tokensCommitted =
      counter("cairn.tokens.committed", "Generated tokens that are durable.");
  private final Counter staleResults =
      counter("cairn.stale.results", "Results of a device that came too late and were dropped.");
  private final Counter garbledAnswers =
      counter("cairn.garbled.answers", "Answers of devices that made no sense.");
  private final Counter relayMessages =
      counter("cairn.relay.messages", "Messages to other nodes for readers there or here.");
  private final Counter relayBytes = counter("cairn.relay.bytes", "Bytes of these messages.");
  private final Counter contradictions =
      counter(
          "cairn.relay.contradictions",
          "Times an owner took back what was shown of a request; it was not believed.");
  private final Counter deviceErrors = counter("cairn.device.errors", "Failures of a device.");
  private final Counter userErrors =
      counter("cairn.user.errors", "Requests refused because of what they asked for.");
  private final Counter deviceIdle =
      counter("cairn.device.idle.seconds", "Time in which the device had work and no step.");
  private final Counter stepTokens =
      counter("cairn.step.tokens", "Tokens that went through the model.");
  private final Timer firstToken =
      timer(
          "cairn.time.to.first.token",
          "From the submission of a request to its first durable token.",
          Duration.ofMillis(1),
          Duration.ofMinutes(1));
  private final Timer interToken =
      timer(
          "cairn.inter.token",
          "Between durable tokens of one request, averaged over each commit.",
          Duration.ofNanos(100_000),
          Duration.ofSeconds(10));
  private final Timer step =
      timer(
          "cairn.step",
          "Time the device took for a step.",
          Duration.ofNanos(100_000),
          Duration.ofSeconds(10));
  private final Timer journalCommit =
      timer(
          "cairn.journal.commit",
          "Time of a write to the journal, made durable.",
          Duration.ofNanos(50_000),
          Duration.ofSeconds(10));
  private final DistributionSummary stepRows =
      summary("cairn.step.rows", "Chunks of prompt and decode rows in a step.");
  private final DistributionSummary journalCommitEvents =
      summary("cairn.journal.commit.events", "Events in a write to the journal.");

  private final Counter prefixCacheHitTokens =
      counter(
          "cairn.prefix.cache.hit.tokens",
          "Tokens that were not computed because an equal prefix was cached.");

  private final Counter draftedTokens =
      counter("cairn.look.up.drafted.tokens", "Tokens that were drafted from earlier ones.");
  private final Counter heldTokens =
      counter("cairn.look.up.held.tokens", "Drafted tokens that were what the model drew.");

  private final AtomicReference<Supplier<JournalStats>> journal = new AtomicReference<>();

  private final TenantMetrics tenants;

  /** With labels of their own for a few tenants. */
  public CairnMetrics() {
    this(32);
  }

  /**
   * @param maxTenants tenants that have labels of their own
   */
  public CairnMetrics(int maxTenants) {
    this.tenants = new TenantMetrics(registry, maxTenants);
    for (FinishReason reason : FinishReason.values()) {
      ended.put(reason, requests(reason.name().toLowerCase(Locale.ROOT)));
    }
    schedulerGauge(
        "cairn.requests.running", "Requests that a device works on.", SchedulingStats::running);
    schedulerGauge(
        "cairn.requests.queued", "Requests that wait for a device.", SchedulingStats::queued);
    schedulerGauge(
        "cairn.device.slots.used", "Sequences that the device holds.", SchedulingStats::slotsInUse);
    schedulerGauge(
        "cairn.commit.window.tokens",
        "Tokens that a sequence may be ahead of its journal.",
        SchedulingStats::window);
    kvBlocks("used", SchedulingStats::kvBlocksUsed);
    kvBlocks(
        "free", stats -> stats.kvBlocksTotal() - stats.kvBlocksUsed() - stats.kvBlocksCached());
    kvBlocks("cached", SchedulingStats::kvBlocksCached);
    FunctionCounter.builder("cairn.preemptions", scheduler, s -> s.get().preemptions())
        .description("Sequences that lost their KV blocks and were queued again.")
        .register(registry);
  }

  @Override
  public void accepted(int promptTokenCount) {
    accepted.increment();
    promptTokens.increment(promptTokenCount);
  }

  @Override
  public void finished(FinishReason reason) {
    ended.get(reason).increment();
  }

  @Override
  public void tokensCommitted(int tokens) {
    tokensCommitted.increment(tokens);
  }

  @Override
  public void firstToken(long nanos) {
    firstToken.record(duration(nanos));
  }

  @Override
  public void interToken(long nanos, int tokens) {
    for (int i = 0; i < tokens; i++) {
      interToken.record(duration(nanos));
    }
  }

  @Override
  public void stepCompleted(int rows, int tokens, long nanos) {
    step.record(duration(nanos));
    stepRows.record(rows);
    stepTokens.increment(tokens);
  }

  @Override
  public void drafted(int tokens, int held) {
    draftedTokens.increment(tokens);
    heldTokens.increment(held);
  }

  @Override
  public void deviceIdle(long nanos) {
    deviceIdle.increment(Math.max(0, nanos) / NANOS_PER_SECOND);
  }

  @Override
  public void staleResult() {
    staleResults.increment();
  }

  @Override
  public void prefixCacheHit(int tokens) {
    prefixCacheHitTokens.increment(tokens);
  }

  @Override
  public void garbledAnswer() {
    garbledAnswers.increment();
  }

  @Override
  public void relayed(int updates, int bytes) {
    relayMessages.increment();
    relayBytes.increment(bytes);
  }

  @Override
  public void contradiction() {
    contradictions.increment();
  }

  @Override
  public void deviceError() {
    deviceErrors.increment();
  }

  @Override
  public void userError() {
    userErrors.increment();
  }

  @Override
  public void scheduler(SchedulingStats stats) {
    scheduler.set(stats);
  }

  @Override
  public void tenants(String device, List<TenantStats> stats) {
    tenants.stand(device, stats);
  }

  /**
   * A call was refused because its tenant has used up what it may use.
   *
   * @param bound which it was
   */
  public void tenantRefused(String tenant, String bound) {
    tenants.refused(tenant, bound);
  }

  /** The journal made so many events durable with one write. */
  public void journalCommit(int events, long nanos) {
    journalCommit.record(duration(nanos));
    journalCommitEvents.record(events);
  }

  /**
   * Says where to read how the journal is doing.
   *
   * @param durability when a write counts as durable: {@code fsync}, {@code os} or {@code none}
   */
  public void journal(Supplier<JournalStats> stats, String durability) {
    journal.set(stats);
    Gauge.builder("cairn.journal.durability", () -> 1)
        .description("1 for the durability that is in force (cairn.journal.durability).")
        .tag("mode", durability)
        .register(registry);
    journalGauge(
        "cairn.journal.disk.full",
        "1 while too little disk is free and the journal waits for room.",
        s -> s.diskFull() ? 1 : 0);
    journalGauge(
        "cairn.journal.queue",
        "Writes that wait for the journal's next commit.",
        JournalStats::queueDepth);
    journalGauge(
        "cairn.journal.bytes",
        "Bytes of the journal's files, as of the last sweep of its retention.",
        s -> s.storage().diskBytes());
    journalGauge(
        "cairn.journal.finished.requests",
        "Finished requests that the journal keeps.",
        s -> s.storage().finishedRequests());
    journalGauge(
        "cairn.journal.finished.bytes",
        "Bytes of the records of finished requests that the journal keeps.",
        s -> s.storage().finishedBytes());
    FunctionCounter.builder(
            "cairn.journal.expired.requests",
            journal,
            j -> j.get().get().storage().expiredRequests())
        .description("Finished requests that the journal's retention deleted.")
        .register(registry);
    FunctionCounter.builder(
            "cairn.journal.failed.writes", journal, j -> j.get().get().failedWrites())
        .description("Writes that the journal in PostgreSQL did not commit, or may have.")
        .register(registry);
  }

  private void journalGauge(String name, String help, ToDoubleFunction<JournalStats> value) {
    Gauge.builder(name, journal, j -> value.applyAsDouble(j.get().get()))
        .description(help)
        .register(registry);
  }

  /** Says which keys of the API are in force. */
  public void apiKeys(WatchedKeys<?> keys) {
    Gauge.builder("cairn.api.keys", keys, WatchedKeys::count)
        .description("API keys that are valid.")
        .strongReference(true)
        .register(registry);
    Gauge.builder("cairn.api.keys.stale", keys, k -> k.isBroken() ? 1 : 0)
        .description(
            "1 while the keys file cannot be used and the keys of the last good one are valid.")
        .strongReference(true)
        .register(registry);
    FunctionCounter.builder("cairn.api.keys.failures", keys, WatchedKeys::failures)
        .description("Times that a changed keys file could not be used.")
        .register(registry);
  }

  /** Says where to read what is held for requests outside the journal, by kind. */
  public void held(Supplier<Map<String, Long>> held) {
    for (String kind : held.get().keySet()) {
      Gauge.builder("cairn.held", held, all -> all.get().get(kind))
          .description("What is held for requests outside the journal; all 0 when none is open.")
          .tag("kind", kind)
          .strongReference(true)
          .register(registry);
    }
  }

  /** All metrics in Prometheus' text form. */
  public String scrape() {
    return registry.scrape();
  }

  @Override
  public void close() {
    registry.close();
  }

  private Counter requests(String state) {
    return Counter.builder("cairn.requests")
        .description("Requests accepted, and ended by reason.")
        .tag("state", state)
        .register(registry);
  }

  private Counter counter(String name, String help) {
    return Counter.builder(name).description(help).register(registry);
  }

  private void schedulerGauge(String name, String help, ToDoubleFunction<SchedulingStats> value) {
    Gauge.builder(name, scheduler, s -> value.applyAsDouble(s.get()))
        .description(help)
        .register(registry);
  }

  private void kvBlocks(String state, ToDoubleFunction<SchedulingStats> value) {
    Gauge.builder("cairn.kv.blocks", scheduler, s -> value.applyAsDouble(s.get()))
        .description("Blocks of the KV store.")
        .tag("state", state)
        .register(registry);
  }

  private Timer timer(String name, String help, Duration min, Duration max) {
    return Timer.builder(name)
        .description(help)
        .serviceLevelObjectives(buckets(min, max))
        .register(registry);
  }

  private DistributionSummary summary(String name, String help) {
    return DistributionSummary.builder(name)
        .description(help)
        .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
        .register(registry);
  }

  /** Bounds in steps of 1, 2 and 5: a metric of this kind costs about fifteen lines. */
  private static Duration[] buckets(Duration min, Duration max) {
    List<Duration> bounds = new ArrayList<>();
    int[] steps = {1, 2, 5};
    for (long decade = 1; decade <= max.toNanos(); decade *= 10) {
      for (int step : steps) {
        Duration bound = Duration.ofNanos(decade * step);
        if (bound.compareTo(min) >= 0 && bound.compareTo(max) <= 0) {
          bounds.add(bound);
        }
      }
    }
    return bounds.toArray(Duration[]::new);
  }

  private static Duration duration(long nanos) {
    return Duration.ofNanos(Math.max(0, nanos));
  }
}
