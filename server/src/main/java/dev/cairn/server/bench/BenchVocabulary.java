package dev.cairn.server.bench;

import dev.cairn.model.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;

/** Tokens to measure grammars with, which nothing is encoded with. Token 0 ends an output. */
public final class BenchVocabulary implements Tokenizer {
  private static final String[] MARKS = {
    "\"", "\",", "\":", "\"}", "\"]", "{\"", "[\"", "},", "],", "}}", "]]", "{", "}", "[", "]", ":",
    ",", "\n", "  ", "\\n", "\\\"", ".", "-", "_", "/", "(", ")", "<", ">", "=", "é", "ü", "中", "я"
  };
  private static final String CONSONANTS = "bcdfghklmnprstvwz";
  private static final String VOWELS = "aeiou";

  private final List<byte[]> words;

  private BenchVocabulary(List<byte[]> words) {
    this.words = words;
  }

  /** Every byte, and words in the proportions of a vocabulary of a large model. */
  public static BenchVocabulary synthetic(int size, long seed) {
    Random random = new Random(seed);
    Set<String> drawn = new LinkedHashSet<>();
    while (drawn.size() < Math.max(0, size - 257)) {
      StringBuilder word = new StringBuilder(random.nextInt(10) < 6 ? " " : "");
      int kind = random.nextInt(100);
      if (kind < 6) {
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
          word.append(MARKS[random.nextInt(MARKS.length)]);
        }
      } else if (kind < 9) {
        word.append(random.nextInt(10_000));
      } else {
        for (int n = 1 + random.nextInt(5); n > 0; n--) {
          word.append(CONSONANTS.charAt(random.nextInt(CONSONANTS.length())));
          word.append(VOWELS.charAt(random.nextInt(VOWELS.length())));
        }
        word.append(random.nextInt(40) == 0 ? MARKS[random.nextInt(MARKS.length)] : "");
      }
      drawn.add(word.toString());
    }
    List<byte[]> words = new ArrayList<>();
    words.add(new byte[0]);
    for (int b = 0; b < 256; b++) {
      words.add(new byte[] {(byte) b});
    }
    drawn.forEach(word -> words.add(word.getBytes(StandardCharsets.UTF_8)));
    return new BenchVocabulary(words);
  }

  /** The tokens of a file in tiktoken's format: a token in base64 and its rank on each line. */
  public static BenchVocabulary read(Path file) throws IOException {
    List<byte[]> words = new ArrayList<>();
    words.add(new byte[0]);
    for (String line : Files.readAllLines(file)) {
      String[] parts = line.split(" ");
      try {
        words.add(Base64.getDecoder().decode(parts[0]));
      } catch (IllegalArgumentException e) {
        throw new IOException(
            "line " + words.size() + " of " + file + " is no token; expected base64 and a rank", e);
      }
    }
    return new BenchVocabulary(words);
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    throw new UnsupportedOperationException("this vocabulary only spells tokens");
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
    return token == 0;
  }

  @Override
  public boolean isControl(int token) {
    return token == 0;
  }
}
