package dev.cairn.model.gguf;

import dev.cairn.model.ModelException;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads GGUF headers, little-endian, versions 2 and 3, which share one layout (source: GGUF
 * specification in the ggml repository). Nothing of the header is believed before it is checked.
 */
final class GgufReader {
  private static final int MAGIC = 0x46554747;
  private static final int MAX_DIMENSIONS = 4;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int MAX_ALIGNMENT = 1 << 20;
  private static final int MIN_KEY_BYTES = 8 + 1 + 4 + 1;
  private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private final GgufLimits limits;

  GgufReader(GgufLimits limits) {
    this.limits = limits;
  }

  GgufFile read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new ModelException("cannot read the model file " + file + ": there is no such file");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long fileBytes = channel.size();
      long modified = Files.getLastModifiedTime(file).toMillis();
      GgufCursor in = new GgufCursor(file, channel, fileBytes, limits);
      int version = readVersion(in);
      int tensorCount = in.count("the number of tensors", limits.maxTensors(), MIN_TENSOR_BYTES);
      int keyCount = in.count("the number of metadata keys", limits.maxKeys(), MIN_KEY_BYTES);
      GgufMetadata metadata = readMetadata(file, in, keyCount);
      int alignment = readAlignment(metadata);
      List<TensorInfo> relative = readTensors(in, tensorCount, alignment);
      long dataOffset = (in.position() + alignment - 1) / alignment * alignment;
      List<TensorInfo> tensors = place(in, relative, dataOffset, fileBytes);
      return new GgufFile(file, fileBytes, modified, version, dataOffset, metadata, tensors);
    } catch (IOException e) {
      throw new ModelException("cannot read the model file " + file + ": " + e, e);
    }
  }

  private static int readVersion(GgufCursor in) throws IOException {
    int magic = in.int32("the magic number");
    if (magic != MAGIC) {
      throw in.refuse(
          String.format("this is no GGUF file: it begins with 0x%08x, not with \"GGUF\"", magic));
    }
    int version = in.int32("the version");
    if (version != 0 && (version & 0xFFFF) == 0) {
      throw in.refuse("this is a big-endian GGUF file, only little-endian files can be read");
    }
    if (version != 2 && version != 3) {
      throw in.refuse(
          "GGUF version " + Integer.toUnsignedString(version) + " is not supported, only 2 and 3");
    }
    return version;
  }

  private GgufMetadata readMetadata(Path file, GgufCursor in, int count) throws IOException {
    Map<String, GgufMetadata.Value> values = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      String key = in.name("metadata key " + i);
      GgufType type = readType(in, key);
      if (values.put(key, new GgufMetadata.Value(type, readValue(in, key, type, 0))) != null) {
        throw in.refuse("the metadata key " + key + " occurs twice");
      }
    }
    return new GgufMetadata(file, values);
  }

  private static GgufType readType(GgufCursor in, String key) throws IOException {
    int id = in.int32("the type of " + key);
    return GgufType.byId(id)
        .orElseThrow(
            () ->
                in.refuse(
                    key
                        + " has the unknown value type "
                        + Integer.toUnsignedString(id)
                        + ", known are 0 to 12"));
  }

  private Object readValue(GgufCursor in, String key, GgufType type, int depth) throws IOException {
    return switch (type) {
      case STRING -> in.string(key);
      case ARRAY -> readArray(in, key, depth + 1);
      case BOOL -> readBool(in, key, in.bytes(1, key)[0]);
      case FLOAT32, FLOAT64 ->
          GgufCursor.real(type, littleEndian(in.bytes(type.minBytes(), key)), 0);
      default -> GgufCursor.integer(type, littleEndian(in.bytes(type.minBytes(), key)), 0);
    };
  }

  private GgufArray readArray(GgufCursor in, String key, int depth) throws IOException {
    if (depth > limits.maxArrayDepth()) {
      throw in.refuse(
          key + " nests arrays deeper than the " + limits.maxArrayDepth() + " levels allowed");
    }
    GgufType type = readType(in, key);
    int length = in.count("the length of " + key, limits.maxArrayLength(), type.minBytes());
    if (type == GgufType.STRING || type == GgufType.ARRAY) {
      List<Object> objects = new ArrayList<>(Math.min(length, 1 << 16));
      for (int i = 0; i < length; i++) {
        objects.add(readValue(in, key, type, depth));
      }
      return GgufArray.ofObjects(type, objects);
    }
    byte[] bytes = in.bytes(Math.multiplyExact(length, type.minBytes()), key);
    if (type == GgufType.BOOL) {
      for (byte b : bytes) {
        readBool(in, key, b);
      }
    }
    return GgufArray.ofNumbers(type, length, bytes);
  }

  private static boolean readBool(GgufCursor in, String key, byte value) {
    if (value != 0 && value != 1) {
      throw in.refuse(key + " is the boolean " + value + ", but must be 0 or 1");
    }
    return value == 1;
  }

  private static int readAlignment(GgufMetadata metadata) {
    int alignment =
        metadata.integer("general.alignment", 8, MAX_ALIGNMENT).orElse(DEFAULT_ALIGNMENT);
    if (Integer.bitCount(alignment) != 1) {
      throw metadata.refuse("general.alignment is " + alignment + ", but must be a power of two");
    }
    return alignment;
  }

  private static List<TensorInfo> readTensors(GgufCursor in, int count, int alignment)
      throws IOException {
    List<TensorInfo> tensors = new ArrayList<>(count);
    Set<String> names = new HashSet<>();
    for (int i = 0; i < count; i++) {
      TensorInfo tensor = readTensor(in, i);
      if (!names.add(tensor.name())) {
        throw in.refuse("the tensor " + tensor.name() + " occurs twice");
      }
      if (tensor.offset() < 0 || tensor.offset() % alignment != 0) {
        throw in.refuse(
            "the tensor "
                + tensor.name()
                + " is at offset "
                + Long.toUnsignedString(tensor.offset())
                + ", which must be a multiple of general.alignment "
                + alignment
                + " inside the file");
      }
      tensors.add(tensor);
    }
    return tensors;
  }

  private static TensorInfo readTensor(GgufCursor in, int index) throws IOException {
    String name = in.name("tensor " + index);
    String what = "the tensor " + name;
    int dimensions = in.int32(what);
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      throw in.refuse(
          what
              + " has "
              + Integer.toUnsignedString(dimensions)
              + " dimensions, but must have 1 to "
              + MAX_DIMENSIONS);
    }
    Long[] shape = new Long[dimensions];
    long elements = 1;
    for (int d = 0; d < dimensions; d++) {
      shape[d] = in.int64(what);
      if (shape[d] <= 0 || Math.multiplyHigh(elements, shape[d]) != 0) {
        throw tooLarge(in, what, d, shape[d]);
      }
      elements *= shape[d];
      if (elements <= 0) {
        throw tooLarge(in, what, d, shape[d]);
      }
    }
    int typeId = in.int32(what);
    TensorType type =
        TensorType.byId(typeId)
            .orElseThrow(
                () ->
                    in.refuse(
                        what
                            + " has the type number "
                            + Integer.toUnsignedString(typeId)
                            + ", which is not supported; supported are "
                            + Arrays.toString(TensorType.values())));
    if (shape[0] % type.blockLength() != 0) {
      throw in.refuse(
          what
              + " has rows of "
              + shape[0]
              + " elements, but "
              + type
              + " needs a multiple of "
              + type.blockLength());
    }
    long blocks = elements / type.blockLength();
    if (blocks > Long.MAX_VALUE / type.blockBytes()) {
      throw in.refuse(what + " has " + elements + " elements, more than 63 bits can address");
    }
    long offset = in.int64(what);
    return new TensorInfo(name, type, List.of(shape), offset, blocks * type.blockBytes());
  }

  private static ModelException tooLarge(GgufCursor in, String what, int dimension, long value) {
    return in.refuse(
        what
            + " has "
            + Long.toUnsignedString(value)
            + " as dimension "
            + dimension
            + ", but dimensions must be positive and their product must fit 63 bits");
  }

  /** Turns offsets from the start of the data into offsets from the start of the file. */
  private static List<TensorInfo> place(
      GgufCursor in, List<TensorInfo> relative, long dataOffset, long fileBytes) {
    List<TensorInfo> placed = new ArrayList<>(relative.size());
    for (TensorInfo t : relative) {
      if (t.offset() > fileBytes - dataOffset || t.bytes() > fileBytes - dataOffset - t.offset()) {
        throw in.refuse(
            "the tensor "
                + t.name()
                + " has "
                + t.bytes()
                + " bytes at offset "
                + t.offset()
                + " of the data, which begins at byte "
                + dataOffset
                + ", but the file ends at byte "
                + fileBytes);
      }
      placed.add(new TensorInfo(t.name(), t.type(), t.shape(), dataOffset + t.offset(), t.bytes()));
    }
    List<TensorInfo> sorted = new ArrayList<>(placed);
    sorted.sort(Comparator.comparingLong(TensorInfo::offset));
    for (int i = 1; i < sorted.size(); i++) {
      TensorInfo before = sorted.get(i - 1);
      if (before.offset() + before.bytes() > sorted.get(i).offset()) {
        throw in.refuse(
            "the tensors " + before.name() + " and " + sorted.get(i).name() + " overlap");
      }
    }
    return placed;
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
