package dev.cairn.server.schema;

import dev.cairn.model.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/** A vocabulary of every byte and of words drawn at random from what JSON is made of. */
public final class JsonWords implements Tokenizer {
  private static final int END = 0;
  private static final String[] PIECES = {
    "{", "}", "[", "]", "\"", "\",", "\":", ",", " ", "\n", "a", "b", "tag", "é", "\\", "\\n",
    "\\u00", "1", "-2", ".5", "true", "false", "null", "e", "\"}", "]}", "[[", ":", "😀", "20", "-0"
  };

  private final List<byte[]> words = new ArrayList<>();

  public JsonWords(Random random, int count) {
    words.add(new byte[0]);
    for (int b = 0; b < 256; b++) {
      words.add(new byte[] {(byte) b});
    }
    for (int i = 0; i < count; i++) {
      StringBuilder word = new StringBuilder();
      for (int n = 1 + random.nextInt(4); n > 0; n--) {
        word.append(PIECES[random.nextInt(PIECES.length)]);
      }
      words.add(word.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

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
