package dev.cairn.model.synth;

import dev.cairn.model.TensorType;
import java.nio.ByteBuffer;

/** Reads rows back, element by element, as ggml defines its block types. */
final class StoredRow {
  private final TensorType type;
  private final ByteBuffer data;

  /**
   * @param data little-endian
   */
  StoredRow(TensorType type, ByteBuffer data) {
    this.type = type;
    this.data = data;
  }

  double get(int index) {
    int base = index / type.blockLength() * type.blockBytes();
    int i = index % type.blockLength();
    return switch (type) {
      case F32 -> data.getFloat(base);
      case F16 -> half(base);
      case BF16 -> Float.intBitsToFloat(data.getShort(base) << 16);
      case Q8_0 -> half(base) * data.get(base + 2 + i);
      case Q4_0 -> half(base) * (nibble(base + 2, i) - 8);
      case Q4_1 -> half(base) * nibble(base + 4, i) + half(base + 2);
      case Q5_0 -> half(base) * (nibble(base + 6, i) + 16 * bit(base + 2, i) - 16);
      case Q5_1 -> half(base) * (nibble(base + 8, i) + 16 * bit(base + 4, i)) + half(base + 2);
      case Q2_K -> {
        int scales = unsigned(base + i / 16);
        yield half(base + 80) * (scales & 15) * pair(base + 16, i)
            - half(base + 82) * (scales >> 4);
      }
      case Q3_K -> {
        int high = (unsigned(base + i % 32) >> (i / 32)) & 1;
        yield half(base + 108)
            * threeBitScale(base + 96, i / 16)
            * (pair(base + 32, i) - (high == 1 ? 0 : 4));
      }
      case Q4_K ->
          half(base) * scale(base + 4, i / 32) * nibbleOf64(base + 16, i)
              - half(base + 2) * minimum(base + 4, i / 32);
      case Q5_K -> {
        int high = (unsigned(base + 16 + i % 32) >> (i / 32)) & 1;
        yield half(base) * scale(base + 4, i / 32) * (nibbleOf64(base + 48, i) + 16 * high)
            - half(base + 2) * minimum(base + 4, i / 32);
      }
      case Q6_K -> {
        int within = i % 128;
        int low = unsigned(base + i / 128 * 64 + within % 64) >> (within < 64 ? 0 : 4) & 15;
        int high = unsigned(base + 128 + i / 128 * 32 + i % 32) >> (2 * (within / 32)) & 3;
        yield half(base + 208) * data.get(base + 192 + i / 16) * (low + 16 * high - 32);
      }
    };
  }

  private double half(int at) {
    int h = data.getShort(at) & 0xffff;
    int exponent = h >> 10 & 31;
    double magnitude =
        exponent == 0 ? (h & 1023) * 0x1p-24 : Math.scalb(1 + (h & 1023) / 1024.0, exponent - 15);
    return (h & 0x8000) != 0 ? -magnitude : magnitude;
  }

  private int unsigned(int at) {
    return data.get(at) & 0xff;
  }

  private int nibble(int at, int i) {
    return i < 16 ? unsigned(at + i) & 15 : unsigned(at + i - 16) >> 4;
  }

  private int bit(int at, int i) {
    return data.getInt(at) >>> i & 1;
  }

  private int pair(int at, int i) {
    return unsigned(at + i / 128 * 32 + i % 32) >> (2 * (i % 128 / 32)) & 3;
  }

  private int nibbleOf64(int at, int i) {
    int b = unsigned(at + i / 64 * 32 + i % 32);
    return i % 64 < 32 ? b & 15 : b >> 4;
  }

  private int scale(int at, int group) {
    return group < 4
        ? unsigned(at + group) & 63
        : (unsigned(at + group + 4) & 15) | unsigned(at + group - 4) >> 6 << 4;
  }

  private int minimum(int at, int group) {
    return group < 4
        ? unsigned(at + group + 4) & 63
        : unsigned(at + group + 4) >> 4 | unsigned(at + group) >> 6 << 4;
  }

  private int threeBitScale(int at, int group) {
    int low = unsigned(at + group % 8) >> (group < 8 ? 0 : 4) & 15;
    int high = unsigned(at + 8 + group % 4) >> (2 * (group / 4)) & 3;
    return (low | high << 4) - 32;
  }
}
