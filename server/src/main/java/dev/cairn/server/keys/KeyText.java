package dev.cairn.server.keys;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * Keys in the clear and their hashes. A key is 256 random bits that this program drew, so a plain
 * SHA-256 cannot be guessed back: a salt or a slow hash protects what people choose and others list
 * in dictionaries, and would cost one hash for each key of a file instead of one for each call.
 */
public final class KeyText {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
  private static final String PREFIX = "cairn-";
  private static final int RANDOM_BYTES = 32;

  private KeyText() {}

  /** A key in the clear, which is shown once. */
  public static String fresh(SecureRandom random) {
    byte[] bits = new byte[RANDOM_BYTES];
    random.nextBytes(bits);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bits);
  }

  /** How a key in the clear is kept. */
  public static String hash(String key) {
    return HexFormat.of().formatHex(sha256(key));
  }

  public static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Whether a text may name a key or a tenant. */
  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  /**
   * Checks a name.
   *
   * @param what it names
   * @throws IllegalArgumentException where it is none
   */
  public static void checkName(String what, String name) {
    if (!isName(name)) {
      throw new IllegalArgumentException(
          "the "
              + what
              + " is \""
              + (name.length() > 64 ? name.substring(0, 64) + "…" : name)
              + "\", expected 1 to 64 letters, digits, dots, hyphens or underscores");
    }
  }

  /**
   * Checks a hash.
   *
   * @throws IllegalArgumentException where it is none; the message does not repeat it
   */
  public static void checkHash(String hash) {
    if (!HASH.matcher(hash).matches()) {
      throw new IllegalArgumentException(
          "the hash has " + hash.length() + " characters, expected 64 hexadecimal digits");
    }
  }
}
