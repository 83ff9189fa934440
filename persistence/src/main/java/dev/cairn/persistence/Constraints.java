package dev.cairn.persistence;

import java.util.Objects;

/**
 * What a request demands of its device beyond the model.
 *
 * @param backend name of the back end, such as {@code cpu}; empty: any
 * @param weightType type of most of the model's weights, such as {@code Q8_0}; empty: any
 * @param architecture the model's architecture, such as {@code llama}; empty: any
 * @param minKvTokens fewest tokens whose keys and values the device has room for; 0: any
 */
public record Constraints(
    String backend, String weightType, String architecture, long minKvTokens) {
  /** Any device will do. */
  public static final Constraints NONE = new Constraints("", "", "", 0);

  public Constraints {
    Objects.requireNonNull(backend, "constraints without a back end, expected empty for any");
    Objects.requireNonNull(weightType, "constraints without a weight type, expected empty for any");
    Objects.requireNonNull(
        architecture, "constraints without an architecture, expected empty for any");
    if (minKvTokens < 0) {
      throw new IllegalArgumentException(
          "constraints of " + minKvTokens + " KV tokens, expected 0 or more");
    }
  }
}
