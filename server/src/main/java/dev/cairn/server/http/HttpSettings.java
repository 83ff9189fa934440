package dev.cairn.server.http;

import com.typesafe.config.Config;
import dev.cairn.model.Sampling;
import java.time.Duration;

/**
 * Settings of the HTTP API; {@code reference.conf} explains each.
 *
 * @param sampling what a request gets that names no sampling parameter
 */
public record HttpSettings(
    String host,
    int port,
    long maxBodyBytes,
    Duration bodyTimeout,
    Duration heartbeat,
    Duration retryAfter,
    Duration stopTimeout,
    Sampling sampling) {
  /** Reads {@code cairn.http} and {@code cairn.sampling}. */
  public static HttpSettings from(Config root) {
    Config http = root.getConfig("cairn.http");
    return new HttpSettings(
        http.getString("host"),
        http.getInt("port"),
        http.getBytes("max-body-bytes"),
        http.getDuration("body-timeout"),
        http.getDuration("heartbeat"),
        http.getDuration("retry-after"),
        http.getDuration("stop-timeout"),
        sampling(root.getConfig("cairn.sampling")));
  }

  private static Sampling sampling(Config config) {
    return new Sampling(
        (float) config.getDouble("temperature"),
        config.getInt("top-k"),
        (float) config.getDouble("top-p"),
        (float) config.getDouble("min-p"),
        (float) config.getDouble("repetition-penalty"),
        (float) config.getDouble("presence-penalty"),
        (float) config.getDouble("frequency-penalty"));
  }
}
