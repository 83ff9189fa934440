package dev.cairn.server.isolation;

import com.typesafe.config.Config;
import java.time.Duration;

/** {@code cairn.isolation}; its keys are explained in {@code reference.conf}. */
public record IsolationSettings(
    boolean enabled,
    Duration minBackoff,
    Duration maxBackoff,
    Duration resetAfter,
    int maxAttempts,
    Duration stopTimeout) {
  public static IsolationSettings from(Config config) {
    Config isolation = config.getConfig("cairn.isolation");
    return new IsolationSettings(
        isolation.getBoolean("enabled"),
        isolation.getDuration("min-backoff"),
        isolation.getDuration("max-backoff"),
        isolation.getDuration("reset-after"),
        isolation.getInt("max-attempts"),
        isolation.getDuration("stop-timeout"));
  }
}
