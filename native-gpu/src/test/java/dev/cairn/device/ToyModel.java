package dev.cairn.device;

import dev.cairn.model.AttentionSpec;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.NetworkSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Writes a file of random weights, of mixed types, and describes it. */
final class ToyModel {
  static final int VOCABULARY = 131;
  static final int CONTEXT = 96;

  private static final int WIDTH = 64;
  private static final int LAYERS = 2;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int HEAD_LENGTH = 16;
  private static final int FEED_FORWARD = 96;

  private final Random random;
  private final List<TensorInfo> tensors = new ArrayList<>();
  private final ByteBuffer data = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
  private int infiniteToken = -1;
  private TensorType type = TensorType.Q8_0;

  ToyModel(long seed) {
    random = new Random(seed);
  }

  /** Makes the embedding of one token infinite. */
  ToyModel infiniteToken(int token) {
    infiniteToken = token;
    return this;
  }

  /** Type of the attention and feed-forward weights that are not of a type of their own. */
  ToyModel type(TensorType weights) {
    type = weights;
    return this;
  }

  ModelSpec write(Path file) throws IOException {
    data.putLong(0);
    add("token_embd.weight", TensorType.F32, WIDTH, VOCABULARY, 1f);
    if (infiniteToken >= 0) {
      int row = (int) tensors.get(0).offset() + infiniteToken * WIDTH * Float.BYTES;
      data.putFloat(row, Float.POSITIVE_INFINITY);
    }
    vector("output_norm.weight");
    add("output.weight", TensorType.Q8_0, WIDTH, VOCABULARY, 0.4f);
    for (int layer = 0; layer < LAYERS; layer++) {
      String prefix = "blk." + layer + ".";
      vector(prefix + "attn_norm.weight");
      vector(prefix + "ffn_norm.weight");
      add(prefix + "attn_q.weight", type, WIDTH, HEADS * HEAD_LENGTH, 0.3f);
      add(prefix + "attn_k.weight", TensorType.F16, WIDTH, KV_HEADS * HEAD_LENGTH, 0.3f);
      add(prefix + "attn_v.weight", TensorType.Q4_0, WIDTH, KV_HEADS * HEAD_LENGTH, 0.3f);
      add(prefix + "attn_output.weight", type, HEADS * HEAD_LENGTH, WIDTH, 0.3f);
      add(prefix + "ffn_gate.weight", type, WIDTH, FEED_FORWARD, 0.3f);
      add(prefix + "ffn_up.weight", TensorType.F32, WIDTH, FEED_FORWARD, 0.3f);
      add(prefix + "ffn_down.weight", TensorType.Q4_0, FEED_FORWARD, WIDTH, 0.3f);
    }
    byte[] bytes = new byte[data.position()];
    data.get(0, bytes);
    Files.write(file, bytes);
    return describe(file, tensors);
  }

  static ModelSpec describe(Path file, List<TensorInfo> tensors) throws IOException {
    return new ModelSpec(
        file,
        Files.size(file),
        Files.getLastModifiedTime(file).toMillis(),
        "toy",
        "toy",
        "llama",
        WIDTH,
        LAYERS,
        HEADS,
        KV_HEADS,
        HEAD_LENGTH,
        FEED_FORWARD,
        VOCABULARY,
        CONTEXT,
        1e-5f,
        RopeSpec.plain(RopeSpec.Layout.HALVES, HEAD_LENGTH, 10000f),
        AttentionSpec.plain(LAYERS, HEAD_LENGTH),
        NetworkSpec.PLAIN,
        tensors);
  }

  private void vector(String name) {
    long start = data.position();
    for (int i = 0; i < WIDTH; i++) {
      data.putFloat(0.8f + 0.4f * random.nextFloat());
    }
    tensors.add(
        new TensorInfo(
            name, TensorType.F32, List.of((long) WIDTH), start, data.position() - start));
  }

  private void add(String name, TensorType weights, int in, int out, float spread) {
    long start = data.position();
    for (int i = 0; i < in * out / weights.blockLength(); i++) {
      switch (weights) {
        case F32 -> data.putFloat((float) random.nextGaussian() * spread);
        case F16 -> data.putShort(half(spread * (0.25f + random.nextInt(4) * 0.25f)));
        default -> {
          byte[] quants = new byte[weights.blockBytes() - 2];
          random.nextBytes(quants);
          float steps = weights == TensorType.Q8_0 ? 73f : 4.6f;
          data.putShort(half(spread / steps)).put(quants);
        }
      }
    }
    List<Long> shape = List.of((long) in, (long) out);
    tensors.add(new TensorInfo(name, weights, shape, start, data.position() - start));
  }

  /** Half precision with a random sign, truncated; for values from 2^-14 to 1. */
  private short half(float value) {
    int bits = Float.floatToIntBits(value);
    int magnitude = ((bits >>> 13) & 0x3ffff) - (112 << 10);
    return (short) (random.nextBoolean() ? magnitude : magnitude | 0x8000);
  }
}
