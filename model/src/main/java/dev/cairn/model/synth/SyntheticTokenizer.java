package dev.cairn.model.synth;

import dev.cairn.model.gguf.GgufWriter;
import dev.cairn.model.tokenizer.ByteAlphabet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A byte-level vocabulary that encodes any text: a beginning and an end token, the 256 bytes, and
 * merges of letters into made-up words until the vocabulary is full.
 */
final class SyntheticTokenizer {
  static final int MIN_TOKENS = 2 + 256;

  private static final int BEGIN = 0;
  private static final int END = 1;
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int LONGEST_WORD = 10;

  private final List<String> tokens = new ArrayList<>();
  private final List<String> merges = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  /** Parts of words: letters, and later what they merged to. */
  private final List<String> parts = new ArrayList<>();

  SyntheticTokenizer(int vocabulary, SeededNumbers random) {
    tokens.add("<|begin_of_text|>");
    tokens.add("<|end_of_text|>");
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(ByteAlphabet.character(b)));
    }
    known.addAll(tokens);
    String space = String.valueOf(ByteAlphabet.character(' '));
    for (char letter = 'a'; letter <= 'z'; letter++) {
      parts.add(String.valueOf(letter));
    }
    while (tokens.size() < vocabulary) {
      String left = part(random);
      String right = part(random);
      boolean startsWord = random.below(3) == 0;
      merge(startsWord ? space : left, startsWord ? left : right);
    }
  }

  private String part(SeededNumbers random) {
    return parts.get(random.below(parts.size()));
  }

  private void merge(String left, String right) {
    String merged = left + right;
    if (merged.length() <= LONGEST_WORD && known.add(merged)) {
      tokens.add(merged);
      merges.add(left + " " + right);
      if (merged.charAt(0) <= 'z') {
        parts.add(merged);
      }
    }
  }

  void describe(GgufWriter file) {
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    types[BEGIN] = CONTROL;
    types[END] = CONTROL;
    file.string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "gpt-2")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", merges)
        .uint32("tokenizer.ggml.bos_token_id", BEGIN)
        .uint32("tokenizer.ggml.eos_token_id", END)
        .bool("tokenizer.ggml.add_bos_token", true);
  }
}
