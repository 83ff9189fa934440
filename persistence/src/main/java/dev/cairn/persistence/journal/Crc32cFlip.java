package dev.cairn.persistence.journal;

/**
 * Tells a flipped bit from a torn write. CRC-32C is linear: a flipped bit of the data changes the
 * checksum by a pattern that depends on nothing but the bit's distance from the end.
 */
final class Crc32cFlip {
  private static final int POLYNOMIAL = 0x82f63b78;
  private static final int[] STEP = new int[256];

  static {
    for (int n = 0; n < STEP.length; n++) {
      int register = n;
      for (int bit = 0; bit < Byte.SIZE; bit++) {
        register = (register >>> 1) ^ ((register & 1) * POLYNOMIAL);
      }
      STEP[n] = register;
    }
  }

  private Crc32cFlip() {}

  /**
   * Whether one flipped bit of the data makes this difference.
   *
   * @param difference exclusive or of the checksum found and the one expected, not 0
   * @param length of the data in bytes
   */
  static boolean explains(int difference, int length) {
    int[] registers = new int[Byte.SIZE];
    for (int bit = 0; bit < Byte.SIZE; bit++) {
      registers[bit] = STEP[1 << bit];
    }
    for (int n = 0; n < length; n++) {
      for (int bit = 0; bit < Byte.SIZE; bit++) {
        if (registers[bit] == difference) {
          return true;
        }
        registers[bit] = (registers[bit] >>> Byte.SIZE) ^ STEP[registers[bit] & 0xff];
      }
    }
    return false;
  }
}
