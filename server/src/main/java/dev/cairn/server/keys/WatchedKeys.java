package dev.cairn.server.keys;

import java.io.IOException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that are valid now: the file is read again as soon as it changes. A server that ever had
 * keys goes on to ask for one. Safe for any number of threads.
 */
public final class WatchedKeys<K extends StoredKey> {
  private static final Logger LOG = LoggerFactory.getLogger(WatchedKeys.class);

  /** What becomes of the keys when the file cannot be used any more. */
  public enum WhenBroken {
    /** None is valid until the file is right again. */
    NONE_VALID,
    /** Those of the last file that was right stay valid; a file that is gone is broken too. */
    KEEP
  }

  private record Hashed<K>(K key, byte[] hash) {}

  private final KeysFile<K> file;
  private final WhenBroken whenBroken;
  private Optional<Object> version;
  private List<Hashed<K>> keys;
  private boolean hadKeys;
  private boolean broken;
  private long failures;

  /**
   * Reads the file.
   *
   * @throws IOException where it cannot be used; the message says why
   */
  public WatchedKeys(KeysFile<K> file, WhenBroken whenBroken) throws IOException {
    this.file = file;
    this.whenBroken = whenBroken;
    this.version = file.version();
    this.keys = hashed(file.read());
    this.hadKeys = !keys.isEmpty();
  }

  /** Whose key this is. Every key is compared, so that the time tells nothing. */
  public Optional<K> find(String presented) {
    byte[] hash = KeyText.sha256(presented);
    K found = null;
    for (Hashed<K> each : current()) {
      if (MessageDigest.isEqual(each.hash, hash)) {
        found = each.key;
      }
    }
    return Optional.ofNullable(found);
  }

  /** Whether there are keys, or have been while this server ran. */
  public synchronized boolean any() {
    return !current().isEmpty() || hadKeys;
  }

  /** Keys that are valid. */
  public int count() {
    return current().size();
  }

  /** Whether the file cannot be used as it is now. */
  public synchronized boolean isBroken() {
    current();
    return broken;
  }

  /** Times that a changed file could not be used. */
  public synchronized long failures() {
    current();
    return failures;
  }

  private synchronized List<Hashed<K>> current() {
    try {
      Optional<Object> now = file.version();
      if (!now.equals(version)) {
        version = now;
        read(now.isPresent());
      }
    } catch (IOException e) {
      fail(e);
    }
    return keys;
  }

  private void read(boolean isThere) throws IOException {
    if (!isThere && hadKeys && whenBroken == WhenBroken.KEEP) {
      throw new IOException(
          file.path() + " is gone; expected an empty file where no key is to be valid");
    }
    keys = hashed(file.read());
    hadKeys |= !keys.isEmpty();
    broken = false;
    LOG.info("{} was read again: {} keys", file.path(), keys.size());
  }

  private void fail(IOException why) {
    broken = true;
    failures++;
    if (whenBroken == WhenBroken.NONE_VALID) {
      keys = List.of();
      LOG.error("no key is valid any more: {}", why.getMessage(), why);
    } else {
      LOG.error(
          "the {} keys of the last good file stay valid: {}", keys.size(), why.getMessage(), why);
    }
  }

  private static <K extends StoredKey> List<Hashed<K>> hashed(List<K> keys) {
    return keys.stream().map(k -> new Hashed<>(k, HexFormat.of().parseHex(k.hash()))).toList();
  }
}
