package dev.cairn.model.grammar;

import dev.cairn.model.grammar.Grammar.Bytes;
import dev.cairn.model.grammar.Grammar.Choice;
import dev.cairn.model.grammar.Grammar.Expr;
import dev.cairn.model.grammar.Grammar.Sequence;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Sets of characters as the bytes that UTF-8 writes them with. */
final class Utf8Ranges {
  /** Last characters that take two, three and four bytes. */
  private static final int[] LAST = {0x7FF, 0xFFFF, 0x10FFFF};

  private Utf8Ranges() {}

  /** One character of a set of code points; surrogates are none. */
  static Expr of(BitSet characters) {
    List<Expr> options = new ArrayList<>();
    BitSet ascii = characters.get(0, 0x80);
    if (!ascii.isEmpty()) {
      options.add(new Bytes(ascii));
    }
    int from = characters.nextSetBit(0x80);
    while (from >= 0) {
      int to = characters.nextClearBit(from);
      add(from, to - 1, options);
      from = characters.nextSetBit(to);
    }
    return options.size() == 1 ? options.get(0) : new Choice(options);
  }

  private static void add(int from, int to, List<Expr> options) {
    int start = from;
    for (int length = 2; length <= 4 && start <= to; length++) {
      int end = Math.min(to, LAST[length - 2]);
      if (start <= end && length == 3 && start <= 0xDFFF && end >= 0xD800) {
        split(start, Math.min(end, 0xD7FF), length, options);
        split(Math.max(start, 0xE000), end, length, options);
      } else {
        split(start, end, length, options);
      }
      start = Math.max(start, end + 1);
    }
  }

  private static void split(int from, int to, int length, List<Expr> options) {
    if (from > to) {
      return;
    }
    for (int i = 1; i < length; i++) {
      int mask = (1 << (6 * i)) - 1;
      if ((from & ~mask) != (to & ~mask)) {
        if ((from & mask) != 0) {
          split(from, from | mask, length, options);
          split((from | mask) + 1, to, length, options);
          return;
        }
        if ((to & mask) != mask) {
          split(from, (to & ~mask) - 1, length, options);
          split(to & ~mask, to, length, options);
          return;
        }
      }
    }
    int[] first = encode(from, length);
    int[] last = encode(to, length);
    List<Expr> bytes = new ArrayList<>(length);
    for (int i = 0; i < length; i++) {
      bytes.add(Bytes.of(first[i], last[i]));
    }
    options.add(new Sequence(bytes));
  }

  private static int[] encode(int codePoint, int length) {
    int[] bytes = new int[length];
    int rest = codePoint;
    for (int i = length - 1; i > 0; i--) {
      bytes[i] = 0x80 | (rest & 0x3F);
      rest >>= 6;
    }
    bytes[0] = (0xF00 >> length & 0xFF) | rest;
    return bytes;
  }
}
