package dev.cairn.model;

import java.util.List;

/**
 * Follows the tokens of one output and says which text is safe to show: never half a character,
 * never a part of what may yet turn out to be a stop string, never anything behind a stop string.
 *
 * <p>{@link #boundary()} is the index after the last token whose text has been drained in full. It
 * depends on the tokens and stop strings alone, so a reader who starts anew and appends the same
 * tokens finds the same boundaries, whatever the pieces in which they came.
 *
 * <p>Not safe for several threads.
 */
public final class TextStream {
  public TextStream(Tokenizer tokenizer, List<String> stops) {
    throw new UnsupportedOperationException();
  }

  /**
   * Appends the next token.
   *
   * @return whether it completed a stop string; after that no token may be appended
   */
  public boolean append(int token) {
    throw new UnsupportedOperationException();
  }

  /** The output has ended: what was held back becomes safe, an unfinished character as U+FFFD. */
  public void finish() {
    throw new UnsupportedOperationException();
  }

  /** Text that became safe since the last call, perhaps empty. */
  public String drain() {
    throw new UnsupportedOperationException();
  }

  /** Number of tokens whose text is exactly all that was or will now be drained. */
  public int boundary() {
    throw new UnsupportedOperationException();
  }

  /** Number of tokens appended. */
  public int tokens() {
    throw new UnsupportedOperationException();
  }

  /** Whether a stop string was found. */
  public boolean stopped() {
    throw new UnsupportedOperationException();
  }
}
