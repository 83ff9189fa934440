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
  private static final int FEED_FORWARD = 96;

  private final Random random;
  private final List<TensorInfo> tensors = new ArrayList<>();
  private final ByteBuffer data = ByteBuffer.allocate(1 << 23).order(ByteOrder.LITTLE_ENDIAN);
  private int infiniteToken = -1;
  private TensorType type = TensorType.Q8_0;
  private boolean everywhere;
  private int width = WIDTH;
  private int feedForward = FEED_FORWARD;

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

  /** Type of every matrix; where its blocks are longer than rows, the model is wider. */
  ToyModel everywhere(TensorType weights) {
    type = weights;
    everywhere = true;
    width = Math.max(WIDTH, weights.blockLength());
    feedForward = weights.blockLength() > WIDTH ? 2 * width : FEED_FORWARD;
    return this;
  }

  ModelSpec write(Path file) throws IOException {
    data.putLong(0);
    add("token_embd.weight", TensorType.F32, width, VOCABULARY, 1f);
    if (infiniteToken >= 0) {
      int row = (int) tensors.get(0).offset() + infiniteToken * width * Float.BYTES;
      data.putFloat(row, Float.POSITIVE_INFINITY);
    }
    vector("output_norm.weight");
    add("output.weight", TensorType.Q8_0, width, VOCABULARY, 0.4f);
    for (int layer = 0; layer < LAYERS; layer++) {
      String prefix = "blk." + layer + ".";
      vector(prefix + "attn_norm.weight");
      vector(prefix + "ffn_norm.weight");
      add(prefix + "attn_q.weight", type, width, width, 0.3f);
      add(prefix + "attn_k.weight", TensorType.F16, width, width / HEADS * KV_HEADS, 0.3f);
      add(prefix + "attn_v.weight", TensorType.Q4_0, width, width / HEADS * KV_HEADS, 0.3f);
      add(prefix + "attn_output.weight", type, width, width, 0.3f);
      add(prefix + "ffn_gate.weight", type, width, feedForward, 0.3f);
      add(prefix + "ffn_up.weight", TensorType.F32, width, feedForward, 0.3f);
      add(prefix + "ffn_down.weight", TensorType.Q4_0, feedForward, width, 0.3f);
    }
    byte[] bytes = new byte[data.position()];
    data.get(0, bytes);
    Files.write(file, bytes);
    return describe(file, tensors, width, feedForward);
  }

  static ModelSpec describe(Path file, List<TensorInfo> tensors) throws IOException {
    return describe(file, tensors, WIDTH, FEED_FORWARD);
  }

  private static ModelSpec describe(Path file, List<TensorInfo> tensors, int width, int feedForward)
      throws IOException {
    return new ModelSpec(
        file,
        Files.size(file),
        Files.getLastModifiedTime(file).toMillis(),
        "toy",
        "toy",
        "llama",
        width,
        LAYERS,
        HEADS,
        KV_HEADS,
        width / HEADS,
        feedForward,
        VOCABULARY,
        CONTEXT,
        1e-5f,
        RopeSpec.plain(RopeSpec.Layout.INTERLEAVED, width / HEADS, 10000f),
        AttentionSpec.plain(LAYERS, width / HEADS),
        NetworkSpec.PLAIN,
        tensors);
  }

  private void vector(String name) {
    long start = data.position();
    for (int i = 0; i < width; i++) {
      data.putFloat(0.8f + 0.4f * random.nextFloat());
    }
    tensors.add(
        new TensorInfo(
            name, TensorType.F32, List.of((long) width), start, data.position() - start));
  }

  private void add(String name, TensorType ofItsOwn, int in, int out, float spread) {
    TensorType weights = everywhere ? type : ofItsOwn;
    long start = data.position();
    for (int i = 0; i < in * out / weights.blockLength(); i++) {
      WeightBlocks.putRandom(data, weights, spread, random);
    }
    List<Long> shape = List.of((long) in, (long) out);
    tensors.add(new TensorInfo(name, weights, shape, start, data.position() - start));
  }
}
