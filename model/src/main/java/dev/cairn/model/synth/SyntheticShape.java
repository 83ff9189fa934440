package dev.cairn.model.synth;

import java.util.Arrays;

/**
 * Measures of a synthetic model.
 *
 * @param embedding width of the residual stream
 * @param layers transformer blocks
 * @param heads query heads; divides {@code embedding}
 * @param kvHeads key and value heads; divides {@code heads}
 * @param feedForward width of the feed-forward block
 * @param vocabulary tokens
 * @param context longest sequence, in tokens
 * @param tied whether the embedding is the output matrix too
 */
public record SyntheticShape(
    int embedding,
    int layers,
    int heads,
    int kvHeads,
    int feedForward,
    int vocabulary,
    int context,
    boolean tied) {
  private static final int CONTEXT = 2048;

  public SyntheticShape {
    bounded("the embedding length", embedding, 32, 1 << 16);
    bounded("the number of layers", layers, 1, 1024);
    bounded("the number of heads", heads, 1, 1024);
    bounded("the number of key and value heads", kvHeads, 1, heads);
    bounded("the feed-forward length", feedForward, 32, 1 << 20);
    bounded("the vocabulary", vocabulary, SyntheticTokenizer.MIN_TOKENS, 1 << 20);
    bounded("the context", context, 1, 1 << 24);
    if (embedding % heads != 0 || embedding / heads % 2 != 0 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "A shape of "
              + heads
              + " heads and "
              + kvHeads
              + " key and value heads does not fit an embedding of "
              + embedding
              + "; heads have to be of one even length, and shared evenly.");
    }
  }

  /**
   * A shape by name, {@code 135m} or {@code 1b}, or by its measures {@code
   * DIM,LAYERS,HEADS,KV,FFN}.
   */
  public static SyntheticShape parse(String text) {
    switch (text) {
      case "135m":
        return new SyntheticShape(576, 30, 9, 3, 1536, 49152, CONTEXT, true);
      case "1b":
        return new SyntheticShape(2048, 22, 32, 4, 5632, 32000, CONTEXT, false);
      default:
        if (!text.matches("\\d{1,7}(,\\d{1,7}){4}")) {
          throw new IllegalArgumentException(
              "The shape is '" + text + "'; expected 135m, 1b or DIM,LAYERS,HEADS,KV,FFN.");
        }
        int[] n = Arrays.stream(text.split(",", -1)).mapToInt(Integer::parseInt).toArray();
        return new SyntheticShape(n[0], n[1], n[2], n[3], n[4], 32000, CONTEXT, false);
    }
  }

  /** The same with another vocabulary. */
  public SyntheticShape withVocabulary(int tokens) {
    return new SyntheticShape(
        embedding, layers, heads, kvHeads, feedForward, tokens, context, tied);
  }

  /** The same with another context. */
  public SyntheticShape withContext(int tokens) {
    return new SyntheticShape(
        embedding, layers, heads, kvHeads, feedForward, vocabulary, tokens, tied);
  }

  int keyValue() {
    return embedding / heads * kvHeads;
  }

  private static void bounded(String what, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          "In the shape " + what + " is " + value + "; expected " + min + " to " + max + ".");
    }
  }
}
