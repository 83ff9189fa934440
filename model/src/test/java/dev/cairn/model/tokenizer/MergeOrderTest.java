package dev.cairn.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.LlamaFile;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.ToDoubleBiFunction;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Merging against the definition: look at all neighbours, merge the best, of equals the leftmost,
 * begin again. Replay with {@code -Dcairn.seed=N}.
 */
class MergeOrderTest {
  private static final double NONE = Double.POSITIVE_INFINITY;

  @TempDir Path folder;

  private Tokenizer read(GgufWriter writer) {
    return Tokenizers.of(GgufFile.read(writer.write(folder.resolve("t.gguf"))).metadata());
  }

  private static List<String> merged(String text, ToDoubleBiFunction<String, String> order) {
    List<String> symbols = new ArrayList<>(text.chars().mapToObj(Character::toString).toList());
    while (true) {
      int best = -1;
      double bestOrder = NONE;
      for (int i = 0; i + 1 < symbols.size(); i++) {
        double next = order.applyAsDouble(symbols.get(i), symbols.get(i + 1));
        if (next < bestOrder) {
          best = i;
          bestOrder = next;
        }
      }
      if (best < 0) {
        return symbols;
      }
      symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
    }
  }

  private static List<String> pieces(Tokenizer tokenizer, String text) {
    List<String> pieces = new ArrayList<>();
    for (int token : tokenizer.encode(text, false, false)) {
      pieces.add(tokenizer.piece(token));
    }
    return pieces;
  }

  private static String letters(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(3)));
    }
    return text.toString();
  }

  @Test
  @DisplayName("byte-level pieces are those of the definition of byte-pair encoding")
  void mergesByRank() {
    long first = Long.getLong("cairn.seed", System.nanoTime());
    for (long seed = first; seed < first + 100; seed++) {
      Random random = new Random(seed);
      List<String> known = new ArrayList<>(List.of("a", "b", "c"));
      Set<String> merges = new LinkedHashSet<>();
      for (int i = 0; i < 12; i++) {
        String left = known.get(random.nextInt(known.size()));
        String right = known.get(random.nextInt(known.size()));
        merges.add(left + " " + right);
        if (!known.contains(left + right)) {
          known.add(left + right);
        }
      }
      List<String> tokens = new ArrayList<>();
      for (int b = 0; b < 256; b++) {
        tokens.add(LlamaFile.byteCharacter(b));
      }
      tokens.addAll(known.subList(3, known.size()));
      List<String> ranks = new ArrayList<>(merges);
      Tokenizer tokenizer =
          read(
              new GgufWriter()
                  .string("tokenizer.ggml.model", "gpt2")
                  .string("tokenizer.ggml.pre", "gpt-2")
                  .strings("tokenizer.ggml.tokens", tokens)
                  .strings("tokenizer.ggml.merges", ranks));
      for (int i = 0; i < 20; i++) {
        String text = letters(random, 1 + random.nextInt(40));
        List<String> expected =
            merged(
                text,
                (left, right) -> {
                  int rank = ranks.indexOf(left + " " + right);
                  return rank < 0 ? NONE : rank;
                });
        assertThat(pieces(tokenizer, text)).as("seed " + seed).isEqualTo(expected);
      }
    }
  }

  @Test
  @DisplayName("SentencePiece pieces are those of the definition of merging by score")
  void mergesByScore() {
    long first = Long.getLong("cairn.seed", System.nanoTime());
    for (long seed = first; seed < first + 100; seed++) {
      Random random = new Random(seed);
      Set<String> known = new LinkedHashSet<>(List.of("<unk>", "<s>", "</s>", "a", "b", "c"));
      for (int i = 0; i < 20; i++) {
        known.add(letters(random, 2 + random.nextInt(4)));
      }
      List<String> tokens = new ArrayList<>(known);
      float[] scores = new float[tokens.size()];
      for (int i = 0; i < scores.length; i++) {
        scores[i] = random.nextInt(8) - 4;
      }
      Tokenizer tokenizer =
          read(
              new GgufWriter()
                  .string("tokenizer.ggml.model", "llama")
                  .bool("tokenizer.ggml.add_space_prefix", false)
                  .strings("tokenizer.ggml.tokens", tokens)
                  .float32s("tokenizer.ggml.scores", scores));
      for (int i = 0; i < 20; i++) {
        String text = letters(random, 1 + random.nextInt(40));
        List<String> expected =
            merged(
                text,
                (left, right) -> {
                  int id = tokens.indexOf(left + right);
                  return id < 0 ? NONE : -scores[id];
                });
        assertThat(pieces(tokenizer, text)).as("seed " + seed).isEqualTo(expected);
      }
    }
  }
}
