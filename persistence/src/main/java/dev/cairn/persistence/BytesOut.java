package dev.cairn.persistence;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Growing sequence of bytes, big-endian. A varint holds seven bits a byte, lowest first, the top
 * bit set on all bytes but the last; it takes its value as unsigned.
 */
public final class BytesOut {
  private byte[] bytes;
  private int size;

  public BytesOut(int capacity) {
    bytes = new byte[Math.max(16, capacity)];
  }

  public int size() {
    return size;
  }

  public BytesOut putByte(int value) {
    reserve(1);
    bytes[size++] = (byte) value;
    return this;
  }

  public BytesOut putVarint(long value) {
    reserve(10);
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
    return this;
  }

  /** An int of 32 bits, as unsigned varint: one to five bytes, five for a negative one. */
  public BytesOut putVarint32(int value) {
    return putVarint(Integer.toUnsignedLong(value));
  }

  public BytesOut putInt(int value) {
    reserve(4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes[size++] = (byte) (value >>> shift);
    }
    return this;
  }

  public BytesOut putLong(long value) {
    return putInt((int) (value >>> 32)).putInt((int) value);
  }

  public BytesOut putFloat(float value) {
    return putInt(Float.floatToRawIntBits(value));
  }

  /** Bytes alone, without their number. */
  public BytesOut putRaw(byte[] value) {
    reserve(value.length);
    System.arraycopy(value, 0, bytes, size, value.length);
    size += value.length;
    return this;
  }

  /** A varint with the number of bytes, then the bytes. */
  public BytesOut putBytes(byte[] value) {
    return putVarint32(value.length).putRaw(value);
  }

  /** UTF-8, behind a varint with the number of its bytes. */
  public BytesOut putString(String value) {
    return putBytes(value.getBytes(StandardCharsets.UTF_8));
  }

  /** A copy of what was put so far. */
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }

  private void reserve(int more) {
    int needed = Math.addExact(size, more);
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(needed, bytes.length * 2));
    }
  }
}
