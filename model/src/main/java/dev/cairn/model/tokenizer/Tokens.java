package dev.cairn.model.tokenizer;

import java.util.Arrays;

/** A growing list of token ids. */
final class Tokens {
  private int[] ids = new int[64];
  private int length;

  void add(int id) {
    if (length == ids.length) {
      ids = Arrays.copyOf(ids, length * 2);
    }
    ids[length++] = id;
  }

  int[] toArray() {
    return Arrays.copyOf(ids, length);
  }
}
