package dev.cairn.scheduling;

import java.util.Arrays;

/**
 * Guesses how a sequence goes on: where its last tokens stand in it before, it may go on as it did
 * there (prompt look-up, a draft without a model for speculative decoding: Leviathan, Kalman,
 * Matias, ICML 2023; Saxena, 2023). A wrong guess costs a step some time and nothing else.
 *
 * <p>It keeps tokens of its own, because the sequence's are on the device. Equal beginnings of
 * places are found by chains of equal hashes, newest first, and looked through to a bounded depth.
 */
final class PromptLookUp {
  private static final int[] NOTHING = {};
  private static final int HEADS = 1 << 11;
  private static final int MAX_CANDIDATES = 32;

  /** Tokens without a draft after one of which nothing held: at most 2 to the power of this. */
  private static final int MAX_PATIENCE = 5;

  private final LookUpPolicy policy;
  private int[] tokens;
  private int size;

  /** By hash of so many tokens as have to agree: the newest place behind them. */
  private final int[] newest = new int[HEADS];

  /** Of a place: the next older one of the same hash, or 0. */
  private int[] older;

  /** Tokens of the next draft. */
  private int length;

  private int failures;
  private int quietUntil;

  /**
   * @param tokens of the sequence so far
   */
  PromptLookUp(LookUpPolicy policy, int[] tokens) {
    this.policy = policy;
    this.tokens = new int[tokens.length + 16];
    this.older = new int[tokens.length + 17];
    this.length = policy.maxDraft();
    for (int token : tokens) {
      add(token);
    }
  }

  /** The sequence went on. */
  void add(int token) {
    if (size == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * size);
      older = Arrays.copyOf(older, 2 * size + 1);
    }
    tokens[size++] = token;
    if (size >= policy.minNgram()) {
      int hash = hash();
      older[size] = newest[hash];
      newest[hash] = size;
    }
  }

  /** Tokens that a step may bring at most. */
  int mostAStep() {
    return 1 + length;
  }

  /**
   * @param unseen tokens that steps in flight will draw first
   * @param most tokens that may be drafted
   * @return what may come after those, or nothing
   */
  int[] draft(int unseen, int most) {
    int count = Math.min(length, most);
    if (count <= 0 || size < quietUntil || size < policy.minNgram()) {
      return NOTHING;
    }
    int place = bestPlace();
    if (place == 0) {
      return NOTHING;
    }
    // Beyond the end the guess goes on as it began there: the sequence repeats itself.
    int period = size - place;
    int[] guess = new int[count];
    for (int i = 0; i < count; i++) {
      guess[i] = tokens[place + (unseen + i) % period];
    }
    return guess;
  }

  /** What became of a draft. */
  void ended(int drafted, int held) {
    if (held == drafted) {
      length = Math.min(policy.maxDraft(), 2 * length);
    } else {
      length = Math.max(1, held);
    }
    failures = held > 0 ? 0 : Math.min(MAX_PATIENCE, failures + 1);
    quietUntil = failures == 0 ? 0 : size + (1 << failures);
  }

  /** The newest of the places that agree with the end in most tokens; 0: there is none. */
  private int bestPlace() {
    int best = 0;
    int agreed = policy.minNgram() - 1;
    int place = older[size];
    for (int i = 0; i < MAX_CANDIDATES && place > 0 && agreed < policy.maxNgram(); i++) {
      int count = agreeing(place);
      if (count > agreed) {
        agreed = count;
        best = place;
      }
      place = older[place];
    }
    return best;
  }

  private int agreeing(int place) {
    int most = Math.min(policy.maxNgram(), place);
    int count = 0;
    while (count < most && tokens[place - 1 - count] == tokens[size - 1 - count]) {
      count++;
    }
    return count;
  }

  private int hash() {
    int hash = 0;
    for (int i = 1; i <= policy.minNgram(); i++) {
      hash = hash * 0x01000193 + tokens[size - i];
    }
    hash *= 0x9E3779B9;
    return hash >>> (Integer.SIZE - Integer.numberOfTrailingZeros(HEADS));
  }
}
