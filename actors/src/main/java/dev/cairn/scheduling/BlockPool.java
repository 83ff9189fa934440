package dev.cairn.scheduling;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The blocks of a device's KV store. A block is free, or referenced by sequences, or cached: named,
 * with no sequence that uses it. Full blocks are named once they are computed and never written
 * again, so sequences share them. A cached block counts as available; the one that was let go of
 * longest ago is given up first.
 */
final class BlockPool {
  private final int[] free;
  private final int[] references;
  private final PrefixChain.Name[] names;
  private final Map<PrefixChain.Name, Integer> named = new HashMap<>();
  private final Set<Integer> cached = new LinkedHashSet<>();
  private int freeCount;

  /** Blocks promised to sequences that take them later. */
  private int reserved;

  BlockPool(int blocks) {
    free = new int[blocks];
    references = new int[blocks];
    names = new PrefixChain.Name[blocks];
    // Lowest numbers first: a small load stays in a small, warm part of the store.
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i;
    }
    freeCount = blocks;
  }

  int total() {
    return free.length;
  }

  /** Blocks that no sequence uses. */
  int free() {
    return freeCount + cached.size();
  }

  /** Blocks that can be taken. */
  int available() {
    return freeCount + cached.size() - reserved;
  }

  /** Sets available blocks aside. */
  void reserve(int blocks) {
    reserved += blocks;
  }

  /** Makes blocks available that were set aside. */
  void unreserve(int blocks) {
    reserved -= blocks;
    if (reserved < 0) {
      throw new IllegalStateException("more blocks are unreserved than were reserved");
    }
  }

  /** Blocks that only the cache holds. */
  int cached() {
    return cached.size();
  }

  /** Takes one block; there is one available. */
  int take() {
    int block;
    if (freeCount > 0) {
      block = free[--freeCount];
    } else if (!cached.isEmpty()) {
      Iterator<Integer> oldest = cached.iterator();
      block = oldest.next();
      oldest.remove();
      forget(block);
    } else {
      throw new IllegalStateException("no free block of " + free.length);
    }
    references[block] = 1;
    return block;
  }

  /** The block of this name, in use or not. */
  OptionalInt find(PrefixChain.Name name) {
    Integer block = named.get(name);
    return block == null ? OptionalInt.empty() : OptionalInt.of(block);
  }

  /** Whether no sequence uses a block. */
  boolean isUnreferenced(int block) {
    return references[block] == 0;
  }

  int references(int block) {
    return references[block];
  }

  /** A further sequence uses a named block. */
  void share(int block) {
    if (names[block] == null) {
      throw new IllegalStateException("block " + block + " is shared and has no name");
    }
    if (references[block]++ == 0) {
      cached.remove(block);
    }
  }

  /** Names a block that is full and computed; where the name is taken, it stays without one. */
  void publish(int block, PrefixChain.Name name) {
    if (references[block] == 0) {
      throw new IllegalStateException("block " + block + " is named and was not taken");
    }
    if (names[block] == null && named.putIfAbsent(name, block) == null) {
      names[block] = name;
    }
  }

  /** A sequence uses a block no longer. */
  void give(int block) {
    if (references[block] == 0) {
      throw new IllegalStateException("block " + block + " is given back and was not taken");
    }
    if (--references[block] > 0) {
      return;
    }
    if (names[block] == null) {
      free[freeCount++] = block;
    } else {
      cached.add(block);
    }
  }

  /** What the blocks hold is lost. */
  void forgetAll() {
    cached.forEach(block -> free[freeCount++] = block);
    cached.clear();
    named.clear();
    Arrays.fill(names, null);
  }

  private void forget(int block) {
    named.remove(names[block]);
    names[block] = null;
  }
}
