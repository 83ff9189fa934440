package dev.cairn.model;

import java.util.Collections;
import java.util.List;

/**
 * How a model attends.
 *
 * @param scale what queries are multiplied by
 * @param softCap scores become softCap · tanh(score / softCap); 0 where they are left as they are
 * @param window how many positions a windowed layer attends to, its own included; 0 where no layer
 *     has a window
 * @param windowed whether a layer has the window, by layer
 */
public record AttentionSpec(float scale, float softCap, int window, List<Boolean> windowed) {
  public AttentionSpec {
    windowed = List.copyOf(windowed);
  }

  /** Scores over the whole sequence, by the square root of the head's length. */
  public static AttentionSpec plain(int layers, int headLength) {
    return new AttentionSpec(
        (float) (1 / Math.sqrt(headLength)), 0f, 0, Collections.nCopies(layers, false));
  }
}
