package dev.cairn.server.admin;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that are valid now: the file is read again as soon as it changes. A file that became
 * unreadable leaves no key valid, and a server that ever had keys goes on to ask for one. Safe for
 * any number of threads.
 */
public final class AdminKeys {
  private static final Logger LOG = LoggerFactory.getLogger(AdminKeys.class);

  private final KeysFile file;
  private Optional<Object> version;
  private List<AdminKey> keys;
  private boolean hadKeys;

  /**
   * Reads the file.
   *
   * @throws IOException where it cannot be used; the message says why
   */
  public AdminKeys(KeysFile file) throws IOException {
    this.file = file;
    this.version = file.version();
    this.keys = file.read();
    this.hadKeys = !keys.isEmpty();
  }

  /** Whose key this is. Every key is compared, so that the time tells nothing. */
  Optional<AdminKey> find(String presented) {
    byte[] hash = AdminKey.sha256(presented);
    AdminKey found = null;
    for (AdminKey key : current()) {
      if (key.matches(hash)) {
        found = key;
      }
    }
    return Optional.ofNullable(found);
  }

  /** Whether there are keys, or have been while this server ran. */
  synchronized boolean any() {
    return !current().isEmpty() || hadKeys;
  }

  private synchronized List<AdminKey> current() {
    try {
      Optional<Object> now = file.version();
      if (!now.equals(version)) {
        version = now;
        keys = List.of();
        keys = file.read();
        hadKeys |= !keys.isEmpty();
        LOG.info("{} was read again: {} admin keys", file.path(), keys.size());
      }
    } catch (IOException e) {
      keys = List.of();
      LOG.error("no admin key is valid any more: {}", e.getMessage(), e);
    }
    return keys;
  }
}
