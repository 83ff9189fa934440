package dev.cairn.model.tokenizer;

import java.util.Arrays;

/**
 * The symbols of one word in a linked list, with a heap of the neighbours that may merge: the work
 * of byte-pair encoding in O(n log n). Merges happen in order of priority, at equal priority from
 * left to right.
 */
final class MergeList {
  /** Says which neighbours merge. */
  interface Rule {
    /** Priority of merging the symbols at the two places, lowest first, or -1 for none. */
    int priority(MergeList list, int left, int right);

    /** The symbol that the two make. */
    int merged(MergeList list, int left, int right);
  }

  private int[] symbols = new int[64];
  private int[] starts = new int[65];
  private int[] next = new int[64];
  private int[] previous = new int[64];
  private int[] priorities = new int[64];
  private int length;
  private long[] heap = new long[64];
  private int heapSize;

  /** Empties the list for another word. */
  void clear() {
    length = 0;
    heapSize = 0;
  }

  /** Appends a symbol that begins at this position of the text. */
  void add(int symbol, int start) {
    if (length == symbols.length) {
      grow();
    }
    symbols[length] = symbol;
    starts[length] = start;
    previous[length] = length - 1;
    next[length] = length + 1;
    length++;
  }

  int symbol(int place) {
    return symbols[place];
  }

  int start(int place) {
    return starts[place];
  }

  /** Where the symbol at this place ends. */
  int end(int place) {
    return starts[next[place]];
  }

  /** The place after this one, or {@link #length()}. */
  int next(int place) {
    return next[place];
  }

  int length() {
    return length;
  }

  /**
   * Merges until nothing merges any more. The merged symbol stands at the left place.
   *
   * @param end position after the last symbol
   */
  void merge(int end, Rule rule) {
    starts[length] = end;
    for (int left = 0; left < length; left++) {
      offer(left, rule);
    }
    while (heapSize > 0) {
      long top = pop();
      int left = (int) top;
      if (priorities[left] != (int) (top >>> 32)) {
        continue;
      }
      int right = next[left];
      symbols[left] = rule.merged(this, left, right);
      priorities[right] = -1;
      next[left] = next[right];
      if (next[left] < length) {
        previous[next[left]] = left;
      }
      offer(left, rule);
      if (previous[left] >= 0) {
        offer(previous[left], rule);
      }
    }
  }

  private void grow() {
    int capacity = length * 2;
    symbols = Arrays.copyOf(symbols, capacity);
    starts = Arrays.copyOf(starts, capacity + 1);
    next = Arrays.copyOf(next, capacity);
    previous = Arrays.copyOf(previous, capacity);
    priorities = Arrays.copyOf(priorities, capacity);
  }

  private void offer(int left, Rule rule) {
    int right = next[left];
    int priority = right < length ? rule.priority(this, left, right) : -1;
    priorities[left] = priority;
    if (priority >= 0) {
      push((long) priority << 32 | left);
    }
  }

  private void push(long value) {
    if (heapSize == heap.length) {
      heap = Arrays.copyOf(heap, heap.length * 2);
    }
    int at = heapSize++;
    while (at > 0 && heap[(at - 1) >>> 1] > value) {
      heap[at] = heap[(at - 1) >>> 1];
      at = (at - 1) >>> 1;
    }
    heap[at] = value;
  }

  private long pop() {
    long top = heap[0];
    long last = heap[--heapSize];
    int at = 0;
    while (2 * at + 1 < heapSize) {
      int child = 2 * at + 1;
      if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= last) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
