package dev.cairn.model.synth;

import dev.cairn.model.TensorType;
import dev.cairn.model.gguf.GgufWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.function.LongConsumer;

/**
 * A model of random weights: of no use for text, and as large and as fast as a real one of its
 * shape. The same shape, types and seed give the same bytes everywhere.
 *
 * <p>Weights of a matrix have a deviation of 1/sqrt(inputs), so that what it yields is as large as
 * what it gets; the matrices that write to the residual stream are damped by the number of layers.
 */
public final class SyntheticModel {
  private static final float NORM_DEVIATION = 0.05f;

  private final SyntheticShape shape;
  private final Quantization quantization;
  private final long seed;
  private final String name;
  private long nextStream = 1;
  private long bytes;
  private long written;

  public SyntheticModel(SyntheticShape shape, Quantization quantization, long seed, String name) {
    this.shape = shape;
    this.quantization = quantization;
    this.seed = seed;
    this.name = name;
  }

  /** Bytes of the tensors in what was written last. */
  public long bytes() {
    return bytes;
  }

  /**
   * Writes the file.
   *
   * @param progress told the bytes of tensors written so far, with {@link #bytes()} as their end
   */
  public void write(Path file, LongConsumer progress) {
    GgufWriter writer = new GgufWriter();
    nextStream = 1;
    bytes = 0;
    written = 0;
    describe(writer);
    new SyntheticTokenizer(shape.vocabulary(), new SeededNumbers(seed, 0)).describe(writer);
    addTensors(writer, progress);
    writer.write(file);
  }

  private void describe(GgufWriter file) {
    file.string("general.architecture", "llama")
        .string("general.name", name)
        .uint32("llama.context_length", shape.context())
        .uint32("llama.embedding_length", shape.embedding())
        .uint32("llama.block_count", shape.layers())
        .uint32("llama.feed_forward_length", shape.feedForward())
        .uint32("llama.attention.head_count", shape.heads())
        .uint32("llama.attention.head_count_kv", shape.kvHeads())
        .uint32("llama.rope.dimension_count", shape.embedding() / shape.heads())
        .float32("llama.rope.freq_base", 10_000f)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .uint32("llama.vocab_size", shape.vocabulary());
  }

  private void addTensors(GgufWriter file, LongConsumer progress) {
    int dim = shape.embedding();
    int ffn = shape.feedForward();
    TensorType output = quantization.output(dim);
    TensorType type = quantization.matrix(dim);
    Adder add = new Adder(file, progress);
    float residual = (float) (1 / Math.sqrt(2.0 * shape.layers()));
    add.matrix("token_embd", shape.tied() ? output : type, dim, shape.vocabulary(), 1);
    add.norm("output_norm");
    if (!shape.tied()) {
      add.matrix("output", output, dim, shape.vocabulary(), 1);
    }
    for (int layer = 0; layer < shape.layers(); layer++) {
      String block = "blk." + layer + ".";
      TensorType values = quantization.sensitive(layer, shape.layers(), dim);
      TensorType down = quantization.sensitive(layer, shape.layers(), ffn);
      add.norm(block + "attn_norm");
      add.matrix(block + "attn_q", type, dim, dim, 1);
      add.matrix(block + "attn_k", type, dim, shape.keyValue(), 1);
      add.matrix(block + "attn_v", values, dim, shape.keyValue(), 1);
      add.matrix(block + "attn_output", type, dim, dim, residual);
      add.norm(block + "ffn_norm");
      add.matrix(block + "ffn_gate", type, dim, ffn, 1);
      add.matrix(block + "ffn_up", type, dim, ffn, 1);
      add.matrix(block + "ffn_down", down, ffn, dim, residual);
    }
  }

  private final class Adder {
    private final GgufWriter file;
    private final LongConsumer progress;
    private final BlockQuantizer quantizer = new BlockQuantizer();

    Adder(GgufWriter file, LongConsumer progress) {
      this.file = file;
      this.progress = progress;
    }

    void norm(String tensor) {
      add(tensor, TensorType.F32, new long[] {shape.embedding()}, 1, NORM_DEVIATION);
    }

    void matrix(String tensor, TensorType type, int inputs, int outputs, float scale) {
      float deviation = (float) (scale / Math.sqrt(inputs));
      add(tensor, type, new long[] {inputs, outputs}, 0, deviation);
    }

    private void add(String tensor, TensorType type, long[] size, float mean, float deviation) {
      long stream = nextStream++;
      int length = (int) size[0];
      long rows = size.length == 1 ? 1 : size[1];
      bytes += GgufWriter.dataBytes(type, size);
      file.tensor(
          tensor + ".weight",
          type,
          out -> writeRows(out, type, stream, length, rows, mean, deviation),
          size);
    }

    private void writeRows(
        OutputStream out,
        TensorType type,
        long stream,
        int length,
        long rows,
        float mean,
        float deviation)
        throws IOException {
      SeededNumbers random = new SeededNumbers(seed, stream);
      float[] row = new float[length];
      ByteBuffer encoded = ByteBuffer.allocate((int) GgufWriter.dataBytes(type, length));
      encoded.order(ByteOrder.LITTLE_ENDIAN);
      for (long r = 0; r < rows; r++) {
        for (int i = 0; i < length; i++) {
          row[i] = mean + deviation * random.bell();
        }
        quantizer.encode(type, row, encoded.clear());
        out.write(encoded.array(), 0, encoded.position());
        written += encoded.position();
        progress.accept(written);
      }
    }
  }
}
