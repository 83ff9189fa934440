package dev.cairn.persistence;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.function.LongSupplier;

/**
 * Makes names for requests: ULIDs (26 characters of Crockford's base 32; 48 bits of milliseconds,
 * then 80 random bits), each greater than the one before, also where the clock goes backwards. Safe
 * for any number of threads.
 */
public final class RequestIds {
  private static final char[] ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".toCharArray();
  private static final int LENGTH = 26;
  private static final long MILLIS_MASK = (1L << 48) - 1;

  private final LongSupplier clockMillis;
  private final SecureRandom random;
  private long millis = -1;
  private int high16;
  private long low64;

  /**
   * @param clockMillis milliseconds since the epoch
   */
  public RequestIds(LongSupplier clockMillis, SecureRandom random) {
    this.clockMillis = clockMillis;
    this.random = random;
  }

  /** The next id. */
  public synchronized String next() {
    long now = clockMillis.getAsLong() & MILLIS_MASK;
    if (now > millis) {
      millis = now;
      high16 = random.nextInt(1 << 16);
      low64 = random.nextLong();
    } else {
      increment();
    }
    return encode((millis << 16) | high16, low64);
  }

  /** A random seed. */
  public long seed() {
    return random.nextLong();
  }

  /** The id that an idempotency key stands for; begins with a letter that no ULID begins with. */
  public static String ofKey(String key) {
    ByteBuffer hash = hash(key);
    return "K" + encode(hash.getLong(), hash.getLong()).substring(1);
  }

  /** The seed of a request with an idempotency key and none of its own: the same for each retry. */
  public static long seedOfKey(String key) {
    return hash(key).getLong(16);
  }

  private void increment() {
    low64++;
    if (low64 == 0) {
      high16 = (high16 + 1) & 0xffff;
      if (high16 == 0) {
        millis = (millis + 1) & MILLIS_MASK;
      }
    }
  }

  private static ByteBuffer hash(String key) {
    try {
      return ByteBuffer.wrap(
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** 128 bits in 26 characters of five bits; the first holds the highest three. */
  private static String encode(long high, long low) {
    char[] out = new char[LENGTH];
    for (int i = LENGTH - 1; i >= 0; i--) {
      out[i] = ALPHABET[(int) (low & 31)];
      low = (low >>> 5) | (high << 59);
      high >>>= 5;
    }
    return new String(out);
  }
}
