package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.model.Pooling;
import java.time.Duration;
import java.util.Optional;

/**
 * {@code cairn.embeddings}, read and checked once.
 *
 * @param pooling of calls that name none; empty: as the model's file says
 * @param maxInputs of a call
 * @param maxInputTokens of an input; 0: as many as a sequence may have
 * @param maxParallel inputs of a call that are on devices at the same time
 * @param timeout longest time that a call may take
 */
public record EmbeddingSettings(
    Optional<Pooling> pooling,
    int maxInputs,
    int maxInputTokens,
    int maxParallel,
    Duration timeout) {
  /**
   * Reads them.
   *
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static EmbeddingSettings from(Config config) {
    Config embeddings = config.getConfig("cairn.embeddings");
    String pooling = embeddings.getString("pooling");
    Optional<Pooling> named = Pooling.of(pooling);
    if (named.isEmpty() && !pooling.equals("auto")) {
      throw new IllegalArgumentException(
          "cairn.embeddings.pooling is '" + pooling + "', expected auto, mean or last");
    }
    Duration timeout = embeddings.getDuration("timeout");
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException(
          "cairn.embeddings.timeout is " + timeout.toMillis() + " ms, expected more than 0");
    }
    return new EmbeddingSettings(
        named,
        atLeast(1, embeddings, "max-inputs"),
        atLeast(0, embeddings, "max-input-tokens"),
        atLeast(1, embeddings, "max-parallel"),
        timeout);
  }

  private static int atLeast(int least, Config embeddings, String key) {
    int value = embeddings.getInt(key);
    if (value < least) {
      throw new IllegalArgumentException(
          "cairn.embeddings." + key + " is " + value + ", expected at least " + least);
    }
    return value;
  }

  /**
   * How vectors are made where a call does not say.
   *
   * @param ofModel what the model's file says
   */
  public Pooling pooling(Optional<Pooling> ofModel) {
    return pooling.or(() -> ofModel).orElse(Pooling.MEAN);
  }

  /**
   * Most tokens of an input.
   *
   * @param maxContext longest sequence of the device
   */
  public int inputTokens(int maxContext) {
    return maxInputTokens == 0 ? maxContext : Math.min(maxInputTokens, maxContext);
  }
}
