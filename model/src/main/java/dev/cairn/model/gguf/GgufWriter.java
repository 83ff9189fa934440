package dev.cairn.model.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.cairn.model.TensorType;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * Writes GGUF files (source: GGUF specification): keys and tensors in the order in which they were
 * added. What is added is not judged, so that tests can write bad files too. Tensor data may be
 * produced while the file is written; it need not fit into memory.
 */
public final class GgufWriter {
  /** Produces a tensor's data. */
  @FunctionalInterface
  public interface Content {
    /** Writes exactly the tensor's bytes. */
    void writeTo(OutputStream out) throws IOException;
  }

  private record Tensor(
      String name, int type, List<Long> shape, long bytes, Content content, long offset) {}

  private static final int BUFFER_BYTES = 1 << 20;

  private final List<byte[]> keys = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private OptionalLong keyCount = OptionalLong.empty();
  private OptionalLong tensorCount = OptionalLong.empty();
  private int version = 3;
  private int padding = 32;

  /** The version to write. */
  public GgufWriter version(int number) {
    version = number;
    return this;
  }

  /** Claims this number of keys, whatever is written. */
  public GgufWriter claimKeys(long count) {
    keyCount = OptionalLong.of(count);
    return this;
  }

  /** Claims this number of tensors, whatever is written. */
  public GgufWriter claimTensors(long count) {
    tensorCount = OptionalLong.of(count);
    return this;
  }

  /** Writes general.alignment, and aligns by it where it is a positive number. */
  public GgufWriter alignment(int bytes) {
    padding = bytes > 0 ? bytes : padding;
    return uint32("general.alignment", bytes);
  }

  public GgufWriter string(String key, String value) {
    return raw(key, GgufType.STRING.id(), text(value));
  }

  public GgufWriter uint32(String key, long value) {
    return raw(key, GgufType.UINT32.id(), little(4).putInt((int) value).array());
  }

  public GgufWriter uint64(String key, long value) {
    return raw(key, GgufType.UINT64.id(), little(8).putLong(value).array());
  }

  public GgufWriter float32(String key, float value) {
    return raw(key, GgufType.FLOAT32.id(), little(4).putFloat(value).array());
  }

  public GgufWriter bool(String key, boolean value) {
    return raw(key, GgufType.BOOL.id(), new byte[] {(byte) (value ? 1 : 0)});
  }

  public GgufWriter strings(String key, List<String> values) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    values.forEach(v -> out.writeBytes(text(v)));
    return array(key, GgufType.STRING.id(), values.size(), out.toByteArray());
  }

  public GgufWriter int32s(String key, int... values) {
    byte[] content = new byte[4 * values.length];
    ByteBuffer out = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      out.putInt(value);
    }
    return array(key, GgufType.INT32.id(), values.length, content);
  }

  public GgufWriter float32s(String key, float... values) {
    byte[] content = new byte[4 * values.length];
    ByteBuffer out = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      out.putFloat(value);
    }
    return array(key, GgufType.FLOAT32.id(), values.length, content);
  }

  /** An array with any element type number, any length and any content. */
  public GgufWriter array(String key, int type, long length, byte[] content) {
    byte[] head = little(12).putInt(type).putLong(length).array();
    return raw(key, GgufType.ARRAY.id(), joined(head, content));
  }

  /** A value with any type number and any content. */
  public GgufWriter raw(String key, int type, byte[] value) {
    keys.add(joined(text(key), little(4).putInt(type).array(), value));
    return this;
  }

  /** A tensor of zeros. */
  public GgufWriter tensor(String name, TensorType type, long... shape) {
    return tensor(name, type, new byte[bytes(type, shape)], shape);
  }

  /** A tensor with this content, which may be of any length. */
  public GgufWriter tensor(String name, TensorType type, byte[] data, long... shape) {
    return rawTensor(name, type.id(), -1, data, shape);
  }

  /**
   * A tensor with any type number.
   *
   * @param offset claimed offset from the start of the data, or -1 for the right one
   */
  public GgufWriter rawTensor(String name, int type, long offset, byte[] data, long... shape) {
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    tensors.add(new Tensor(name, type, dimensions, data.length, out -> out.write(data), offset));
    return this;
  }

  /** A tensor whose data is produced when the file is written. */
  public GgufWriter tensor(String name, TensorType type, Content content, long... shape) {
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    tensors.add(new Tensor(name, type.id(), dimensions, dataBytes(type, shape), content, -1));
    return this;
  }

  /** Bytes that a small tensor of this type and shape has. */
  public static int bytes(TensorType type, long... shape) {
    return Math.toIntExact(dataBytes(type, shape));
  }

  /** Bytes that a tensor of this type and shape has. */
  public static long dataBytes(TensorType type, long... shape) {
    long elements = 1;
    for (long n : shape) {
      elements = Math.multiplyExact(elements, n);
    }
    return Math.multiplyExact(elements / type.blockLength(), (long) type.blockBytes());
  }

  /** The header alone, without padding. */
  public byte[] header() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("GGUF".getBytes(UTF_8));
    out.writeBytes(little(4).putInt(version).array());
    out.writeBytes(little(8).putLong(tensorCount.orElse(tensors.size())).array());
    out.writeBytes(little(8).putLong(keyCount.orElse(keys.size())).array());
    keys.forEach(out::writeBytes);
    long offset = 0;
    for (Tensor tensor : tensors) {
      out.writeBytes(text(tensor.name()));
      out.writeBytes(little(4).putInt(tensor.shape().size()).array());
      for (long n : tensor.shape()) {
        out.writeBytes(little(8).putLong(n).array());
      }
      out.writeBytes(little(4).putInt(tensor.type()).array());
      out.writeBytes(little(8).putLong(tensor.offset() == -1 ? offset : tensor.offset()).array());
      offset = align(offset + tensor.bytes());
    }
    return out.toByteArray();
  }

  /** The whole of a small file. */
  public byte[] bytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /** Writes the whole file. */
  public Path write(Path file) {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES)) {
      writeTo(out);
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void writeTo(OutputStream out) throws IOException {
    byte[] header = header();
    out.write(header);
    long at = header.length;
    for (Tensor tensor : tensors) {
      out.write(new byte[(int) (align(at) - at)]);
      CountingStream counted = new CountingStream(out);
      tensor.content().writeTo(counted);
      if (counted.count != tensor.bytes()) {
        throw new IllegalStateException(
            tensor.name() + " wrote " + counted.count + " bytes, expected " + tensor.bytes());
      }
      at = align(at) + tensor.bytes();
    }
  }

  private static final class CountingStream extends FilterOutputStream {
    private long count;

    CountingStream(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int b) throws IOException {
      out.write(b);
      count++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      count += length;
    }
  }

  private long align(long offset) {
    return (offset + padding - 1) / padding * padding;
  }

  private static byte[] text(String value) {
    byte[] utf8 = value.getBytes(UTF_8);
    return joined(little(8).putLong(utf8.length).array(), utf8);
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
