package dev.cairn.model.tokenizer;

import java.util.function.IntPredicate;

/** The gpt-2 pattern; see {@link PreTokenizer#GPT2}. */
final class Gpt2Scanner {
  private Gpt2Scanner() {}

  static void scan(int[] text, int start, int end, PreTokenizer.Words words) {
    int at = start;
    while (at < end) {
      int to = wordEnd(text, at, end);
      words.word(at, to);
      at = to;
    }
  }

  private static int wordEnd(int[] text, int at, int end) {
    int contraction = CharClass.contraction(text, at, end, false);
    if (contraction > 0) {
      return at + contraction;
    }
    int first = text[at] == ' ' && at + 1 < end ? at + 1 : at;
    if (!CharClass.isSpace(text[first])) {
      IntPredicate same =
          CharClass.isLetter(text[first])
              ? CharClass::isLetter
              : CharClass.isNumber(text[first]) ? CharClass::isNumber : CharClass::isOther;
      return runEnd(text, first, end, same);
    }
    return spacesEnd(text, at, end);
  }

  /** {@code \s+(?!\S)|\s+}: the last space before a word belongs to the word. */
  static int spacesEnd(int[] text, int at, int end) {
    int to = runEnd(text, at, end, CharClass::isSpace);
    return to < end && to - at > 1 ? to - 1 : to;
  }

  static int runEnd(int[] text, int at, int end, IntPredicate same) {
    int to = at;
    while (to < end && same.test(text[to])) {
      to++;
    }
    return to;
  }
}
