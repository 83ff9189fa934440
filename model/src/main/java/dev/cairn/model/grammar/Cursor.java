package dev.cairn.model.grammar;

import java.util.Arrays;

/**
 * How far an output has come in its language. Where few tokens are left, only those may follow
 * behind which it can still be brought to an end, a token for each byte; where even that is too
 * many, those of the shortest outputs. Not safe for several threads at a time.
 */
public final class Cursor {
  private final TokenLanguage language;
  private Machine.State state;
  private boolean isShortened;

  Cursor(TokenLanguage language, Machine.State state) {
    this.language = language;
    this.state = state;
  }

  /** Whether the output is whole and nothing can follow. */
  public boolean isAtEnd() {
    return state.isComplete && state.isLast();
  }

  /** Whether the output is whole, though it may go on. */
  public boolean isComplete() {
    return state.isComplete;
  }

  /** Whether tokens were ruled out because few were left. */
  public boolean isShortened() {
    return isShortened;
  }

  /** Whether {@link #allowed} has nothing to work out. */
  public boolean isKnown(int left) {
    TokenLanguage.Mask mask = state.mask;
    return mask != null && mask.worst() <= left - 1;
  }

  /**
   * The tokens that may follow, one bit each; not to be changed. None where no token of the
   * vocabulary can.
   *
   * @param left tokens that the output may still have, at least 1
   */
  public long[] allowed(int left) {
    TokenLanguage.Mask mask = language.mask(state);
    if (mask.worst() <= left - 1) {
      return mask.tokens();
    }
    long[] near = language.all(state, left - 1, 0);
    if (TokenLanguage.isEmpty(near)) {
      // A token for each byte is too many: only a shortest output may be short enough in tokens.
      near = language.all(state, state.bytesToEnd, 1);
    }
    isShortened |= !Arrays.equals(near, mask.tokens());
    return near;
  }

  /**
   * Goes on behind a token. A token that ends changes nothing.
   *
   * @return whether the token may follow; where not, nothing changes
   */
  public boolean advance(int token) {
    if (language.trie().endsOutput(token)) {
      return state.isComplete;
    }
    Machine now = language.current();
    Machine.State next = state.machine() == now ? state : now.adopt(state);
    byte[] bytes = language.trie().bytes(token);
    for (int i = 0; i < bytes.length && next != null; i++) {
      next = next.after(bytes[i] & 0xff);
    }
    if (next == null || bytes.length == 0) {
      return false;
    }
    state = next;
    return true;
  }
}
