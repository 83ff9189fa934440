package dev.cairn.server.tracing;

import com.typesafe.config.Config;
import java.net.URI;
import java.time.Duration;

/**
 * Settings of traces; {@code reference.conf} explains each.
 *
 * @param endpoint where spans go, by OTLP over HTTP
 * @param sampleRatio part of the requests that are traced, where their client does not decide
 * @param maxQueue spans that wait to be sent
 * @param maxBatch spans that are sent at once
 * @param delay longest wait of a span for others
 * @param timeout longest wait for the endpoint
 * @param maxSpans spans of one life of a request
 * @param logInterval shortest time between two lines of the log that say that spans are lost
 */
public record TracingSettings(
    boolean enabled,
    URI endpoint,
    String serviceName,
    double sampleRatio,
    int maxQueue,
    int maxBatch,
    Duration delay,
    Duration timeout,
    int maxSpans,
    Duration logInterval) {
  /** Spans without which a request is not told: its own, queue, prefill, decode and commit. */
  private static final int FEWEST_SPANS = 5;

  public TracingSettings {
    String scheme = String.valueOf(endpoint.getScheme());
    require(
        (scheme.equals("http") || scheme.equals("https")) && endpoint.getHost() != null,
        "endpoint",
        endpoint,
        "http://HOST:PORT/PATH or https://HOST:PORT/PATH");
    require(sampleRatio >= 0 && sampleRatio <= 1, "sample-ratio", sampleRatio, "0 to 1");
    require(maxQueue >= 1, "max-queue", maxQueue, "at least 1");
    require(maxBatch >= 1 && maxBatch <= maxQueue, "max-batch", maxBatch, "1 to max-queue");
    require(maxSpans >= FEWEST_SPANS, "max-spans", maxSpans, "at least " + FEWEST_SPANS);
    require(!delay.isNegative() && !delay.isZero(), "delay", delay, "more than 0");
    require(!timeout.isNegative() && !timeout.isZero(), "timeout", timeout, "more than 0");
  }

  /** Reads {@code cairn.tracing}. */
  public static TracingSettings from(Config root) {
    Config tracing = root.getConfig("cairn.tracing");
    return new TracingSettings(
        tracing.getBoolean("enabled"),
        URI.create(tracing.getString("endpoint")),
        tracing.getString("service-name"),
        tracing.getDouble("sample-ratio"),
        tracing.getInt("max-queue"),
        tracing.getInt("max-batch"),
        tracing.getDuration("delay"),
        tracing.getDuration("timeout"),
        tracing.getInt("max-spans"),
        tracing.getDuration("log-interval"));
  }

  private static void require(boolean holds, String key, Object found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          "cairn.tracing." + key + " is " + found + "; expected " + expected + ".");
    }
  }
}
