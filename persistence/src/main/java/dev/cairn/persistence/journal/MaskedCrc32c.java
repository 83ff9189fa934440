package dev.cairn.persistence.journal;

import java.util.zip.CRC32C;

/**
 * The checksum in RocksDB's logs: CRC-32C, rotated and moved by a constant, so that a log within a
 * log does not pass for one.
 */
final class MaskedCrc32c {
  private static final int DELTA = 0xa282ead8;
  private static final int ROTATION = 15;
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

  private MaskedCrc32c() {}

  static int of(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), ROTATION) + DELTA;
  }

  /**
   * Whether one flipped bit, of the data or of the checksum, makes this difference. CRC-32C is
   * linear: a bit of the data changes it by a pattern that depends on the bit's distance from the
   * end alone.
   *
   * @param length of the data in bytes
   */
  static boolean isOneFlip(int computed, int stored, int length) {
    if (Integer.bitCount(computed ^ stored) == 1) {
      return true;
    }
    int difference = unmasked(computed) ^ unmasked(stored);
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

  private static int unmasked(int masked) {
    return Integer.rotateLeft(masked - DELTA, ROTATION);
  }
}
