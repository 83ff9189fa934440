package dev.cairn.model;

/**
 * Rotary position embedding of a model.
 *
 * @param layout how the elements of a head are paired
 * @param dimensions elements of each head that are rotated, even
 * @param base frequency base ({@code rope.freq_base})
 * @param linearScale position divisor of linear scaling, 1 where there is none
 * @param factors name of the tensor of per-pair frequency divisors ({@code rope_freqs.weight}), or
 *     empty
 */
public record RopeSpec(
    Layout layout, int dimensions, float base, float linearScale, String factors) {
  /** Which two elements form a pair. */
  public enum Layout {
    /** Elements 2i and 2i+1 (GGUF files of the llama architecture). */
    INTERLEAVED,
    /** Elements i and i + dimensions/2 (qwen2, qwen3, phi3, gemma). */
    HALVES
  }
}
