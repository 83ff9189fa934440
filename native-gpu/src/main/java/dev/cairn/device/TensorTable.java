package dev.cairn.device;

import dev.cairn.model.AttentionSpec;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.NetworkSpec;
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
import java.util.TreeSet;
import java.util.stream.IntStream;

/** A model in the form that crosses to native code: tensors by role, numbers in fixed order. */
final class TensorTable {
  /** Weight types that the CPU back end computes with. */
  static final Set<TensorType> SUPPORTED =
      Collections.unmodifiableSet(EnumSet.allOf(TensorType.class));

  private static final Set<String> ARCHITECTURES =
      new TreeSet<>(Set.of("llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3"));
  private static final List<String> LAYER_TENSORS =
      List.of(
          "attn_norm.weight",
          "attn_q.weight",
          "attn_k.weight",
          "attn_v.weight",
          "attn_output.weight",
          "ffn_norm.weight",
          "ffn_gate.weight",
          "ffn_up.weight",
          "ffn_down.weight");
  private static final List<String> OPTIONAL_LAYER_TENSORS =
      List.of(
          "attn_q.bias",
          "attn_k.bias",
          "attn_v.bias",
          "attn_output.bias",
          "attn_q_norm.weight",
          "attn_k_norm.weight",
          "post_attention_norm.weight",
          "post_ffw_norm.weight");
  private static final int FIELDS = 5;

  private final ModelSpec model;
  private final String factors;
  private final Map<String, TensorInfo> tensors = new HashMap<>();

  /**
   * A model for a device.
   *
   * @param maxContext longest sequence of the device, which decides between factors for short and
   *     long contexts
   */
  TensorTable(ModelSpec model, int maxContext) {
    this.model = model;
    this.factors = model.rope().factors().of(maxContext);
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
    split();
  }

  /** Gives the parts of fused tensors the names that they have in other files. */
  private void split() {
    int query = model.headCount() * model.headLength();
    int keys = model.kvHeadCount() * model.headLength();
    int gate = model.feedForwardLength();
    for (int layer = 0; layer < model.layerCount(); layer++) {
      String prefix = "blk." + layer + ".";
      for (String kind : List.of(".weight", ".bias")) {
        TensorInfo fused = tensors.remove(prefix + "attn_qkv" + kind);
        if (fused != null) {
          put(part(fused, prefix + "attn_q" + kind, 0, query));
          put(part(fused, prefix + "attn_k" + kind, query, keys));
          put(part(fused, prefix + "attn_v" + kind, query + keys, keys));
        }
      }
      TensorInfo up = tensors.get(prefix + "ffn_up.weight");
      if (up != null && !tensors.containsKey(prefix + "ffn_gate.weight")) {
        put(part(up, prefix + "ffn_gate.weight", 0, gate));
        put(part(up, prefix + "ffn_up.weight", gate, gate));
      }
    }
  }

  private void put(TensorInfo tensor) {
    tensors.put(tensor.name(), tensor);
  }

  /** Rows of a matrix, or elements of a vector. */
  private TensorInfo part(TensorInfo whole, String name, int first, int count) {
    int last = whole.shape().size() - 1;
    long rows = whole.shape().get(last);
    if (rows < (long) first + count) {
      throw refused(
          "tensor " + whole.name() + " has " + rows + " rows, expected " + (first + count));
    }
    long rowBytes = whole.bytes() / rows;
    List<Long> shape =
        last == 0 ? List.of((long) count) : List.of(whole.shape().get(0), (long) count);
    return new TensorInfo(
        name, whole.type(), shape, whole.offset() + first * rowBytes, count * rowBytes);
  }

  /** What the choice of frequency factors adds to the numerics version. */
  String variant() {
    RopeSpec.Factors all = model.rope().factors();
    return !all.dependOnContext() ? "" : factors.equals(all.longContext()) ? "-long" : "-short";
  }

  byte[] path() {
    return model.file().toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
  }

  int[] dimensions() {
    RopeSpec rope = model.rope();
    AttentionSpec attention = model.attention();
    IntStream fixed =
        IntStream.of(
            model.embeddingLength(),
            model.layerCount(),
            model.headCount(),
            model.kvHeadCount(),
            model.headLength(),
            model.feedForwardLength(),
            model.vocabularySize(),
            rope.dimensions(),
            rope.layout() == RopeSpec.Layout.HALVES ? 1 : 0,
            rope.yarn().originalContext(),
            model.network().activation() == NetworkSpec.Activation.GELU ? 1 : 0,
            attention.window());
    IntStream windowed = attention.windowed().stream().mapToInt(w -> w ? 1 : 0);
    return IntStream.concat(fixed, windowed).toArray();
  }

  float[] numbers() {
    RopeSpec rope = model.rope();
    return new float[] {
      model.rmsNormEpsilon(),
      rope.full().base(),
      rope.full().scale(),
      rope.windowed().base(),
      rope.windowed().scale(),
      rope.magnitude(),
      rope.yarn().share(),
      rope.yarn().betaFast(),
      rope.yarn().betaSlow(),
      model.attention().scale(),
      model.attention().softCap(),
      model.network().embeddingScale(),
      model.network().logitSoftCap()
    };
  }

  /** File length and time, then type, offset, bytes, inputs and rows of every tensor. */
  long[] file() {
    int perLayer = LAYER_TENSORS.size() + OPTIONAL_LAYER_TENSORS.size();
    long[] table = new long[2 + FIELDS * (4 + perLayer * model.layerCount())];
    table[0] = model.fileBytes();
    table[1] = model.modifiedMillis();
    put(table, 0, required("token_embd.weight"));
    put(table, 1, required("output_norm.weight"));
    find("output.weight").ifPresent(t -> put(table, 2, t));
    if (!factors.isEmpty()) {
      put(table, 3, required(factors));
    }
    int index = 4;
    for (int layer = 0; layer < model.layerCount(); layer++) {
      for (String name : LAYER_TENSORS) {
        put(table, index++, required("blk." + layer + "." + name));
      }
      for (String name : OPTIONAL_LAYER_TENSORS) {
        int at = index++;
        find("blk." + layer + "." + name).ifPresent(t -> put(table, at, t));
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
    Optional<TensorInfo> tensor = Optional.ofNullable(tensors.get(name));
    tensor.ifPresent(
        t -> {
          if (!SUPPORTED.contains(t.type())) {
            throw refused(
                "tensor "
                    + name
                    + " has type "
                    + t.type()
                    + ", which the CPU back end does not compute with");
          }
        });
    return tensor;
  }

  private DeviceException refused(String what) {
    return new DeviceException(
        DeviceException.Kind.MODEL, "model " + model.name() + " cannot be loaded: " + what);
  }
}
