package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The keys of a small model, as its file has them, and its weights as numbers. */
class ModelValues {
  /**
   * A tensor: rows of `columns` numbers each; a vector is one row.
   *
   * @param quantized whether products round their inputs to 8 bits
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Weights(int columns, float[] values, boolean vector, boolean quantized) {}

  final String architecture;
  final Map<String, Object> keys = new LinkedHashMap<>();
  final Map<String, Weights> tensors = new LinkedHashMap<>();

  ModelValues(String architecture) {
    this.architecture = architecture;
  }

  /** Reads the weights of a model without keys beside its dimensions. */
  static ModelValues read(ModelSpec spec) throws IOException {
    ModelValues model = new ModelValues(spec.architecture());
    model.key("block_count", spec.layerCount());
    model.key("attention.head_count", spec.headCount());
    model.key("attention.head_count_kv", spec.kvHeadCount());
    model.key("attention.key_length", spec.headLength());
    model.key("attention.layer_norm_rms_epsilon", spec.rmsNormEpsilon());
    model.key("rope.freq_base", spec.rope().full().base());
    ByteBuffer data =
        ByteBuffer.wrap(Files.readAllBytes(spec.file())).order(ByteOrder.LITTLE_ENDIAN);
    for (TensorInfo tensor : spec.tensors()) {
      int count = Math.toIntExact(tensor.shape().stream().reduce(1L, Math::multiplyExact));
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) WeightBlocks.value(data, (int) tensor.offset(), tensor.type(), i);
      }
      boolean vector = tensor.shape().size() == 1;
      boolean quantized = tensor.type().blockLength() > 1;
      int columns = Math.toIntExact(tensor.shape().get(0));
      model.tensors.put(tensor.name(), new Weights(columns, values, vector, quantized));
    }
    return model;
  }

  /** Sets a key of the architecture. */
  ModelValues key(String name, Object value) {
    keys.put(architecture + "." + name, value);
    return this;
  }

  /** The value of a key, or this where the file has none. */
  double number(String name, double otherwise) {
    Object value = keys.get(architecture + "." + name);
    return value == null ? otherwise : ((Number) value).doubleValue();
  }

  int layers() {
    return (int) number("block_count", 0);
  }

  int heads() {
    return (int) number("attention.head_count", 0);
  }

  int kvHeads() {
    return (int) number("attention.head_count_kv", 0);
  }

  int headLength() {
    return (int) number("attention.key_length", number("embedding_length", 0) / heads());
  }

  /** A row of a tensor. */
  float[] row(String name, int row) {
    Weights weights = tensors.get(name);
    int from = row * weights.columns();
    return Arrays.copyOfRange(weights.values(), from, from + weights.columns());
  }
}
