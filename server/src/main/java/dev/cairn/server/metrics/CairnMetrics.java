package dev.cairn.server.metrics;

import dev.cairn.persistence.FinishReason;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The metrics of one node, in base units, as Prometheus reads them. Each method is one thing that
 * happened; each is called after what it counts is durable. Safe for any number of threads.
 */
public final class CairnMetrics implements AutoCloseable {
  private static final double NANOS_PER_SECOND = 1e9;

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Map<FinishReason, Counter> ended = new EnumMap<>(FinishReason.class);
  private final Counter accepted;
  private final Counter promptTokens;
  private final Counter prefixCacheHitTokens;
  private final Counter tokensCommitted;
  private final Timer firstToken;
  private final Timer interToken;
  private final Timer step;
  private final DistributionSummary stepRows;
  private final Counter stepTokens;
  private final Counter idleSeconds;
  private final Counter staleResults;
  private final Counter preemptions;
  private final Counter deviceErrors;
  private final Counter userErrors;
  private final Timer journalCommit;
  private final DistributionSummary journalCommitEvents;

  public CairnMetrics() {
    accepted = requests("accepted");
    for (FinishReason reason : FinishReason.values()) {
      ended.put(reason, requests(reason.name().toLowerCase(Locale.ROOT)));
    }
    promptTokens = counter("cairn.prompt.tokens", "Prompt tokens of accepted requests.");
    prefixCacheHitTokens =
        counter("cairn.prefix.cache.hit.tokens", "Prompt tokens that the KV store held already.");
    tokensCommitted = counter("cairn.tokens.committed", "Generated tokens that are durable.");
    firstToken =
        timer(
            "cairn.time.to.first.token",
            "From the acceptance of a request to its first durable token.",
            Duration.ofMillis(1),
            Duration.ofMinutes(1));
    interToken =
        timer(
            "cairn.inter.token",
            "Between durable tokens of one request, averaged over each commit.",
            Duration.ofNanos(100_000),
            Duration.ofSeconds(10));
    step =
        timer(
            "cairn.step",
            "Time the device took for a step.",
            Duration.ofNanos(100_000),
            Duration.ofSeconds(10));
    stepRows =
        DistributionSummary.builder("cairn.step.rows")
            .description("Chunks of prompt and decode rows in a step.")
            .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
            .register(registry);
    stepTokens = counter("cairn.step.tokens", "Tokens that went through the model.");
    idleSeconds =
        Counter.builder("cairn.device.idle.seconds")
            .description("Time in which the device had work and no step.")
            .register(registry);
    staleResults =
        counter("cairn.stale.results", "Results of a device that came too late and were dropped.");
    preemptions =
        counter("cairn.preemptions", "Sequences that lost their KV blocks and were queued again.");
    deviceErrors = counter("cairn.device.errors", "Failures of a device.");
    userErrors = counter("cairn.user.errors", "Requests refused because of what they asked for.");
    journalCommit =
        timer(
            "cairn.journal.commit",
            "Time of a write to the journal, made durable.",
            Duration.ofNanos(50_000),
            Duration.ofSeconds(10));
    journalCommitEvents =
        DistributionSummary.builder("cairn.journal.commit.events")
            .description("Events in a write to the journal.")
            .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
            .register(registry);
  }

  /** A request is durable. */
  public void requestAccepted(int promptTokenCount) {
    accepted.increment();
    promptTokens.increment(promptTokenCount);
  }

  /** A request's end is durable. */
  public void requestEnded(FinishReason reason) {
    ended.get(reason).increment();
  }

  public void prefixCacheHit(int tokens) {
    prefixCacheHitTokens.increment(tokens);
  }

  public void tokensCommitted(int tokens) {
    tokensCommitted.increment(tokens);
  }

  /** The first token of a request became durable, this long after its acceptance. */
  public void firstToken(double seconds) {
    firstToken.record(duration(seconds));
  }

  /** A further token of a request became durable, this long after the one before. */
  public void interToken(double seconds) {
    interToken.record(duration(seconds));
  }

  /**
   * A step has ended.
   *
   * @param rows chunks in it
   * @param tokens tokens in it
   * @param seconds that it took
   * @param idle seconds between the step before and this one, in which there was work
   */
  public void stepCompleted(int rows, int tokens, double seconds, double idle) {
    step.record(duration(seconds));
    stepRows.record(rows);
    stepTokens.increment(tokens);
    idleSeconds.increment(Math.max(0, idle));
  }

  public void staleResult() {
    staleResults.increment();
  }

  public void preemption() {
    preemptions.increment();
  }

  public void deviceError() {
    deviceErrors.increment();
  }

  public void userError() {
    userErrors.increment();
  }

  /** The journal made events durable with one write. */
  public void journalCommit(int events, double seconds) {
    journalCommit.record(duration(seconds));
    journalCommitEvents.record(events);
  }

  /** Requests that a device works on. */
  public void running(Supplier<Number> value) {
    gauge("cairn.requests.running", "Requests that a device works on.", value);
  }

  /** Requests that wait for a device. */
  public void queued(Supplier<Number> value) {
    gauge("cairn.requests.queued", "Requests that wait for a device.", value);
  }

  /**
   * Blocks of the KV store.
   *
   * @param state {@code free}, {@code used} or {@code cached}
   */
  public void kvBlocks(String state, Supplier<Number> value) {
    Gauge.builder("cairn.kv.blocks", value)
        .description("Blocks of the KV store.")
        .tag("state", state)
        .strongReference(true)
        .register(registry);
  }

  public void openSlots(Supplier<Number> value) {
    gauge("cairn.device.open.slots", "Sequences that the device holds.", value);
  }

  public void readers(Supplier<Number> value) {
    gauge("cairn.readers", "Clients that follow a request.", value);
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

  private void gauge(String name, String help, Supplier<Number> value) {
    Gauge.builder(name, value).description(help).strongReference(true).register(registry);
  }

  private Timer timer(String name, String help, Duration min, Duration max) {
    return Timer.builder(name)
        .description(help)
        .publishPercentileHistogram()
        .minimumExpectedValue(min)
        .maximumExpectedValue(max)
        .register(registry);
  }

  private static Duration duration(double seconds) {
    return Duration.ofNanos((long) (Math.max(0, seconds) * NANOS_PER_SECOND));
  }
}
