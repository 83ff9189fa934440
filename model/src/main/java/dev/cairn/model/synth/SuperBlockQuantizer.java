package dev.cairn.model.synth;

import static dev.cairn.model.synth.BlockQuantizer.extreme;
import static dev.cairn.model.synth.BlockQuantizer.inverse;
import static dev.cairn.model.synth.BlockQuantizer.round;

import dev.cairn.model.TensorType;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The K types: blocks of 256 numbers in groups of 16 or 32, whose scales are themselves integers
 * times a scale of the block (layouts: ggml's {@code block_q2_K} to {@code block_q6_K}).
 */
final class SuperBlockQuantizer {
  private static final int LENGTH = 256;

  private final int[] quants = new int[LENGTH];
  private final int[] scales = new int[16];
  private final int[] minima = new int[16];
  private final float[] groupScales = new float[16];
  private final float[] groupMinima = new float[16];
  private final byte[] packed = new byte[128];
  private short scale;
  private short minimum;

  void encode(TensorType type, float[] row, int at, ByteBuffer out) {
    switch (type) {
      case Q2_K -> twoBits(row, at, out);
      case Q3_K -> threeBits(row, at, out);
      case Q4_K -> fourOrFiveBits(row, at, 15, out);
      case Q5_K -> fourOrFiveBits(row, at, 31, out);
      case Q6_K -> sixBits(row, at, out);
      default -> throw new IllegalArgumentException(type + " is not supported");
    }
  }

  /** value = scale · scales[group] · q - minimum · minima[group]. */
  private void affine(float[] row, int at, int group, int levels, int scaleLevels) {
    float largestScale = 0;
    float largestMinimum = 0;
    for (int g = 0; g < LENGTH / group; g++) {
      float min = 0;
      float max = row[at + g * group];
      for (int i = at + g * group; i < at + (g + 1) * group; i++) {
        min = Math.min(min, row[i]);
        max = Math.max(max, row[i]);
      }
      groupScales[g] = (max - min) / levels;
      groupMinima[g] = -min;
      largestScale = Math.max(largestScale, groupScales[g]);
      largestMinimum = Math.max(largestMinimum, groupMinima[g]);
    }
    scale = HalfFloat.of(largestScale / scaleLevels);
    minimum = HalfFloat.of(largestMinimum / scaleLevels);
    float d = HalfFloat.toFloat(scale);
    float m = HalfFloat.toFloat(minimum);
    for (int g = 0; g < LENGTH / group; g++) {
      scales[g] = round(groupScales[g] * inverse(d), 0, scaleLevels);
      minima[g] = round(groupMinima[g] * inverse(m), 0, scaleLevels);
      float step = inverse(d * scales[g]);
      for (int i = g * group; i < (g + 1) * group; i++) {
        quants[i] = round((row[at + i] + m * minima[g]) * step, 0, levels);
      }
    }
  }

  /** value = scale · scales[group] · (q - zero), groups of 16. */
  private void symmetric(float[] row, int at, int zero, int scaleLevels) {
    float largest = 0;
    for (int g = 0; g < 16; g++) {
      groupScales[g] = extreme(row, at + 16 * g, 16) / -zero;
      largest = Math.max(largest, Math.abs(groupScales[g]));
    }
    scale = HalfFloat.of(largest / scaleLevels);
    float d = HalfFloat.toFloat(scale);
    for (int g = 0; g < 16; g++) {
      scales[g] = round(groupScales[g] * inverse(d), -scaleLevels, scaleLevels);
      float step = inverse(d * scales[g]);
      for (int i = 16 * g; i < 16 * (g + 1); i++) {
        quants[i] = round(row[at + i] * step + zero, 0, 2 * zero - 1);
      }
    }
  }

  private void twoBits(float[] row, int at, ByteBuffer out) {
    affine(row, at, 16, 3, 15);
    for (int g = 0; g < 16; g++) {
      out.put((byte) (scales[g] | minima[g] << 4));
    }
    putPairsOfBits(out);
    out.putShort(scale).putShort(minimum);
  }

  private void threeBits(float[] row, int at, ByteBuffer out) {
    symmetric(row, at, 4, 31);
    Arrays.fill(packed, (byte) 0);
    for (int i = 0; i < LENGTH; i++) {
      packed[i % 32] |= (byte) ((quants[i] >>> 2) << i / 32);
    }
    out.put(packed, 0, 32);
    putPairsOfBits(out);
    Arrays.fill(packed, (byte) 0);
    for (int g = 0; g < 16; g++) {
      int stored = scales[g] + 32;
      packed[g % 8] |= (byte) ((stored & 15) << (g < 8 ? 0 : 4));
      packed[8 + g % 4] |= (byte) ((stored >>> 4) << 2 * (g / 4));
    }
    out.put(packed, 0, 12).putShort(scale);
  }

  /** The two low bits; a byte holds numbers 32 apart, of one half of the block. */
  private void putPairsOfBits(ByteBuffer out) {
    Arrays.fill(packed, (byte) 0);
    for (int i = 0; i < LENGTH; i++) {
      packed[i / 128 * 32 + i % 32] |= (byte) ((quants[i] & 3) << 2 * (i % 128 / 32));
    }
    out.put(packed, 0, 64);
  }

  private void fourOrFiveBits(float[] row, int at, int levels, ByteBuffer out) {
    affine(row, at, 32, levels, 63);
    out.putShort(scale).putShort(minimum);
    Arrays.fill(packed, (byte) 0);
    for (int g = 0; g < 4; g++) {
      packed[g] = (byte) (scales[g] | (scales[g + 4] >>> 4) << 6);
      packed[g + 4] = (byte) (minima[g] | (minima[g + 4] >>> 4) << 6);
      packed[g + 8] = (byte) ((scales[g + 4] & 15) | (minima[g + 4] & 15) << 4);
    }
    out.put(packed, 0, 12);
    if (levels == 31) {
      Arrays.fill(packed, (byte) 0);
      for (int i = 0; i < LENGTH; i++) {
        packed[i % 32] |= (byte) ((quants[i] >>> 4) << i / 32);
      }
      out.put(packed, 0, 32);
    }
    for (int pair = 0; pair < LENGTH; pair += 64) {
      for (int i = pair; i < pair + 32; i++) {
        out.put((byte) ((quants[i] & 15) | (quants[i + 32] & 15) << 4));
      }
    }
  }

  private void sixBits(float[] row, int at, ByteBuffer out) {
    symmetric(row, at, 32, 127);
    for (int half = 0; half < LENGTH; half += 128) {
      for (int i = half; i < half + 64; i++) {
        out.put((byte) ((quants[i] & 15) | (quants[i + 64] & 15) << 4));
      }
    }
    for (int half = 0; half < LENGTH; half += 128) {
      for (int i = half; i < half + 32; i++) {
        int high = quants[i] >>> 4 | quants[i + 32] >>> 4 << 2;
        out.put((byte) (high | quants[i + 64] >>> 4 << 4 | quants[i + 96] >>> 4 << 6));
      }
    }
    for (int g = 0; g < 16; g++) {
      out.put((byte) scales[g]);
    }
    out.putShort(scale);
  }
}
