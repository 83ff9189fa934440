package dev.cairn.model.tokenizer;

/** Character classes of the pre-tokenizer patterns, by Unicode general category. */
final class CharClass {
  private static final int PUNCTUATION =
      1 << Character.CONNECTOR_PUNCTUATION
          | 1 << Character.DASH_PUNCTUATION
          | 1 << Character.START_PUNCTUATION
          | 1 << Character.END_PUNCTUATION
          | 1 << Character.OTHER_PUNCTUATION
          | 1 << Character.INITIAL_QUOTE_PUNCTUATION
          | 1 << Character.FINAL_QUOTE_PUNCTUATION;
  private static final int NUMBER =
      1 << Character.DECIMAL_DIGIT_NUMBER
          | 1 << Character.LETTER_NUMBER
          | 1 << Character.OTHER_NUMBER;

  private CharClass() {}

  /** {@code \p{L}}. */
  static boolean isLetter(int c) {
    return Character.isLetter(c);
  }

  /** {@code \p{N}}. */
  static boolean isNumber(int c) {
    return ((NUMBER >> Character.getType(c)) & 1) != 0;
  }

  /** {@code \s}, Unicode's White_Space. */
  static boolean isSpace(int c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || Character.isSpaceChar(c);
  }

  static boolean isLineBreak(int c) {
    return c == '\r' || c == '\n';
  }

  static boolean isDigit(int c) {
    return c >= '0' && c <= '9';
  }

  /** {@code [^\s\p{L}\p{N}]}. */
  static boolean isOther(int c) {
    return !isSpace(c) && !isLetter(c) && !isNumber(c);
  }

  /** {@code [\p{P}$+<=>^~|]}. */
  static boolean isDefaultPunctuation(int c) {
    return ((PUNCTUATION >> Character.getType(c)) & 1) != 0 || "$+<=>^~|".indexOf(c) >= 0;
  }

  /** Length of the English contraction that begins with the apostrophe at {@code at}, or 0. */
  static int contraction(int[] text, int at, int end, boolean anyCase) {
    if (text[at] != '\'' || at + 1 >= end) {
      return 0;
    }
    int first = fold(text[at + 1], anyCase);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      return 2;
    }
    int second = at + 2 < end ? fold(text[at + 2], anyCase) : -1;
    boolean pair =
        (first == 'r' && second == 'e')
            || (first == 'v' && second == 'e')
            || (first == 'l' && second == 'l');
    return pair ? 3 : 0;
  }

  private static int fold(int c, boolean anyCase) {
    return anyCase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  }
}
