package dev.cairn.request;

import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import java.util.Optional;

/**
 * Looks for the stop strings of a request in its output. Has seen every committed token and none
 * that is not being committed.
 */
final class StopStrings {
  private final Optional<TextStream> text;

  StopStrings(RequestSpec spec, Tokenizer tokenizer, CommittedTokens committed) {
    text =
        spec.stop().isEmpty()
            ? Optional.empty()
            : Optional.of(new TextStream(tokenizer, spec.stop()));
    take(committed.toArray());
  }

  /**
   * Takes the next tokens of the output.
   *
   * @return how many of them belong to it: up to and including the one that completes a stop
   *     string, or all
   */
  int take(int[] tokens) {
    if (text.isPresent()) {
      for (int i = 0; i < tokens.length; i++) {
        if (text.get().append(tokens[i])) {
          return i + 1;
        }
      }
    }
    return tokens.length;
  }

  /** Whether a stop string was found. */
  boolean found() {
    return text.isPresent() && text.get().stopped();
  }
}
