package dev.cairn.model;

import java.util.List;

/** Small models of the other architectures, made from {@link LlamaFile}. */
final class FamilyFile {
  private static final List<String> KEYS =
      List.of(
          "context_length",
          "embedding_length",
          "block_count",
          "feed_forward_length",
          "attention.head_count",
          "attention.head_count_kv");
  private static final List<Integer> VALUES =
      List.of(
          128,
          LlamaFile.EMBEDDING,
          LlamaFile.LAYERS,
          LlamaFile.FEED_FORWARD,
          LlamaFile.HEADS,
          LlamaFile.KV_HEADS);

  private FamilyFile() {}

  /** A complete and valid model of an architecture. */
  static LlamaFile of(String architecture) {
    LlamaFile file = new LlamaFile(TensorType.F16).string("general.architecture", architecture);
    for (int i = 0; i < KEYS.size(); i++) {
      file.number(architecture + "." + KEYS.get(i), VALUES.get(i));
    }
    file.real(architecture + ".attention.layer_norm_rms_epsilon", 1e-6f);
    for (int layer = 0; layer < LlamaFile.LAYERS; layer++) {
      addBlock(file, architecture, "blk." + layer + ".");
    }
    return file;
  }

  private static void addBlock(LlamaFile file, String architecture, String block) {
    int query = LlamaFile.HEADS * LlamaFile.HEAD_LENGTH;
    int keyValue = LlamaFile.KV_HEADS * LlamaFile.HEAD_LENGTH;
    switch (architecture) {
      case "qwen2" ->
          file.tensor(block + "attn_q.bias", TensorType.F32, query)
              .tensor(block + "attn_k.bias", TensorType.F32, keyValue)
              .tensor(block + "attn_v.bias", TensorType.F32, keyValue);
      case "qwen3" -> headNorms(file, block);
      case "gemma2" -> postNorms(file, block);
      case "gemma3" -> {
        headNorms(file, block);
        postNorms(file, block);
      }
      case "phi3" ->
          file.without(block + "attn_q.weight")
              .without(block + "attn_k.weight")
              .without(block + "attn_v.weight")
              .without(block + "ffn_gate.weight")
              .tensor(
                  block + "attn_qkv.weight",
                  TensorType.F16,
                  LlamaFile.EMBEDDING,
                  query + 2L * keyValue)
              .tensor(
                  block + "ffn_up.weight",
                  TensorType.F16,
                  LlamaFile.EMBEDDING,
                  2L * LlamaFile.FEED_FORWARD);
      default -> throw new IllegalArgumentException(architecture);
    }
  }

  private static void headNorms(LlamaFile file, String block) {
    file.tensor(block + "attn_q_norm.weight", TensorType.F32, LlamaFile.HEAD_LENGTH)
        .tensor(block + "attn_k_norm.weight", TensorType.F32, LlamaFile.HEAD_LENGTH);
  }

  private static void postNorms(LlamaFile file, String block) {
    file.tensor(block + "post_attention_norm.weight", TensorType.F32, LlamaFile.EMBEDDING)
        .tensor(block + "post_ffw_norm.weight", TensorType.F32, LlamaFile.EMBEDDING);
  }
}
