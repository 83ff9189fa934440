package dev.cairn.model;

/**
 * What differs between families of models outside attention.
 *
 * @param activation of the feed-forward gate
 * @param embeddingScale what embeddings are multiplied by, 1 where they are not
 * @param logitSoftCap logits become softCap · tanh(logit / softCap); 0 where they are left as they
 *     are
 */
public record NetworkSpec(Activation activation, float embeddingScale, float logitSoftCap) {
  /** Gate function of the feed-forward block. */
  public enum Activation {
    /** x / (1 + exp(−x)). */
    SILU,
    /** x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), Hendrycks and Gimpel, 2016. */
    GELU
  }

  /** SiLU, no scale, no cap. */
  public static final NetworkSpec PLAIN = new NetworkSpec(Activation.SILU, 1f, 0f);
}
