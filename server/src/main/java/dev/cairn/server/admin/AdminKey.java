package dev.cairn.server.admin;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * A key as it is kept: its name, its role and the SHA-256 of what its owner holds. A key is 256
 * random bits, so a plain hash cannot be guessed back.
 *
 * @param name names its owner in logs
 * @param hash SHA-256, 64 hexadecimal digits
 */
public record AdminKey(String name, AdminRole role, String hash) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
  private static final String PREFIX = "cairn-";
  private static final int RANDOM_BYTES = 32;

  /** Checks its parts. */
  public AdminKey {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "the name is \""
              + (name.length() > 64 ? name.substring(0, 64) + "…" : name)
              + "\", expected 1 to 64 letters, digits, dots, hyphens or underscores");
    }
    if (!HASH.matcher(hash).matches()) {
      throw new IllegalArgumentException(
          "the hash has " + hash.length() + " characters, expected 64 hexadecimal digits");
    }
  }

  /** A key in the clear, which is shown once. */
  public static String fresh(SecureRandom random) {
    byte[] bits = new byte[RANDOM_BYTES];
    random.nextBytes(bits);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bits);
  }

  /** How a key in the clear is kept. */
  public static AdminKey of(String name, AdminRole role, String key) {
    return new AdminKey(name, role, HexFormat.of().formatHex(sha256(key)));
  }

  /**
   * A line of a keys file, {@code name:role:hash}.
   *
   * @throws IllegalArgumentException where it is none; the message does not repeat the hash
   */
  static AdminKey parse(String line) {
    String[] parts = line.split(":", -1);
    if (parts.length != 3) {
      throw new IllegalArgumentException(
          "it has " + parts.length + " parts, expected name:role:hash");
    }
    return new AdminKey(parts[0], AdminRole.of(parts[1]), parts[2]);
  }

  String line() {
    return name + ":" + role.text() + ":" + hash;
  }

  /** Whether this is the key with that hash; takes the same time whatever the answer. */
  boolean matches(byte[] presentedHash) {
    return MessageDigest.isEqual(HexFormat.of().parseHex(hash), presentedHash);
  }

  static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Without the hash, so that no log ever holds it. */
  @Override
  public String toString() {
    return name + " (" + role.text() + ")";
  }
}
