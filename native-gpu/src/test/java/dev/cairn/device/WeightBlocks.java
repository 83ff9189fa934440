package dev.cairn.device;

import dev.cairn.model.TensorType;
import java.nio.ByteBuffer;
import java.util.Random;

/**
 * Blocks of quantized weights as GGUF files hold them: random ones, and their values in double
 * precision. Written from the format's description, apart from the engine.
 */
final class WeightBlocks {
  private static final int NONE = -1;

  private WeightBlocks() {}

  private static int scaleAt(TensorType type) {
    return switch (type) {
      case Q2_K -> 80;
      case Q3_K -> 108;
      case Q6_K -> 208;
      default -> 0;
    };
  }

  private static int minimumAt(TensorType type) {
    return switch (type) {
      case Q4_1, Q5_1, Q4_K, Q5_K -> 2;
      case Q2_K -> 82;
      default -> NONE;
    };
  }

  /** How large the integers that multiply a block's scale are, about. */
  private static float steps(TensorType type) {
    return switch (type) {
      case Q8_0 -> 73;
      case Q4_0 -> 4.6f;
      case Q4_1, Q5_0 -> 9;
      case Q5_1 -> 18;
      case Q2_K -> 16;
      case Q3_K -> 42;
      case Q4_K -> 320;
      case Q5_K -> 650;
      case Q6_K -> 1330;
      default -> 1;
    };
  }

  private static float minimumSteps(TensorType type) {
    return switch (type) {
      case Q2_K -> 8;
      case Q4_K, Q5_K -> 36;
      default -> 1;
    };
  }

  /** Appends a block of random weights of about the size `spread`. */
  static void putRandom(ByteBuffer data, TensorType type, float spread, Random random) {
    switch (type) {
      case F32 -> data.putFloat((float) random.nextGaussian() * spread);
      case BF16 ->
          data.putShort(
              (short) (Float.floatToIntBits((float) random.nextGaussian() * spread) >>> 16));
      case F16 -> data.putShort(half(spread * (0.25f + random.nextInt(4) * 0.25f), random));
      default -> {
        byte[] block = new byte[type.blockBytes()];
        random.nextBytes(block);
        int start = data.position();
        data.put(block);
        data.putShort(start + scaleAt(type), half(spread / steps(type), random));
        if (minimumAt(type) != NONE) {
          data.putShort(start + minimumAt(type), half(spread / minimumSteps(type), random));
        }
      }
    }
  }

  /** Half precision with a random sign, truncated; for values from 2^-14 to 1. */
  private static short half(float value, Random random) {
    int bits = Float.floatToIntBits(value);
    int magnitude = ((bits >>> 13) & 0x3ffff) - (112 << 10);
    return (short) (random.nextBoolean() ? magnitude : magnitude | 0x8000);
  }

  private static double halfValue(int bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double size =
        exponent == 0 ? Math.scalb(fraction, -24) : Math.scalb(1024.0 + fraction, exponent - 25);
    return (bits & 0x8000) == 0 ? size : -size;
  }

  /** Weight `index` of a tensor that starts at byte `start`. */
  static double value(ByteBuffer data, int start, TensorType type, long index) {
    int at = start + (int) (index / type.blockLength()) * type.blockBytes();
    int i = (int) (index % type.blockLength());
    return switch (type) {
      case F32 -> data.getFloat(at);
      case BF16 -> Float.intBitsToFloat(data.getShort(at) << 16);
      case F16 -> halfValue(data.getShort(at));
      default -> {
        double d = halfValue(data.getShort(at + scaleAt(type)));
        int minimumAt = minimumAt(type);
        double m = minimumAt == NONE ? 0 : halfValue(data.getShort(at + minimumAt));
        byte[] block = new byte[type.blockBytes()];
        data.get(at, block);
        yield type.blockLength() == 32
            ? d * small(block, type, i) + m
            : d * scale(block, type, i) * large(block, type, i) - m * minimum(block, type, i);
      }
    };
  }

  /** The integer of weight i of a block of 32. */
  private static int small(byte[] b, TensorType type, int i) {
    int quants = type.blockBytes() - (type == TensorType.Q8_0 ? 32 : 16);
    if (type == TensorType.Q8_0) {
      return b[quants + i];
    }
    int nibble = i < 16 ? b[quants + i] & 15 : b[quants + i - 16] >> 4 & 15;
    return switch (type) {
      case Q4_0 -> nibble - 8;
      case Q4_1 -> nibble;
      case Q5_0 -> nibble + 16 * bit(b, 2 + i / 8, i % 8) - 16;
      default -> nibble + 16 * bit(b, 4 + i / 8, i % 8);
    };
  }

  /** The integer of weight i of a super-block of 256. */
  private static int large(byte[] b, TensorType type, int i) {
    int half = i / 128;
    int run = i / 32 % 4;
    int lane = i % 32;
    int fours = 32 * (i / 64) + lane;
    int shift = 4 * (i / 32 % 2);
    return switch (type) {
      case Q2_K -> b[16 + 32 * half + lane] >> 2 * run & 3;
      case Q3_K -> (b[32 + 32 * half + lane] >> 2 * run & 3) + 4 * bit(b, lane, i / 32) - 4;
      case Q4_K -> b[16 + fours] >> shift & 15;
      case Q5_K -> (b[48 + fours] >> shift & 15) + 16 * bit(b, 16 + lane, i / 32);
      default -> {
        int low = b[64 * half + 32 * (run % 2) + lane] >> 4 * (run / 2) & 15;
        yield low + 16 * (b[128 + 32 * half + lane] >> 2 * run & 3) - 32;
      }
    };
  }

  private static int scale(byte[] b, TensorType type, int i) {
    int j = i / 16;
    return switch (type) {
      case Q2_K -> b[j] & 15;
      case Q3_K ->
          (b[96 + j % 8] >> 4 * (j / 8) & 15) + 16 * (b[104 + j % 4] >> j / 4 * 2 & 3) - 32;
      case Q6_K -> b[192 + j];
      default -> sixBits(b, i / 32, 0);
    };
  }

  private static int minimum(byte[] b, TensorType type, int i) {
    return switch (type) {
      case Q2_K -> b[i / 16] >> 4 & 15;
      case Q4_K, Q5_K -> sixBits(b, i / 32, 4);
      default -> 0;
    };
  }

  /** Of the eight 6-bit scales (from 0) or minimums (from 4) of Q4_K and Q5_K. */
  private static int sixBits(byte[] b, int j, int from) {
    if (j < 4) {
      return b[4 + from + j] & 63;
    }
    return (b[8 + j] >> from & 15) + 16 * (b[from + j] >> 6 & 3);
  }

  private static int bit(byte[] b, int at, int index) {
    return b[at] >> index & 1;
  }
}
