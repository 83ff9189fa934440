package dev.cairn.server.http;

import com.typesafe.config.Config;
import dev.cairn.cluster.EmbeddingSettings;
import dev.cairn.model.Sampling;
import dev.cairn.server.chat.ChatTemplate;
import java.time.Duration;
import java.util.List;

/**
 * Settings of the HTTP API; {@code reference.conf} explains each.
 *
 * @param corsOrigins whose pages may use the API from a browser
 * @param maxChoices requests that one call may make
 * @param chatTemplate bounds on rendering a chat template
 * @param requestLog what is logged of each call
 * @param sampling what a request gets that names no sampling parameter
 * @param embeddings bounds and defaults of vectors
 * @param server what is laid over {@code pekko.http.server}
 */
public record HttpSettings(
    String host,
    int port,
    long maxBodyBytes,
    Duration bodyTimeout,
    Duration heartbeat,
    Duration retryAfter,
    Duration stopTimeout,
    List<String> corsOrigins,
    int maxChoices,
    ChatTemplate.Limits chatTemplate,
    RequestLogSettings requestLog,
    Sampling sampling,
    EmbeddingSettings embeddings,
    Config server) {
  /** Reads {@code cairn.http} and {@code cairn.sampling}. */
  public static HttpSettings from(Config root) {
    return from(root.getConfig("cairn.http"), root);
  }

  /** Reads {@code cairn.admin}, and of {@code cairn.http} what that leaves out. */
  public static HttpSettings forOperators(Config root) {
    return from(root.getConfig("cairn.admin").withFallback(root.getConfig("cairn.http")), root);
  }

  private static HttpSettings from(Config http, Config root) {
    return new HttpSettings(
        http.getString("host"),
        http.getInt("port"),
        http.getBytes("max-body-bytes"),
        http.getDuration("body-timeout"),
        http.getDuration("heartbeat"),
        http.getDuration("retry-after"),
        http.getDuration("stop-timeout"),
        http.getStringList("cors-origins"),
        http.getInt("max-choices"),
        new ChatTemplate.Limits(
            http.getDuration("chat-template.timeout").toMillis(),
            http.getLong("chat-template.max-characters")),
        RequestLogSettings.from(http),
        sampling(root.getConfig("cairn.sampling")),
        EmbeddingSettings.from(root),
        http.getConfig("server"));
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
