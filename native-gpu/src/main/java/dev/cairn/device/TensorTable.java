package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A model in the form that crosses to native code: tensors by role, numbers in fixed order. */
final class TensorTable {
  /** Weight types that the CPU back end computes with. */
  static final Set<TensorType> SUPPORTED =
      Collections.unmodifiableSet(EnumSet.allOf(TensorType.class));

  private static final Set<String> ARCHITECTURES = Set.of("llama");
  private static final List<String> LAYER_TENSORS =
      List.of(
          "attn_norm",
          "attn_q",
          "attn_k",
          "attn_v",
          "attn_output",
          "ffn_norm",
          "ffn_gate",
          "ffn_up",
          "ffn_down");
  private static final int FIELDS = 5;

  private final ModelSpec model;
  private final Map<String, TensorInfo> tensors = new HashMap<>();

  TensorTable(ModelSpec model) {
    this.model = model;
    if (!ARCHITECTURES.contains(model.architecture())) {
      throw refused(
          "the architecture is "
              + model.architecture()
              + ", expected one of "
              + String.join(", ", ARCHITECTURES));
    }
    for (TensorInfo tensor : model.tensors()) {
      tensors.put(tensor.name(), tensor);
    }
  }

  byte[] path() {
    return model.file().toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
  }

  int[] dimensions() {
    RopeSpec rope = model.rope();
    return new int[] {
      model.embeddingLength(),
      model.layerCount(),
      model.headCount(),
      model.kvHeadCount(),
      model.headLength(),
      model.feedForwardLength(),
      model.vocabularySize(),
      rope.dimensions(),
      rope.layout() == RopeSpec.Layout.HALVES ? 1 : 0
    };
  }

  float[] numbers() {
    return new float[] {model.rmsNormEpsilon(), model.rope().base(), model.rope().linearScale()};
  }

  /** File length and time, then type, offset, bytes, inputs and rows of every tensor. */
  long[] file() {
    long[] table = new long[2 + FIELDS * (4 + LAYER_TENSORS.size() * model.layerCount())];
    table[0] = model.fileBytes();
    table[1] = model.modifiedMillis();
    put(table, 0, required("token_embd.weight"));
    put(table, 1, required("output_norm.weight"));
    find("output.weight").ifPresent(t -> put(table, 2, t));
    String factors = model.rope().factors();
    if (!factors.isEmpty()) {
      put(table, 3, required(factors));
    }
    int index = 4;
    for (int layer = 0; layer < model.layerCount(); layer++) {
      for (String name : LAYER_TENSORS) {
        put(table, index++, required("blk." + layer + "." + name + ".weight"));
      }
    }
    return table;
  }

  private static void put(long[] table, int index, TensorInfo tensor) {
    int at = 2 + FIELDS * index;
    table[at] = tensor.type().id();
    table[at + 1] = tensor.offset();
    table[at + 2] = tensor.bytes();
    table[at + 3] = tensor.shape().get(0);
    table[at + 4] = tensor.shape().size() > 1 ? tensor.shape().get(1) : 1;
  }

  private TensorInfo required(String name) {
    return find(name).orElseThrow(() -> refused("tensor " + name + " is missing"));
  }

  private Optional<TensorInfo> find(String name) {
    return Optional.ofNullable(tensors.get(name));
  }

  private DeviceException refused(String what) {
    return new DeviceException(
        DeviceException.Kind.MODEL, "model " + model.name() + " cannot be loaded: " + what);
  }
}
