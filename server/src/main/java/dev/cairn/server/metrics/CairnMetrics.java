package dev.cairn.server.metrics;

import dev.cairn.actors.DeviceReading;
import dev.cairn.actors.RequestObserver;
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
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.function.ToIntFunction;

/**
 * The metrics of one node, in base units, as Prometheus reads them. Each method is one thing that
 * happened. Safe for any number of threads.
 */
public final class CairnMetrics implements Telemetry, AutoCloseable {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final List<String> SPAN_RESULTS = List.of("exported", "failed", "dropped");

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Meters meters = new Meters(registry);
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
      meters.timer(
          "cairn.time.to.first.token",
          "From the submission of a request to its first durable token.",
          Duration.ofMillis(1),
          Duration.ofMinutes(1));
  private final Timer interToken =
      meters.timer(
          "cairn.inter.token",
          "Between durable tokens of one request, averaged over each commit.",
          Duration.ofNanos(100_000),
          Duration.ofSeconds(10));
  private final Timer step =
      meters.timer(
          "cairn.step",
          "Time the device took for a step.",
          Duration.ofNanos(100_000),
          Duration.ofSeconds(10));
  private final DistributionSummary stepRows =
      meters.summary("cairn.step.rows", "Chunks of prompt and decode rows in a step.");

  private final Counter prefixCacheHitTokens =
      counter(
          "cairn.prefix.cache.hit.tokens",
          "Tokens that were not computed because an equal prefix was cached.");

  private final Counter draftedTokens =
      counter("cairn.look.up.drafted.tokens", "Tokens that were drafted from earlier ones.");
  private final Counter heldTokens =
      counter("cairn.look.up.held.tokens", "Drafted tokens that were what the model drew.");

  private final JournalMetrics journal = new JournalMetrics(registry);
  private final DeviceMetrics devices = new DeviceMetrics(registry);
  private final TenantMetrics tenants;
  private volatile RequestObserver.Factory observers = beginning -> RequestObserver.NONE;

  /** With labels of their own for a few tenants. */
  public CairnMetrics() {
    this(32);
  }

  /**
   * @param maxTenants tenants that have labels of their own
   */
  public CairnMetrics(int maxTenants) {
    this.tenants = new TenantMetrics(registry, maxTenants);
    SPAN_RESULTS.forEach(result -> spans(result, 0));
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

  /** Has the lives of requests observed, by traces. */
  public void observeRequests(RequestObserver.Factory factory) {
    observers = factory;
  }

  @Override
  public RequestObserver observe(RequestObserver.Beginning beginning) {
    return observers.begin(beginning);
  }

  /** Spans of traces went out, or did not. */
  public void spans(String result, int count) {
    meters
        .counter("cairn.trace.spans", "Spans of traces, by what became of them.", "result", result)
        .increment(count);
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
    firstToken.record(Meters.duration(nanos));
  }

  @Override
  public void interToken(long nanos, int tokens) {
    for (int i = 0; i < tokens; i++) {
      interToken.record(Meters.duration(nanos));
    }
  }

  @Override
  public void stepCompleted(int rows, int tokens, long nanos) {
    step.record(Meters.duration(nanos));
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

  @Override
  public void device(DeviceReading reading) {
    devices.read(reading);
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
    journal.committed(events, nanos);
  }

  /**
   * Says where to read how the journal is doing.
   *
   * @param durability when a write counts as durable: {@code fsync}, {@code os} or {@code none}
   */
  public void journal(Supplier<JournalStats> stats, String durability) {
    journal.read(stats, durability);
  }

  /**
   * Says where to read who is in the cluster.
   *
   * @param members how many members have a status, by its name; of a name that is missing: none
   * @param unreachable members that this node does not reach
   */
  public void cluster(
      List<String> statuses, ToIntFunction<String> members, IntSupplier unreachable) {
    for (String status : statuses) {
      Gauge.builder("cairn.cluster.members", members, all -> all.applyAsInt(status))
          .description("Members of the cluster as this node sees it, by status.")
          .tag("status", status)
          .strongReference(true)
          .register(registry);
    }
    Gauge.builder("cairn.cluster.unreachable.members", unreachable, IntSupplier::getAsInt)
        .description("Members of the cluster that this node does not reach.")
        .strongReference(true)
        .register(registry);
  }

  /** Says where to read whether the node is ready. */
  public void ready(BooleanSupplier ready) {
    Gauge.builder("cairn.ready", ready, is -> is.getAsBoolean() ? 1 : 0)
        .description("1 while the node takes requests, as /health/ready says.")
        .strongReference(true)
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
    return meters.counter(
        "cairn.requests", "Requests accepted, and ended by reason.", "state", state);
  }

  private Counter counter(String name, String help) {
    return meters.counter(name, help);
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
}
