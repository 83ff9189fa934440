package dev.cairn.model;

/**
 * Rotary position embedding of a model. The angle of pair i at position p is p · f(i), f(i) =
 * base^(−2i / dimensions) / scale, further divided by the pair's factor where there are factors.
 *
 * @param layout how the elements of a head are paired
 * @param dimensions elements of each head that are rotated, even
 * @param full frequencies of layers that attend to the whole sequence
 * @param windowed frequencies of layers with a sliding window
 * @param magnitude what the rotated elements are multiplied by ({@code rope.scaling.attn_factor}),
 *     beside what YaRN asks for
 * @param yarn how pairs between scaled and unscaled frequencies are mixed
 * @param factors tensors of per-pair frequency divisors
 */
public record RopeSpec(
    Layout layout,
    int dimensions,
    Frequencies full,
    Frequencies windowed,
    float magnitude,
    Yarn yarn,
    Factors factors) {
  /** Which two elements form a pair. */
  public enum Layout {
    /** Elements 2i and 2i+1 (GGUF files of the llama architecture). */
    INTERLEAVED,
    /** Elements i and i + dimensions/2 (qwen2, qwen3, phi3, gemma). */
    HALVES
  }

  /**
   * Frequencies before factors.
   *
   * @param base frequency base
   * @param scale position divisor, 1 where there is none
   */
  public record Frequencies(float base, float scale) {}

  /**
   * YaRN (Peng et al., 2023): pairs that turn often within the original context keep their
   * frequency, slow ones are divided by the scale, and those between are mixed. Rotated elements
   * are multiplied by 1 + 0.1 · ln(scale).
   *
   * @param share how much of the unscaled frequency fast pairs keep, 1 for all; 0 where there is no
   *     YaRN
   * @param betaFast turns in the original context from which on a pair keeps its frequency
   * @param betaSlow turns below which a pair is scaled
   * @param originalContext tokens the frequencies were trained with
   */
  public record Yarn(float share, float betaFast, float betaSlow, int originalContext) {
    public static final Yarn NONE = new Yarn(0f, 32f, 1f, 1);
  }

  /**
   * Names of the tensors of frequency divisors, or empty.
   *
   * @param shortContext where sequences are at most {@code originalContext} tokens
   * @param longContext where they may be longer
   */
  public record Factors(String shortContext, String longContext, int originalContext) {
    public static final Factors NONE = new Factors("", "", Integer.MAX_VALUE);

    /** One tensor for every context. */
    public static Factors always(String name) {
      return new Factors(name, name, Integer.MAX_VALUE);
    }

    /** The tensor of a device whose sequences may have this many tokens. */
    public String of(int maxContext) {
      return maxContext > originalContext ? longContext : shortContext;
    }

    /** Whether the choice depends on the context. */
    public boolean dependOnContext() {
      return !shortContext.equals(longContext);
    }
  }

  /** Rotation of whole or partial heads without scaling or factors. */
  public static RopeSpec plain(Layout layout, int dimensions, float base) {
    Frequencies frequencies = new Frequencies(base, 1f);
    return new RopeSpec(layout, dimensions, frequencies, frequencies, 1f, Yarn.NONE, Factors.NONE);
  }
}
