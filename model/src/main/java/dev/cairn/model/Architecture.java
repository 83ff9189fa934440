package dev.cairn.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * How a family of models is laid out in a GGUF file: which tensors there are and how long their
 * dimensions are.
 *
 * @param name value of {@code general.architecture} and prefix of its keys
 * @param ropeLayout which elements the position embedding pairs
 * @param activation of the feed-forward gate
 * @param traits how it departs from the plain model
 */
record Architecture(
    String name, RopeSpec.Layout ropeLayout, NetworkSpec.Activation activation, Set<Trait> traits) {

  /** What a family has beyond attention, a gated feed-forward block and a norm before each. */
  enum Trait {
    /** A norm of each query and key head before the rotation. */
    HEAD_NORMS,
    /** A norm of what attention and feed-forward blocks yield, before it is added. */
    POST_NORMS,
    /** Embeddings are multiplied by the square root of their length. */
    SCALED_EMBEDDING,
    /** Gate and up projections are one tensor, the gate first. */
    FUSED_GATE,
    /** Frequency factors in {@code rope_freqs.weight}. */
    FREQUENCY_FACTORS,
    /** Frequency factors for short and long contexts. */
    CONTEXT_FACTORS
  }

  /** A dimension by its meaning. */
  enum Dimension {
    EMBEDDING,
    /** Query heads times head length. */
    QUERY,
    /** Key and value heads times head length. */
    KEY_VALUE,
    FEED_FORWARD,
    VOCABULARY,
    /** Elements of one head. */
    HEAD,
    /** Queries, keys and values in one tensor. */
    QUERY_KEY_VALUE,
    /** Gate and up in one tensor. */
    GATE_UP,
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
          NetworkSpec.Activation.SILU,
          Set.of(Trait.FREQUENCY_FACTORS, Trait.CONTEXT_FACTORS));
  static final Architecture QWEN2 = halves("qwen2", NetworkSpec.Activation.SILU);
  static final Architecture QWEN3 = halves("qwen3", NetworkSpec.Activation.SILU, Trait.HEAD_NORMS);
  static final Architecture PHI3 =
      halves("phi3", NetworkSpec.Activation.SILU, Trait.FUSED_GATE, Trait.CONTEXT_FACTORS);
  static final Architecture GEMMA2 =
      halves("gemma2", NetworkSpec.Activation.GELU, Trait.POST_NORMS, Trait.SCALED_EMBEDDING);
  static final Architecture GEMMA3 =
      halves(
          "gemma3",
          NetworkSpec.Activation.GELU,
          Trait.POST_NORMS,
          Trait.SCALED_EMBEDDING,
          Trait.HEAD_NORMS);

  static final List<Architecture> SUPPORTED = List.of(LLAMA, QWEN2, QWEN3, GEMMA2, GEMMA3, PHI3);

  private static Architecture halves(
      String name, NetworkSpec.Activation activation, Trait... traits) {
    return new Architecture(name, RopeSpec.Layout.HALVES, activation, Set.of(traits));
  }

  boolean has(Trait trait) {
    return traits.contains(trait);
  }

  /** Tensors outside the blocks. */
  List<Rule> tensors() {
    List<Rule> rules = new ArrayList<>();
    Collections.addAll(
        rules,
        required("token_embd.weight", Dimension.EMBEDDING, Dimension.VOCABULARY),
        required("output_norm.weight", Dimension.EMBEDDING),
        optional("output.weight", Dimension.EMBEDDING, Dimension.VOCABULARY));
    if (has(Trait.FREQUENCY_FACTORS)) {
      rules.add(optional("rope_freqs.weight", Dimension.ROPE_PAIRS));
    }
    if (has(Trait.CONTEXT_FACTORS)) {
      rules.add(optional("rope_factors_short.weight", Dimension.ROPE_PAIRS));
      rules.add(optional("rope_factors_long.weight", Dimension.ROPE_PAIRS));
    }
    return rules;
  }

  /**
   * Tensors of each block, named without {@code blk.N.}
   *
   * @param fusedAttention whether queries, keys and values are one tensor
   */
  List<Rule> blockTensors(boolean fusedAttention) {
    List<Rule> rules = new ArrayList<>();
    rules.add(required("attn_norm.weight", Dimension.EMBEDDING));
    if (fusedAttention) {
      projection(rules, "attn_qkv", Dimension.QUERY_KEY_VALUE);
    } else {
      projection(rules, "attn_q", Dimension.QUERY);
      projection(rules, "attn_k", Dimension.KEY_VALUE);
      projection(rules, "attn_v", Dimension.KEY_VALUE);
    }
    rules.add(required("attn_output.weight", Dimension.QUERY, Dimension.EMBEDDING));
    rules.add(optional("attn_output.bias", Dimension.EMBEDDING));
    if (has(Trait.HEAD_NORMS)) {
      rules.add(required("attn_q_norm.weight", Dimension.HEAD));
      rules.add(required("attn_k_norm.weight", Dimension.HEAD));
    }
    rules.add(required("ffn_norm.weight", Dimension.EMBEDDING));
    if (has(Trait.POST_NORMS)) {
      rules.add(required("post_attention_norm.weight", Dimension.EMBEDDING));
      rules.add(required("post_ffw_norm.weight", Dimension.EMBEDDING));
    }
    if (has(Trait.FUSED_GATE)) {
      rules.add(required("ffn_up.weight", Dimension.EMBEDDING, Dimension.GATE_UP));
    } else {
      rules.add(required("ffn_gate.weight", Dimension.EMBEDDING, Dimension.FEED_FORWARD));
      rules.add(required("ffn_up.weight", Dimension.EMBEDDING, Dimension.FEED_FORWARD));
    }
    rules.add(required("ffn_down.weight", Dimension.FEED_FORWARD, Dimension.EMBEDDING));
    return rules;
  }

  private static void projection(List<Rule> rules, String name, Dimension rows) {
    rules.add(required(name + ".weight", Dimension.EMBEDDING, rows));
    rules.add(optional(name + ".bias", rows));
  }

  private static Rule required(String name, Dimension... shape) {
    return new Rule(name, List.of(shape), true);
  }

  private static Rule optional(String name, Dimension... shape) {
    return new Rule(name, List.of(shape), false);
  }
}
