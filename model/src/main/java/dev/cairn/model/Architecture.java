package dev.cairn.model;

import java.util.List;

/**
 * How a family of models is laid out in a GGUF file: which tensors there are and how long their
 * dimensions are.
 *
 * @param name value of {@code general.architecture} and prefix of its keys
 * @param ropeLayout which elements the position embedding pairs
 * @param tensors tensors outside the blocks
 * @param blockTensors tensors of each block, named without {@code blk.N.}
 */
record Architecture(
    String name, RopeSpec.Layout ropeLayout, List<Rule> tensors, List<Rule> blockTensors) {

  /** A dimension by its meaning. */
  enum Dimension {
    EMBEDDING,
    /** Query heads times head length. */
    QUERY,
    /** Key and value heads times head length. */
    KEY_VALUE,
    FEED_FORWARD,
    VOCABULARY,
    /** Half of the rotated elements. */
    ROPE_PAIRS
  }

  /**
   * One tensor.
   *
   * @param name its name, in blocks without {@code blk.N.}
   * @param shape fastest dimension first
   * @param required whether a file without it is refused
   */
  record Rule(String name, List<Dimension> shape, boolean required) {
    Rule {
      shape = List.copyOf(shape);
    }

    /** Vectors are F32 in every file; matrices have the types that the device can work with. */
    boolean isMatrix() {
      return shape.size() > 1;
    }
  }

  static final Architecture LLAMA =
      new Architecture(
          "llama",
          RopeSpec.Layout.INTERLEAVED,
          List.of(
              required("token_embd.weight", Dimension.EMBEDDING, Dimension.VOCABULARY),
              required("output_norm.weight", Dimension.EMBEDDING),
              optional("output.weight", Dimension.EMBEDDING, Dimension.VOCABULARY),
              optional("rope_freqs.weight", Dimension.ROPE_PAIRS)),
          List.of(
              required("attn_norm.weight", Dimension.EMBEDDING),
              required("attn_q.weight", Dimension.EMBEDDING, Dimension.QUERY),
              required("attn_k.weight", Dimension.EMBEDDING, Dimension.KEY_VALUE),
              required("attn_v.weight", Dimension.EMBEDDING, Dimension.KEY_VALUE),
              required("attn_output.weight", Dimension.QUERY, Dimension.EMBEDDING),
              required("ffn_norm.weight", Dimension.EMBEDDING),
              required("ffn_gate.weight", Dimension.EMBEDDING, Dimension.FEED_FORWARD),
              required("ffn_up.weight", Dimension.EMBEDDING, Dimension.FEED_FORWARD),
              required("ffn_down.weight", Dimension.FEED_FORWARD, Dimension.EMBEDDING)));

  private static Rule required(String name, Dimension... shape) {
    return new Rule(name, List.of(shape), true);
  }

  private static Rule optional(String name, Dimension... shape) {
    return new Rule(name, List.of(shape), false);
  }
}
