package dev.cairn.model;

import dev.cairn.model.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Scales, caps and windows of a model's attention, read with the meaning that llama.cpp gives their
 * keys.
 */
final class AttentionKeys {
  private static final int GEMMA2_WINDOW = 4096;
  private static final int GEMMA2_PERIOD = 2;
  private static final int GEMMA2_LAYERS_27B = 46;
  private static final int GEMMA3_PERIOD = 6;
  private static final int GEMMA3_LAYERS_27B = 62;
  private static final float GEMMA2_SCORE_CAP = 50f;
  private static final float GEMMA2_LOGIT_CAP = 30f;

  private AttentionKeys() {}

  static AttentionSpec read(
      GgufMetadata metadata, Architecture architecture, HyperParameters numbers) {
    int layers = numbers.layers;
    if (architecture.equals(Architecture.GEMMA2)) {
      int window = window(metadata, architecture, GEMMA2_WINDOW);
      return new AttentionSpec(
          gemmaScale(numbers, GEMMA2_LAYERS_27B),
          cap(metadata, architecture, "attn_logit_softcapping", GEMMA2_SCORE_CAP),
          window,
          windowed(metadata, architecture, layers, window, GEMMA2_PERIOD));
    }
    if (architecture.equals(Architecture.GEMMA3)) {
      int window = window(metadata, architecture, 0);
      return new AttentionSpec(
          gemmaScale(numbers, GEMMA3_LAYERS_27B),
          0f,
          window,
          windowed(metadata, architecture, layers, window, GEMMA3_PERIOD));
    }
    return AttentionSpec.plain(layers, numbers.headLength);
  }

  /** Cap of the logits, 0 for none. */
  static float logitCap(GgufMetadata metadata, Architecture architecture) {
    if (architecture.equals(Architecture.GEMMA2)) {
      return cap(metadata, architecture, "final_logit_softcapping", GEMMA2_LOGIT_CAP);
    }
    return architecture.equals(Architecture.GEMMA3)
        ? cap(metadata, architecture, "final_logit_softcapping", 0f)
        : 0f;
  }

  /** The models of 27 billion weights, known by their depth, divide by another length. */
  private static float gemmaScale(HyperParameters numbers, int layersOf27b) {
    boolean large = numbers.layers == layersOf27b;
    int length = large ? numbers.embedding / numbers.heads : numbers.headLength;
    return (float) (1 / Math.sqrt(length));
  }

  private static int window(GgufMetadata metadata, Architecture architecture, int otherwise) {
    String key = architecture.name() + ".attention.sliding_window";
    return metadata.integer(key, 0, HyperParameters.MAX_CONTEXT).orElse(otherwise);
  }

  /** Of each period of layers the last attends to the whole sequence; a period of 0: none does. */
  private static List<Boolean> windowed(
      GgufMetadata metadata, Architecture architecture, int layers, int window, int otherwise) {
    if (window == 0) {
      return Collections.nCopies(layers, false);
    }
    String key = architecture.name() + ".attention.sliding_window_pattern";
    int period = metadata.integer(key, 0, HyperParameters.MAX_LAYERS).orElse(otherwise);
    List<Boolean> windowed = new ArrayList<>(layers);
    for (int layer = 0; layer < layers; layer++) {
      windowed.add(period == 0 || layer % period < period - 1);
    }
    return windowed;
  }

  private static float cap(
      GgufMetadata metadata, Architecture architecture, String name, float otherwise) {
    String key = architecture.name() + "." + name;
    float cap = metadata.real(key).orElse(otherwise);
    if (cap < 0) {
      throw metadata.refuse(key + " is " + cap + ", but must not be negative");
    }
    return cap;
  }
}
