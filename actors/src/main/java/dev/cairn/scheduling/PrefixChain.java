package dev.cairn.scheduling;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;

/**
 * The names of a sequence's full blocks. A block is named by the tokens in it and all before it, so
 * equal names mean equal keys and values; and by the salt, so that one tenant never meets another's
 * blocks. Tokens are not kept: they go into a digest as they come.
 */
final class PrefixChain {
  /** The first 128 bits of a SHA-256: nobody finds two prefixes of one name. */
  record Name(long high, long low) {}

  private final MessageDigest digest = sha256();
  private final ByteBuffer word = ByteBuffer.allocate(Integer.BYTES);
  private final int blockTokens;
  private final List<Name> names = new ArrayList<>();
  private int inBlock;

  /**
   * @param salt sequences of different salts share nothing
   * @param tokens of the sequence so far
   */
  PrefixChain(String salt, int blockTokens, int[] tokens) {
    this.blockTokens = blockTokens;
    digest.update(salt.getBytes(StandardCharsets.UTF_8));
    digest.update(digest.digest());
    for (int token : tokens) {
      add(token);
    }
  }

  void add(int token) {
    digest.update(word.putInt(0, token).array());
    if (++inBlock == blockTokens) {
      inBlock = 0;
      byte[] full = digest.digest();
      ByteBuffer bytes = ByteBuffer.wrap(full);
      names.add(new Name(bytes.getLong(), bytes.getLong()));
      digest.update(full);
    }
  }

  /** Full blocks so far. */
  int size() {
    return names.size();
  }

  Name get(int block) {
    return names.get(block);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
