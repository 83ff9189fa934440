package dev.cairn.persistence;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads what {@link BytesOut} wrote; every method checks that its bytes are there. */
public final class BytesIn {
  private final byte[] bytes;
  private final int end;
  private int position;

  public BytesIn(byte[] bytes) {
    this(bytes, 0, bytes.length);
  }

  /** Reads {@code bytes} from {@code start} to {@code end} exclusive. */
  public BytesIn(byte[] bytes, int start, int end) {
    if (start < 0 || start > end || end > bytes.length) {
      throw new IndexOutOfBoundsException(start + " to " + end + " of " + bytes.length + " bytes");
    }
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  public int remaining() {
    return end - position;
  }

  public int readByte() throws EventFormatException {
    need(1);
    return bytes[position++] & 0xff;
  }

  public long readVarint() throws EventFormatException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int next = readByte();
      if (shift == 63 && next > 1) {
        break;
      }
      value |= (next & 0x7fL) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new EventFormatException("A varint at byte " + position + " is longer than 64 bits.");
  }

  public int readVarint32() throws EventFormatException {
    long value = readVarint();
    if (value < 0 || value > 0xffffffffL) {
      throw new EventFormatException(
          "A number at byte "
              + position
              + " is "
              + Long.toUnsignedString(value)
              + ", expected one of 32 bits.");
    }
    return (int) value;
  }

  /**
   * Number of elements that follow.
   *
   * @param leastBytes fewest bytes that one element takes; more elements than the rest can hold are
   *     refused before anything is allocated for them
   */
  public int readCount(int leastBytes) throws EventFormatException {
    long count = readVarint();
    if (count < 0 || count > remaining() / leastBytes) {
      throw new EventFormatException(
          "A count at byte "
              + position
              + " is "
              + Long.toUnsignedString(count)
              + ", expected at most "
              + remaining() / leastBytes
              + ".");
    }
    return (int) count;
  }

  public int readInt() throws EventFormatException {
    need(4);
    int value = 0;
    for (int i = 0; i < 4; i++) {
      value = (value << 8) | (bytes[position++] & 0xff);
    }
    return value;
  }

  public long readLong() throws EventFormatException {
    long high = readInt();
    return (high << 32) | Integer.toUnsignedLong(readInt());
  }

  public float readFloat() throws EventFormatException {
    return Float.intBitsToFloat(readInt());
  }

  public byte[] readRaw(int count) throws EventFormatException {
    need(count);
    position += count;
    return Arrays.copyOfRange(bytes, position - count, position);
  }

  public byte[] readBytes() throws EventFormatException {
    return readRaw(readCount(1));
  }

  public String readString() throws EventFormatException {
    int count = readCount(1);
    position += count;
    return new String(bytes, position - count, count, StandardCharsets.UTF_8);
  }

  /** Refuses bytes behind the last field. */
  public void expectEnd() throws EventFormatException {
    if (position != end) {
      throw new EventFormatException(remaining() + " bytes follow the last field, expected none.");
    }
  }

  private void need(int count) throws EventFormatException {
    if (count < 0 || count > remaining()) {
      throw new EventFormatException(
          remaining() + " bytes are left at byte " + position + ", expected " + count + ".");
    }
  }
}
