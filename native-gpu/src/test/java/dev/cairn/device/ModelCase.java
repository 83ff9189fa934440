package dev.cairn.device;

import static dev.cairn.device.RandomModel.WIDTH;

import java.util.Map;

/** Models whose every constant is odd, one for each way in which architectures differ. */
enum ModelCase {
  /** Heads of a length of their own, as in mistral files; biases. */
  LLAMA_HEAD_LENGTH(Map.of("attention.layer_norm_rms_epsilon", 0.3f, "rope.freq_base", 30f)),
  LLAMA_LINEAR(Map.of("rope.scaling.factor", 1f)),
  LLAMA_YARN(
      Map.of(
          "rope.scaling.factor",
          2f,
          "rope.scaling.original_context_length",
          300,
          "rope.scaling.type",
          "linear")),
  QWEN2_YARN(
      Map.of(
          "rope.scaling.attn_factor", 1f,
          "rope.scaling.yarn_beta_fast", 32f,
          "rope.scaling.yarn_beta_slow", 1f)),
  QWEN3(Map.of("attention.layer_norm_rms_epsilon", 0.3f)),
  GEMMA2(
      Map.of(
          "attention.sliding_window", 12,
          "attn_logit_softcapping", 50f,
          "final_logit_softcapping", 30f)),
  GEMMA2_DEFAULTS(Map.of("attention.sliding_window", 11, "final_logit_softcapping", 3f)),
  GEMMA3(
      Map.of(
          "attention.sliding_window", 38,
          "rope.freq_base", 10000f,
          "rope.scaling.factor", 1f)),
  GEMMA3_OWN_BASE(Map.of("rope.freq_base_swa", 10000f, "final_logit_softcapping", 0f)),
  GEMMA3_NO_WINDOW(Map.of("attention.sliding_window", 12)),
  PHI3(
      Map.of(
          "rope.scaling.original_context_length", 128,
          "rope.scaling.attn_factor", 1f,
          "rope.dimension_count", 10));

  /** Keys with values other than the model's: each must change what comes out. */
  final Map<String, Object> changes;

  ModelCase(Map<String, Object> changes) {
    this.changes = changes;
  }

  RandomModel model(long seed) {
    return switch (this) {
      case LLAMA_HEAD_LENGTH ->
          withBiases(
              new RandomModel("llama", seed, 2, 3, 1)
                  .key("attention.key_length", 24)
                  .key("attention.value_length", 24)
                  .key("rope.dimension_count", 24)
                  .key("rope.freq_base", 1234.5f)
                  .blocks(false)
                  .eachVector("attn_output.bias", WIDTH, 0.2f)
                  .matrix("output.weight", RandomModel.VOCABULARY, WIDTH, 0.2f));
      case LLAMA_LINEAR ->
          new RandomModel("llama", seed, 2, 4, 2)
              .key("rope.scaling.type", "linear")
              .key("rope.scaling.factor", 2.7f)
              .blocks(false);
      case LLAMA_YARN ->
          new RandomModel("llama", seed, 2, 2, 1)
              .key("rope.scaling.type", "yarn")
              .key("rope.scaling.factor", 3.5f)
              .key("rope.scaling.original_context_length", 37)
              .key("rope.freq_base", 700f)
              .blocks(false);
      case QWEN2_YARN ->
          withBiases(
              new RandomModel("qwen2", seed, 2, 2, 2)
                  .key("rope.scaling.type", "yarn")
                  .key("rope.scaling.factor", 4f)
                  .key("rope.scaling.original_context_length", 32)
                  .key("rope.scaling.attn_factor", 1.3f)
                  .key("rope.scaling.yarn_beta_fast", 1f)
                  .key("rope.scaling.yarn_beta_slow", 0.25f)
                  .blocks(false));
      case QWEN3 ->
          withHeadNorms(
              new RandomModel("qwen3", seed, 2, 4, 2)
                  .key("attention.key_length", 18)
                  .key("attention.value_length", 18)
                  .key("rope.freq_base", 777f)
                  .blocks(false));
      case GEMMA2 ->
          withPostNorms(
              new RandomModel("gemma2", seed, 4, 2, 1)
                  .key("attention.key_length", 34)
                  .key("attention.value_length", 34)
                  .key("attention.sliding_window", 11)
                  .key("attn_logit_softcapping", 1.7f)
                  .key("final_logit_softcapping", 3.3f)
                  .blocks(false));
      case GEMMA2_DEFAULTS ->
          withPostNorms(
              new RandomModel("gemma2", seed, 2, 2, 1)
                  .key("attention.key_length", 16)
                  .key("attention.value_length", 16)
                  .blocks(false));
      case GEMMA3 ->
          withHeadNorms(
              withPostNorms(
                  new RandomModel("gemma3", seed, 7, 2, 1)
                      .key("attention.key_length", 16)
                      .key("attention.value_length", 16)
                      .key("attention.sliding_window", 37)
                      .key("rope.freq_base", 5000f)
                      .key("rope.scaling.type", "linear")
                      .key("rope.scaling.factor", 8f)
                      .blocks(false)));
      case GEMMA3_OWN_BASE ->
          withHeadNorms(
              withPostNorms(
                  new RandomModel("gemma3", seed, 6, 4, 4)
                      .key("attention.sliding_window", 32)
                      .key("rope.freq_base_swa", 123f)
                      .key("final_logit_softcapping", 4.4f)
                      .blocks(false)));
      case GEMMA3_NO_WINDOW ->
          withHeadNorms(withPostNorms(new RandomModel("gemma3", seed, 2, 2, 2).blocks(false)));
      case PHI3 ->
          new RandomModel("phi3", seed, 2, 2, 1)
              .key("rope.dimension_count", 12)
              .key("rope.scaling.original_context_length", 70)
              .key("rope.scaling.attn_factor", 1.19f)
              .vector("rope_factors_short.weight", 6, 1.1f)
              .vector("rope_factors_long.weight", 6, 3f)
              .blocks(true);
    };
  }

  private static RandomModel withBiases(RandomModel model) {
    int keyValue = model.kvHeads() * model.headLength();
    return model
        .eachVector("attn_q.bias", model.heads() * model.headLength(), 0.3f)
        .eachVector("attn_k.bias", keyValue, -0.4f)
        .eachVector("attn_v.bias", keyValue, 0.5f);
  }

  private static RandomModel withHeadNorms(RandomModel model) {
    return model
        .eachVector("attn_q_norm.weight", model.headLength(), 1f)
        .eachVector("attn_k_norm.weight", model.headLength(), 1.2f);
  }

  private static RandomModel withPostNorms(RandomModel model) {
    return model
        .eachVector("post_attention_norm.weight", WIDTH, 0.8f)
        .eachVector("post_ffw_norm.weight", WIDTH, 0.7f);
  }
}
