package dev.cairn.model.gguf;

import dev.cairn.model.ModelException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads a file's header from front to back, little-endian, and never past the end of the file or of
 * the header limit. It reads through a buffer and does not map: a file that shrinks meanwhile is an
 * error here and not a fault of the process.
 */
final class GgufCursor {
  private static final int BUFFER_BYTES = 64 << 10;

  private final Path file;
  private final FileChannel channel;
  private final long fileBytes;
  private final GgufLimits limits;
  private final ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private long bufferStart;

  GgufCursor(Path file, FileChannel channel, long fileBytes, GgufLimits limits) {
    this.file = file;
    this.channel = channel;
    this.fileBytes = fileBytes;
    this.limits = limits;
  }

  long position() {
    return bufferStart + buffer.position();
  }

  long remaining() {
    return fileBytes - position();
  }

  int int32(String what) throws IOException {
    return fill(4, what).getInt();
  }

  long int64(String what) throws IOException {
    return fill(8, what).getLong();
  }

  /** A count of things that take at least {@code minBytes} each in the rest of the file. */
  int count(String what, int max, int minBytes) throws IOException {
    long count = int64(what);
    if (count < 0 || count > max) {
      throw refuse(
          what + " is " + Long.toUnsignedString(count) + ", more than the " + max + " allowed");
    }
    if (count > remaining() / minBytes) {
      throw refuse(
          what + " is " + count + ", more than the " + remaining() + " bytes left can hold");
    }
    return (int) count;
  }

  /** A name: a key or a tensor's, which must be proper UTF-8 and not empty. */
  String name(String what) throws IOException {
    byte[] bytes = bytes(count("the length of " + what, limits.maxKeyBytes(), 1), what);
    if (bytes.length == 0) {
      throw refuse(what + " has an empty name");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new ModelException(file + ": " + what + " has a name that is not UTF-8", e);
    }
  }

  String string(String what) throws IOException {
    int length = count("the length of " + what, limits.maxStringBytes(), 1);
    return length == 0 ? "" : new String(bytes(length, what), StandardCharsets.UTF_8);
  }

  byte[] bytes(int length, String what) throws IOException {
    need(length, what);
    byte[] bytes = new byte[length];
    int done = 0;
    while (done < length) {
      int step = Math.min(length - done, BUFFER_BYTES);
      fill(step, what).get(bytes, done, step);
      done += step;
    }
    return bytes;
  }

  ModelException refuse(String sentence) {
    return GgufMetadata.refuse(file, sentence);
  }

  private void need(int length, String what) {
    long end = position() + length;
    if (end > fileBytes) {
      throw refuse(
          "the file ends at byte " + fileBytes + ", but " + what + " would end at byte " + end);
    }
    if (end > limits.maxHeaderBytes()) {
      throw refuse(
          "the header is longer than the " + limits.maxHeaderBytes() + " bytes allowed at " + what);
    }
  }

  private ByteBuffer fill(int length, String what) throws IOException {
    need(length, what);
    if (buffer.remaining() < length) {
      bufferStart = position();
      buffer.compact();
      while (buffer.position() < length) {
        if (channel.read(buffer, bufferStart + buffer.position()) < 0) {
          throw new EOFException("the file became shorter while it was read");
        }
      }
      buffer.flip();
    }
    return buffer;
  }

  static long integer(GgufType type, ByteBuffer from, int at) {
    return switch (type) {
      case UINT8 -> Byte.toUnsignedLong(from.get(at));
      case INT8 -> from.get(at);
      case UINT16 -> Short.toUnsignedLong(from.getShort(at));
      case INT16 -> from.getShort(at);
      case UINT32 -> Integer.toUnsignedLong(from.getInt(at));
      case INT32 -> from.getInt(at);
      case UINT64, INT64 -> from.getLong(at);
      default -> throw new IllegalArgumentException(type + " is no integer type");
    };
  }

  static double real(GgufType type, ByteBuffer from, int at) {
    return switch (type) {
      case FLOAT32 -> from.getFloat(at);
      case FLOAT64 -> from.getDouble(at);
      default -> integer(type, from, at);
    };
  }
}
