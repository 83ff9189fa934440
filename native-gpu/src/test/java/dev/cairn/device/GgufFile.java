package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the llama files that tests use, which are known to be well formed. */
final class GgufFile {
  private final ByteBuffer in;
  private final Map<String, Number> numbers = new HashMap<>();
  private final List<TensorInfo> tensors = new ArrayList<>();

  private GgufFile(byte[] bytes) {
    in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    in.position(8);
    int tensorCount = (int) in.getLong();
    int keyCount = (int) in.getLong();
    for (int i = 0; i < keyCount; i++) {
      String key = string();
      Number value = value(in.getInt());
      if (value != null) {
        numbers.put(key, value);
      }
    }
    for (int i = 0; i < tensorCount; i++) {
      tensors.add(tensor());
    }
    long base = (in.position() + 31L) / 32 * 32;
    tensors.replaceAll(
        t -> new TensorInfo(t.name(), t.type(), t.shape(), t.offset() + base, t.bytes()));
  }

  static ModelSpec read(Path file) throws IOException {
    GgufFile gguf = new GgufFile(Files.readAllBytes(file));
    int width = gguf.integer("llama.embedding_length", 0);
    int heads = gguf.integer("llama.attention.head_count", 0);
    RopeSpec rope =
        new RopeSpec(
            RopeSpec.Layout.INTERLEAVED,
            gguf.integer("llama.rope.dimension_count", width / heads),
            gguf.numbers.getOrDefault("llama.rope.freq_base", 10000f).floatValue(),
            1f,
            gguf.tensors.stream().anyMatch(t -> t.name().equals("rope_freqs.weight"))
                ? "rope_freqs.weight"
                : "");
    long vocabulary =
        gguf.tensors.stream()
            .filter(t -> t.name().equals("token_embd.weight"))
            .findFirst()
            .orElseThrow()
            .shape()
            .get(1);
    return new ModelSpec(
        file,
        Files.size(file),
        Files.getLastModifiedTime(file).toMillis(),
        "test",
        file.getFileName().toString(),
        "llama",
        width,
        gguf.integer("llama.block_count", 0),
        heads,
        gguf.integer("llama.attention.head_count_kv", heads),
        width / heads,
        gguf.integer("llama.feed_forward_length", 0),
        (int) vocabulary,
        gguf.integer("llama.context_length", 0),
        gguf.numbers.get("llama.attention.layer_norm_rms_epsilon").floatValue(),
        rope,
        gguf.tensors);
  }

  private int integer(String key, int otherwise) {
    return numbers.getOrDefault(key, otherwise).intValue();
  }

  private TensorInfo tensor() {
    String name = string();
    int dimensions = in.getInt();
    List<Long> shape = new ArrayList<>();
    long elements = 1;
    for (int d = 0; d < dimensions; d++) {
      shape.add(in.getLong());
      elements *= shape.get(d);
    }
    TensorType type = TensorType.byId(in.getInt()).orElseThrow();
    long bytes = elements / type.blockLength() * type.blockBytes();
    return new TensorInfo(name, type, shape, in.getLong(), bytes);
  }

  private String string() {
    byte[] bytes = new byte[(int) in.getLong()];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** A value of a GGUF type; null for strings and arrays. */
  private Number value(int type) {
    return switch (type) {
      case 0, 1, 7 -> in.get();
      case 2, 3 -> in.getShort();
      case 4, 5 -> in.getInt();
      case 6 -> in.getFloat();
      case 10, 11 -> in.getLong();
      case 12 -> in.getDouble();
      case 8 -> {
        string();
        yield null;
      }
      case 9 -> {
        int element = in.getInt();
        long count = in.getLong();
        for (long i = 0; i < count; i++) {
          value(element);
        }
        yield null;
      }
      default -> throw new IllegalArgumentException("GGUF type " + type);
    };
  }
}
