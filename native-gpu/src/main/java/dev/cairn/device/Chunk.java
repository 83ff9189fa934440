package dev.cairn.device;

/**
 * Part of a step: consecutive tokens of one slot. A decode row is a chunk of one token.
 *
 * @param slot an open slot, at most once in a step
 * @param start position of the first token; everything before it is in the slot's KV blocks. 0
 *     starts anew (after preemption) with an empty block table
 * @param count tokens to process, at least 1; all of them are known to the slot when the step runs
 * @param sample draw a token after the last one; it becomes token {@code start + count} of the
 *     slot, which is the end of what the slot knows
 * @param firstBlock index in the slot's block table of the first of {@code blocks}
 * @param blocks numbers of the KV blocks to append to the slot's block table before the step; the
 *     table then covers {@code start + count} tokens
 * @param allowed tokens that may be drawn, one bit each, token t in bit t % 64 of word t / 64;
 *     empty: all
 * @param draft guesses of the tokens from {@code start + count} on, processed in the same step, for
 *     which {@code blocks} has room too: while the token drawn is the one guessed, another is drawn
 *     after it. Until such a step has been awaited none names the slot. Not with {@code allowed},
 *     and only where {@link DeviceInfo#verifiesDrafts()}; empty: none
 */
public record Chunk(
    int slot,
    int start,
    int count,
    boolean sample,
    int firstBlock,
    int[] blocks,
    long[] allowed,
    int[] draft) {
  /** Any token may be drawn. */
  public static final long[] ALL = {};

  private static final int[] NO_DRAFT = {};

  /** A chunk after which any token may be drawn. */
  public Chunk(int slot, int start, int count, boolean sample, int firstBlock, int[] blocks) {
    this(slot, start, count, sample, firstBlock, blocks, ALL);
  }

  /** A chunk after which some tokens may be drawn. */
  public Chunk(
      int slot,
      int start,
      int count,
      boolean sample,
      int firstBlock,
      int[] blocks,
      long[] allowed) {
    this(slot, start, count, sample, firstBlock, blocks, allowed, NO_DRAFT);
  }

  /** Tokens that the step processes for it. */
  public int rows() {
    return count + draft.length;
  }
}
