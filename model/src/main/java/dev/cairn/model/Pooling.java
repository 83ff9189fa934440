package dev.cairn.model;

import java.util.Locale;
import java.util.Optional;

/**
 * How one vector is made of the hidden states of a text: the outputs of the model's final norm, one
 * for each position, which are what the language model head would be given.
 */
public enum Pooling {
  /** None is made; tokens are drawn. */
  NONE,
  /** The mean of all positions. */
  MEAN,
  /** That of the last position. */
  LAST;

  /** Of its name in configuration and API, {@code mean} or {@code last}. */
  public static Optional<Pooling> of(String text) {
    return switch (text) {
      case "mean" -> Optional.of(MEAN);
      case "last" -> Optional.of(LAST);
      default -> Optional.empty();
    };
  }

  /** Its name in configuration and API. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
