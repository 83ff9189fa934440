package dev.cairn.embedded;

import dev.cairn.persistence.FinishReason;
import java.util.Arrays;
import java.util.Objects;

/**
 * How a generation ended.
 *
 * @param id names it, also to an engine that is started later
 * @param text all that was written
 * @param tokens the same as the model has it, the token that ended it included
 * @param reason why it ended
 */
public record Result(String id, String text, int[] tokens, FinishReason reason) {
  /** By value, the tokens included. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Result that
        && id.equals(that.id)
        && text.equals(that.text)
        && Arrays.equals(tokens, that.tokens)
        && reason == that.reason;
  }

  @Override
  public int hashCode() {
    return Objects.hash(id, text, Arrays.hashCode(tokens), reason);
  }

  @Override
  public String toString() {
    return "Result[id=" + id + ", reason=" + reason + ", text=" + text + "]";
  }
}
