package dev.cairn.model.tokenizer;

/** The pattern of llama 3 and qwen2; see {@link PreTokenizer#LLAMA3}. */
final class Llama3Scanner {
  private Llama3Scanner() {}

  /**
   * Cuts text.
   *
   * @param digits most numbers in one word
   */
  static void scan(int[] text, int start, int end, int digits, PreTokenizer.Words words) {
    int at = start;
    while (at < end) {
      int to = wordEnd(text, at, end, digits);
      words.word(at, to);
      at = to;
    }
  }

  private static int wordEnd(int[] text, int at, int end, int digits) {
    int contraction = CharClass.contraction(text, at, end, true);
    if (contraction > 0) {
      return at + contraction;
    }
    int c = text[at];
    boolean number = CharClass.isNumber(c);
    boolean leads = !CharClass.isLineBreak(c) && !number;
    if (CharClass.isLetter(c) || (leads && at + 1 < end && CharClass.isLetter(text[at + 1]))) {
      return Gpt2Scanner.runEnd(text, at + 1, end, CharClass::isLetter);
    }
    if (number) {
      return Gpt2Scanner.runEnd(text, at, Math.min(end, at + digits), CharClass::isNumber);
    }
    int first = c == ' ' && at + 1 < end ? at + 1 : at;
    if (CharClass.isOther(text[first])) {
      int to = Gpt2Scanner.runEnd(text, first, end, CharClass::isOther);
      return Gpt2Scanner.runEnd(text, to, end, CharClass::isLineBreak);
    }
    return spacesEnd(text, at, end);
  }

  /** {@code \s*[\r\n]+|\s+(?!\S)|\s+}. */
  private static int spacesEnd(int[] text, int at, int end) {
    int to = Gpt2Scanner.runEnd(text, at, end, CharClass::isSpace);
    for (int i = to; i > at; i--) {
      if (CharClass.isLineBreak(text[i - 1])) {
        return i;
      }
    }
    return Gpt2Scanner.spacesEnd(text, at, end);
  }
}
