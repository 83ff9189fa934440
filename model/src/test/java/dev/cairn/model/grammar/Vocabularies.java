package dev.cairn.model.grammar;

import dev.cairn.model.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/** Vocabularies made for tests: a token that ends, one for each byte, and words of several. */
final class Vocabularies {
  static final int END = 0;

  private Vocabularies() {}

  /** Words of pieces that JSON is made of, drawn at random. */
  static Tokenizer random(Random random, int words, String... pieces) {
    List<byte[]> all = new ArrayList<>();
    all.add(new byte[0]);
    for (int b = 0; b < 256; b++) {
      all.add(new byte[] {(byte) b});
    }
    for (int i = 0; i < words; i++) {
      StringBuilder word = new StringBuilder();
      for (int n = 1 + random.nextInt(4); n > 0; n--) {
        word.append(pieces[random.nextInt(pieces.length)]);
      }
      all.add(word.toString().getBytes(StandardCharsets.UTF_8));
    }
    return new Words(all);
  }

  private record Words(List<byte[]> words) implements Tokenizer {
    @Override
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      int[] tokens = new int[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        tokens[i] = 1 + (bytes[i] & 0xff);
      }
      return tokens;
    }

    @Override
    public byte[] bytes(int token) {
      return words.get(token);
    }

    @Override
    public String piece(int token) {
      return new String(words.get(token), StandardCharsets.UTF_8);
    }

    @Override
    public int size() {
      return words.size();
    }

    @Override
    public OptionalInt beginOfSequence() {
      return OptionalInt.empty();
    }

    @Override
    public boolean endsGeneration(int token) {
      return token == END;
    }

    @Override
    public boolean isControl(int token) {
      return token == END;
    }
  }
}
