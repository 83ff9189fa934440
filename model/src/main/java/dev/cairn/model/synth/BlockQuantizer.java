package dev.cairn.model.synth;

import dev.cairn.model.TensorType;
import java.nio.ByteBuffer;

/**
 * Writes rows of numbers in the element types of GGUF, each block rounded to nearest with the scale
 * that is stored (layouts: ggml's block types). Blocks of 32 are here, those of 256 in {@link
 * SuperBlockQuantizer}.
 */
final class BlockQuantizer {
  private static final int LENGTH = 32;

  private final SuperBlockQuantizer superBlocks = new SuperBlockQuantizer();
  private final int[] quants = new int[LENGTH];

  /**
   * Appends a row.
   *
   * @param row numbers, as many as whole blocks of the type hold
   * @param out little-endian
   */
  void encode(TensorType type, float[] row, ByteBuffer out) {
    for (int at = 0; at < row.length; at += type.blockLength()) {
      switch (type) {
        case F32 -> out.putFloat(row[at]);
        case F16 -> out.putShort(HalfFloat.of(row[at]));
        case BF16 -> out.putShort(bfloat(row[at]));
        case Q8_0 -> eightBits(row, at, out);
        case Q4_0 -> symmetric(row, at, 8, out);
        case Q5_0 -> symmetric(row, at, 16, out);
        case Q4_1 -> affine(row, at, 15, out);
        case Q5_1 -> affine(row, at, 31, out);
        default -> superBlocks.encode(type, row, at, out);
      }
    }
  }

  /** The nearest bfloat16, ties to even. */
  private static short bfloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Stores a scale and returns its inverse as stored, 0 for 0. */
  static float putScale(float scale, ByteBuffer out) {
    short half = HalfFloat.of(scale);
    out.putShort(half);
    return inverse(HalfFloat.toFloat(half));
  }

  static float inverse(float scale) {
    return scale == 0 ? 0 : 1 / scale;
  }

  /** The nearest integer within bounds. */
  static int round(float value, int min, int max) {
    return Math.max(min, Math.min(max, (int) Math.rint(value)));
  }

  /** The number of largest magnitude, with its sign. */
  static float extreme(float[] row, int at, int length) {
    float extreme = 0;
    for (int i = at; i < at + length; i++) {
      if (Math.abs(row[i]) > Math.abs(extreme)) {
        extreme = row[i];
      }
    }
    return extreme;
  }

  private static void eightBits(float[] row, int at, ByteBuffer out) {
    float inverse = putScale(Math.abs(extreme(row, at, LENGTH)) / 127, out);
    for (int i = 0; i < LENGTH; i++) {
      out.put((byte) round(row[at + i] * inverse, -127, 127));
    }
  }

  /** value = scale (q - zero), the extreme at q = 0. */
  private void symmetric(float[] row, int at, int zero, ByteBuffer out) {
    float inverse = putScale(extreme(row, at, LENGTH) / -zero, out);
    for (int i = 0; i < LENGTH; i++) {
      quants[i] = round(row[at + i] * inverse + zero, 0, 2 * zero - 1);
    }
    putQuants(zero == 16, out);
  }

  /** value = scale q + minimum. */
  private void affine(float[] row, int at, int levels, ByteBuffer out) {
    float min = row[at];
    float max = row[at];
    for (int i = at; i < at + LENGTH; i++) {
      min = Math.min(min, row[i]);
      max = Math.max(max, row[i]);
    }
    float inverse = putScale((max - min) / levels, out);
    short stored = HalfFloat.of(min);
    out.putShort(stored);
    min = HalfFloat.toFloat(stored);
    for (int i = 0; i < LENGTH; i++) {
      quants[i] = round((row[at + i] - min) * inverse, 0, levels);
    }
    putQuants(levels == 31, out);
  }

  /** The fifth bits, one a number, then low nibbles 0 to 15 and high nibbles 16 to 31. */
  private void putQuants(boolean fiveBits, ByteBuffer out) {
    if (fiveBits) {
      int high = 0;
      for (int i = 0; i < LENGTH; i++) {
        high |= (quants[i] >>> 4) << i;
      }
      out.putInt(high);
    }
    for (int i = 0; i < LENGTH / 2; i++) {
      out.put((byte) ((quants[i] & 15) | (quants[i + 16] & 15) << 4));
    }
  }
}
