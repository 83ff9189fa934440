package dev.cairn.model.tokenizer;

import java.util.Arrays;

/** From a pair of symbols to the rank of their merge and the symbol it makes; open addressing. */
final class MergeTable {
  private final long[] pairs;
  private final int[] ranks;
  private final int[] results;
  private final int mask;

  MergeTable(int merges) {
    int capacity = Integer.highestOneBit(Math.max(4, merges)) * 4;
    pairs = new long[capacity];
    ranks = new int[capacity];
    results = new int[capacity];
    mask = capacity - 1;
    Arrays.fill(pairs, -1);
  }

  /** Adds a merge; the first one of a pair counts. */
  void put(int left, int right, int rank, int result) {
    int slot = slot(left, right);
    if (pairs[slot] == -1) {
      pairs[slot] = pair(left, right);
      ranks[slot] = rank;
      results[slot] = result;
    }
  }

  /** The slot of a pair, for {@link #rank} and {@link #result}. */
  int slot(int left, int right) {
    long pair = pair(left, right);
    long hash = pair * 0x9E3779B97F4A7C15L;
    int slot = (int) (hash >>> 32) & mask;
    while (pairs[slot] != -1 && pairs[slot] != pair) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Rank of the merge in this slot, or -1. */
  int rank(int slot) {
    return pairs[slot] == -1 ? -1 : ranks[slot];
  }

  int result(int slot) {
    return results[slot];
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }
}
