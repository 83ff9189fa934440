package dev.cairn.model.tokenizer;

import java.util.Map;
import java.util.TreeMap;

/**
 * Cuts text into the words inside which byte-pair encoding merges. The patterns are those of the
 * models' own tokenizers; they are scanned by hand because long input must neither backtrack nor
 * recurse.
 */
enum PreTokenizer {
  /** {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}. */
  GPT2(false) {
    @Override
    void split(int[] text, int start, int end, Words words) {
      Gpt2Scanner.scan(text, start, end, words);
    }
  },
  /** The gpt-2 pattern after every {@code \p{N}} was set apart. */
  SMOLLM(false) {
    @Override
    void split(int[] text, int start, int end, Words words) {
      int from = start;
      for (int i = start; i < end; i++) {
        if (CharClass.isNumber(text[i])) {
          Gpt2Scanner.scan(text, from, i, words);
          words.word(i, i + 1);
          from = i + 1;
        }
      }
      Gpt2Scanner.scan(text, from, end, words);
    }
  },
  /**
   * Runs of {@code [\p{P}$+<=>^~|]} apart, the gpt-2 pattern between them, then ASCII digits in
   * threes.
   */
  DEFAULT(false) {
    @Override
    void split(int[] text, int start, int end, Words words) {
      Words digits = (from, to) -> splitDigits(text, from, to, words);
      int at = start;
      while (at < end) {
        boolean punctuation = CharClass.isDefaultPunctuation(text[at]);
        int to = at + 1;
        while (to < end && CharClass.isDefaultPunctuation(text[to]) == punctuation) {
          to++;
        }
        if (punctuation) {
          Gpt2Scanner.scan(text, at, to, words);
        } else {
          Gpt2Scanner.scan(text, at, to, digits);
        }
        at = to;
      }
    }
  },
  /**
   * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
   * ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+}; a word that is a token is not merged.
   */
  LLAMA3(true) {
    @Override
    void split(int[] text, int start, int end, Words words) {
      Llama3Scanner.scan(text, start, end, 3, words);
    }
  },
  /** As llama-bpe with single digits. */
  QWEN2(false) {
    @Override
    void split(int[] text, int start, int end, Words words) {
      Llama3Scanner.scan(text, start, end, 1, words);
    }
  };

  /** Receives words, in order. */
  interface Words {
    /** The word from {@code start} to before {@code end}; never empty. */
    void word(int start, int end);
  }

  /** The values of {@code tokenizer.ggml.pre} that are known. */
  static final Map<String, PreTokenizer> BY_NAME =
      new TreeMap<>(
          Map.of(
              "default", DEFAULT,
              "gpt-2", GPT2,
              "llama-bpe", LLAMA3,
              "llama3", LLAMA3,
              "llama-v3", LLAMA3,
              "qwen2", QWEN2,
              "smollm", SMOLLM));

  private final boolean llama3;

  PreTokenizer(boolean llama3) {
    this.llama3 = llama3;
  }

  /** Cuts the code points from {@code start} to before {@code end}. */
  abstract void split(int[] text, int start, int end, Words words);

  /** Whether a word that is a token as it stands is taken without merging. */
  boolean takesWholeWords() {
    return llama3;
  }

  /** Whether a beginning token is added where the metadata does not say. */
  boolean beginsByDefault() {
    return llama3;
  }

  private static void splitDigits(int[] text, int start, int end, Words words) {
    int at = start;
    while (at < end) {
      boolean number = CharClass.isNumber(text[at]);
      int to = at + 1;
      while (to < end && CharClass.isNumber(text[to]) == number) {
        to++;
      }
      int rest = number ? splitThrees(text, at, to, words) : at;
      if (rest < to) {
        words.word(rest, to);
      }
      at = to;
    }
  }

  /** Reports groups of three ASCII digits and what stands before each; returns where it ended. */
  private static int splitThrees(int[] text, int start, int end, Words words) {
    int from = start;
    int at = start;
    while (at + 3 <= end) {
      if (CharClass.isDigit(text[at])
          && CharClass.isDigit(text[at + 1])
          && CharClass.isDigit(text[at + 2])) {
        if (from < at) {
          words.word(from, at);
        }
        words.word(at, at + 3);
        at += 3;
        from = at;
      } else {
        at++;
      }
    }
    return from;
  }
}
