package dev.cairn.model.tokenizer;

/**
 * The printable characters that stand for bytes in byte-level vocabularies (source: GPT-2's
 * encoder): printable Latin-1 stands for itself, the other bytes follow from U+0100 on.
 */
public final class ByteAlphabet {
  private static final char[] CHARACTERS = new char[256];
  private static final short[] BYTES = new short[0x180];

  static {
    java.util.Arrays.fill(BYTES, (short) -1);
    char other = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
      CHARACTERS[b] = printable ? (char) b : other++;
      BYTES[CHARACTERS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte. */
  public static char character(int b) {
    return CHARACTERS[b];
  }

  /** The byte that a character stands for, or -1. */
  static int byteOf(char c) {
    return c < BYTES.length ? BYTES[c] : -1;
  }
}
