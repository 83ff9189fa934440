package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import java.util.Arrays;
import java.util.List;

/**
 * The committed tokens of a request up to one moment; immutable. Later moments share the storage:
 * only elements behind every earlier {@link #size()} are ever written.
 */
public final class CommittedTokens {
  public static final CommittedTokens EMPTY = new CommittedTokens(new int[0], null, 0);

  private final int[] tokens;
  private final TokenLogprobs[] logprobs;
  private final int size;

  private CommittedTokens(int[] tokens, TokenLogprobs[] logprobs, int size) {
    this.tokens = tokens;
    this.logprobs = logprobs;
    this.size = size;
  }

  /** Number of tokens. */
  public int size() {
    return size;
  }

  /** Token at an index, 0 to {@link #size()} exclusive. */
  public int get(int index) {
    checkIndex(index);
    return tokens[index];
  }

  /** Log-probabilities of a token, or null where the request asks for none. */
  public TokenLogprobs logprobs(int index) {
    checkIndex(index);
    return logprobs == null ? null : logprobs[index];
  }

  /** A copy of all tokens. */
  public int[] toArray() {
    return Arrays.copyOf(tokens, size);
  }

  /** A copy of the tokens from one index to another, exclusive. */
  public int[] range(int from, int to) {
    if (from < 0 || from > to || to > size) {
      throw new IndexOutOfBoundsException(
          "tokens " + from + " to " + to + " of " + size + " committed tokens");
    }
    return Arrays.copyOfRange(tokens, from, to);
  }

  /** This list and the given tokens. Only the owner of the newest list may append to it. */
  CommittedTokens append(int[] more, List<TokenLogprobs> moreLogprobs) {
    int newSize = Math.addExact(size, more.length);
    int[] grown = tokens;
    if (newSize > tokens.length) {
      grown = Arrays.copyOf(tokens, Math.max(newSize, Math.max(16, tokens.length * 2)));
    }
    System.arraycopy(more, 0, grown, size, more.length);
    TokenLogprobs[] grownLogprobs = logprobs;
    if (!moreLogprobs.isEmpty()) {
      if (moreLogprobs.size() != more.length) {
        throw new IllegalArgumentException(
            moreLogprobs.size() + " log-probabilities for " + more.length + " tokens");
      }
      grownLogprobs =
          logprobs == null
              ? new TokenLogprobs[grown.length]
              : logprobs.length < grown.length ? Arrays.copyOf(logprobs, grown.length) : logprobs;
      for (int i = 0; i < more.length; i++) {
        grownLogprobs[size + i] = moreLogprobs.get(i);
      }
    }
    return new CommittedTokens(grown, grownLogprobs, newSize);
  }

  private void checkIndex(int index) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException("index " + index + " of " + size + " committed tokens");
    }
  }
}
