package dev.cairn.model;

/** Text that UTF-8 can express. */
public final class WellFormed {
  private WellFormed() {}

  /** The text with U+FFFD in place of each unpaired surrogate. */
  public static String of(String text) {
    if (text.codePoints().noneMatch(WellFormed::isUnpaired)) {
      return text;
    }
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints().map(c -> isUnpaired(c) ? 0xFFFD : c).forEach(clean::appendCodePoint);
    return clean.toString();
  }

  private static boolean isUnpaired(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }
}
