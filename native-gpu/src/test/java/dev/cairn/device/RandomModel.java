package dev.cairn.device;

import dev.cairn.model.Architectures;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorType;
import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Random;

/** A small model of random F32 weights and odd constants, as keys and tensors of a GGUF file. */
final class RandomModel extends ModelValues {
  static final int VOCABULARY = 61;
  static final int WIDTH = 40;
  static final int FEED_FORWARD = 56;
  static final int CONTEXT = 128;

  private final Random random;

  RandomModel(String architecture, long seed, int layers, int heads, int kvHeads) {
    super(architecture);
    this.random = new Random(seed);
    key("context_length", CONTEXT);
    key("embedding_length", WIDTH);
    key("block_count", layers);
    key("feed_forward_length", FEED_FORWARD);
    key("attention.head_count", heads);
    key("attention.head_count_kv", kvHeads);
    key("attention.layer_norm_rms_epsilon", 0.03f);
    matrix("token_embd.weight", VOCABULARY, WIDTH, 0.2f);
    vector("output_norm.weight", WIDTH, 1f);
  }

  @Override
  RandomModel key(String name, Object value) {
    super.key(name, value);
    return this;
  }

  RandomModel matrix(String name, int rows, int columns, float spread) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * spread;
    }
    tensors.put(name, new Weights(columns, values, false, false));
    return this;
  }

  /** Numbers around a middle. */
  RandomModel vector(String name, int length, float middle) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = middle + (random.nextFloat() - 0.5f);
    }
    tensors.put(name, new Weights(length, values, true, false));
    return this;
  }

  /** Adds a tensor to every block. */
  RandomModel eachVector(String name, int length, float middle) {
    for (int layer = 0; layer < layers(); layer++) {
      vector("blk." + layer + "." + name, length, middle);
    }
    return this;
  }

  /** Norms, projections and the feed-forward block of every layer. */
  RandomModel blocks(boolean fused) {
    int query = heads() * headLength();
    int keyValue = kvHeads() * headLength();
    float wide = 1.2f / (float) Math.sqrt(WIDTH);
    for (int layer = 0; layer < layers(); layer++) {
      String block = "blk." + layer + ".";
      vector(block + "attn_norm.weight", WIDTH, 1f);
      vector(block + "ffn_norm.weight", WIDTH, 1f);
      if (fused) {
        matrix(block + "attn_qkv.weight", query + 2 * keyValue, WIDTH, wide);
        matrix(block + "ffn_up.weight", 2 * FEED_FORWARD, WIDTH, wide);
      } else {
        matrix(block + "attn_q.weight", query, WIDTH, wide);
        matrix(block + "attn_k.weight", keyValue, WIDTH, wide);
        matrix(block + "attn_v.weight", keyValue, WIDTH, wide);
        matrix(block + "ffn_gate.weight", FEED_FORWARD, WIDTH, wide);
        matrix(block + "ffn_up.weight", FEED_FORWARD, WIDTH, wide);
      }
      matrix(block + "attn_output.weight", WIDTH, query, 1f / (float) Math.sqrt(query));
      matrix(block + "ffn_down.weight", WIDTH, FEED_FORWARD, 0.15f);
    }
    return this;
  }

  int[] prompt(int length, long seed) {
    return new Random(seed).ints(length, 0, VOCABULARY).toArray();
  }

  /** Writes the file and describes it as the server does. */
  ModelSpec write(Path file) {
    GgufWriter out = new GgufWriter().string("general.architecture", architecture);
    keys.forEach(
        (key, value) -> {
          if (value instanceof String text) {
            out.string(key, text);
          } else if (value instanceof Integer number) {
            out.uint32(key, number);
          } else {
            out.float32(key, (Float) value);
          }
        });
    tensors.forEach((name, weights) -> add(out, name, weights));
    return Architectures.describe(GgufFile.read(out.write(file)), Devices.supportedTypes());
  }

  private static void add(GgufWriter out, String name, Weights weights) {
    ByteBuffer data =
        ByteBuffer.allocate(Float.BYTES * weights.values().length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : weights.values()) {
      data.putFloat(value);
    }
    long rows = weights.values().length / weights.columns();
    long[] shape =
        weights.vector() ? new long[] {weights.columns()} : new long[] {weights.columns(), rows};
    out.tensor(name, TensorType.F32, data.array(), shape);
  }
}
