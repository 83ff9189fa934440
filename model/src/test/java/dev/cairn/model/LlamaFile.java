package dev.cairn.model;

import dev.cairn.model.gguf.GgufWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * A small llama model for tests: two blocks, four heads over two key-value heads, embedding 64, a
 * vocabulary of 260 byte-level tokens. Keys and tensors can be replaced and removed before it is
 * written.
 */
public final class LlamaFile {
  public static final int EMBEDDING = 64;
  public static final int LAYERS = 2;
  public static final int HEADS = 4;
  public static final int KV_HEADS = 2;
  public static final int HEAD_LENGTH = 16;
  public static final int FEED_FORWARD = 96;
  public static final int VOCABULARY = 260;

  private final Map<String, BiConsumer<GgufWriter, String>> keys = new LinkedHashMap<>();
  private final Map<String, BiConsumer<GgufWriter, String>> tensors = new LinkedHashMap<>();

  /** A complete and valid model whose matrices have this type. */
  public LlamaFile(TensorType matrices) {
    string("general.architecture", "llama");
    number("llama.context_length", 128);
    number("llama.embedding_length", EMBEDDING);
    number("llama.block_count", LAYERS);
    number("llama.feed_forward_length", FEED_FORWARD);
    number("llama.attention.head_count", HEADS);
    number("llama.attention.head_count_kv", KV_HEADS);
    real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    addTokenizer();
    tensor("token_embd.weight", matrices, EMBEDDING, VOCABULARY);
    tensor("output_norm.weight", TensorType.F32, EMBEDDING);
    for (int layer = 0; layer < LAYERS; layer++) {
      String block = "blk." + layer + ".";
      int kv = KV_HEADS * HEAD_LENGTH;
      tensor(block + "attn_norm.weight", TensorType.F32, EMBEDDING);
      tensor(block + "attn_q.weight", matrices, EMBEDDING, HEADS * HEAD_LENGTH);
      tensor(block + "attn_k.weight", matrices, EMBEDDING, kv);
      tensor(block + "attn_v.weight", matrices, EMBEDDING, kv);
      tensor(block + "attn_output.weight", matrices, HEADS * HEAD_LENGTH, EMBEDDING);
      tensor(block + "ffn_norm.weight", TensorType.F32, EMBEDDING);
      tensor(block + "ffn_gate.weight", matrices, EMBEDDING, FEED_FORWARD);
      tensor(block + "ffn_up.weight", matrices, EMBEDDING, FEED_FORWARD);
      tensor(block + "ffn_down.weight", matrices, FEED_FORWARD, EMBEDDING);
    }
  }

  private void addTokenizer() {
    string("tokenizer.ggml.model", "gpt2");
    string("tokenizer.ggml.pre", "gpt-2");
    List<String> tokens = new ArrayList<>();
    int[] types = new int[VOCABULARY];
    for (int b = 0; b < 256; b++) {
      tokens.add(byteCharacter(b));
      types[b] = 1;
    }
    tokens.addAll(List.of("<|begin|>", "<|endoftext|>", "th", "the"));
    types[256] = 3;
    types[257] = 3;
    types[258] = 1;
    types[259] = 1;
    keys.put("tokenizer.ggml.tokens", (out, key) -> out.strings(key, tokens));
    keys.put("tokenizer.ggml.token_type", (out, key) -> out.int32s(key, types));
    keys.put("tokenizer.ggml.merges", (out, key) -> out.strings(key, List.of("t h", "th e")));
    number("tokenizer.ggml.bos_token_id", 256);
    number("tokenizer.ggml.eos_token_id", 257);
    keys.put("tokenizer.ggml.add_bos_token", (out, key) -> out.bool(key, true));
  }

  /** The character that stands for a byte in byte-level vocabularies. */
  public static String byteCharacter(int b) {
    boolean printable = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
    int shifted = b <= 0x20 ? b : b <= 0xA0 ? b - 0x7F + 0x21 : 0x43;
    return Character.toString(printable ? b : 0x100 + shifted);
  }

  /** Sets a key to an unsigned number. */
  public LlamaFile number(String key, long value) {
    keys.put(key, (out, k) -> out.uint32(k, value));
    return this;
  }

  /** Sets a key to a number with a fraction. */
  public LlamaFile real(String key, float value) {
    keys.put(key, (out, k) -> out.float32(k, value));
    return this;
  }

  /** Sets a key to a string. */
  public LlamaFile string(String key, String value) {
    keys.put(key, (out, k) -> out.string(k, value));
    return this;
  }

  /** Sets a key to strings. */
  public LlamaFile strings(String key, List<String> values) {
    keys.put(key, (out, k) -> out.strings(k, values));
    return this;
  }

  /** Sets a key to truth values. */
  public LlamaFile bools(String key, boolean... values) {
    keys.put(key, (out, k) -> out.bools(k, values));
    return this;
  }

  /** Adds or replaces a tensor, filled with a pattern that depends on its name. */
  public LlamaFile tensor(String name, TensorType type, long... shape) {
    byte[] data = new byte[GgufWriter.bytes(type, shape)];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (name.hashCode() * 31 + i % 7);
    }
    tensors.put(name, (out, n) -> out.tensor(n, type, data, shape));
    return this;
  }

  /** Removes a key or a tensor. */
  public LlamaFile without(String name) {
    if (keys.remove(name) == null && tensors.remove(name) == null) {
      throw new IllegalArgumentException("there is no " + name);
    }
    return this;
  }

  /** The file as it stands. */
  public GgufWriter writer() {
    GgufWriter out = new GgufWriter();
    keys.forEach((key, write) -> write.accept(out, key));
    tensors.forEach((name, write) -> write.accept(out, name));
    return out;
  }
}
