package dev.cairn.scheduling;

import java.util.BitSet;

/** The blocks of a device's KV store. Each is free or belongs to one sequence. */
final class BlockPool {
  private final int[] free;
  private final BitSet taken;
  private int freeCount;

  BlockPool(int blocks) {
    free = new int[blocks];
    taken = new BitSet(blocks);
    // Lowest numbers first: a small load stays in a small, warm part of the store.
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i;
    }
    freeCount = blocks;
  }

  int total() {
    return free.length;
  }

  int free() {
    return freeCount;
  }

  /** Takes one block; there is one free. */
  int take() {
    if (freeCount == 0) {
      throw new IllegalStateException("no free block of " + free.length);
    }
    int block = free[--freeCount];
    taken.set(block);
    return block;
  }

  /** Gives a block back. */
  void give(int block) {
    if (!taken.get(block)) {
      throw new IllegalStateException("block " + block + " is given back and was not taken");
    }
    taken.clear(block);
    free[freeCount++] = block;
  }
}
