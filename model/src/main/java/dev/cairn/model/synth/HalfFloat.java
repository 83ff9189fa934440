package dev.cairn.model.synth;

/** Half precision (IEEE 754 binary16): one sign bit, five of exponent, ten of fraction. */
final class HalfFloat {
  private HalfFloat() {}

  /** The nearest half, ties to even; what is too large becomes infinite. */
  static short of(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000) {
      boolean isNan = magnitude > 0x7f800000;
      return (short) (sign | (isNan ? 0x7e00 : 0x7c00));
    }
    if (magnitude < 0x38800000) {
      // Below 2^-14 a half counts units of 2^-24; the product is exact up to the rounding.
      float units = Float.intBitsToFloat(magnitude) * 0x1p24f;
      return (short) (sign | (int) Math.rint(units));
    }
    int rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return (short) (sign | ((rounded - 0x38000000) >>> 13));
  }

  /** The value of a finite half. */
  static float toFloat(short half) {
    int exponent = (half >>> 10) & 0x1f;
    int fraction = half & 0x3ff;
    float magnitude =
        exponent == 0
            ? fraction * 0x1p-24f
            : Float.intBitsToFloat((exponent + 112) << 23 | fraction << 13);
    return half < 0 ? -magnitude : magnitude;
  }
}
