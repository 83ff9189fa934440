package dev.cairn.scheduling;

import java.util.Objects;

/**
 * Holds one sequence to a language: says which tokens it may draw next. What it may draw follows
 * from what it has drawn, so the sequence waits for the result of its last step before it is
 * planned again, and for nothing else: what is not known yet is worked out elsewhere, and the other
 * rows do not wait for it.
 */
public interface Guide {
  /** What a sequence may do next. */
  sealed interface Next {}

  /** It is being worked out. */
  record Working() implements Next {}

  /**
   * Draw one of these.
   *
   * @param tokens one bit each, as {@link dev.cairn.device.Chunk#allowed()} has them
   */
  record Allowed(long[] tokens) implements Next {
    public Allowed {
      Objects.requireNonNull(tokens);
    }
  }

  /** Nothing: the output is whole, and nothing can follow. */
  record AtEnd() implements Next {}

  /** Nothing, because its language cannot be followed. */
  record Stuck(String why) implements Next {}

  Next next();

  /** The sequence drew a token. Called when {@link #next} has said what it may draw. */
  void drew(int token);

  /** Whether tokens were ruled out so that the output ends before it may have no more. */
  boolean isShortened();

  /** Makes guides. */
  interface Factory {
    /**
     * A guide for a request that is admitted.
     *
     * @param most tokens that its output may have
     */
    Guide of(Admission admission, int most);
  }
}
