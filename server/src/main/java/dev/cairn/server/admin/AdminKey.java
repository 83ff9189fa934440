package dev.cairn.server.admin;

import dev.cairn.server.keys.KeyText;
import dev.cairn.server.keys.KeysFile;
import dev.cairn.server.keys.StoredKey;
import java.nio.file.Path;

/**
 * A key of the admin port as it is kept.
 *
 * @param name names its owner in logs
 * @param hash SHA-256, 64 hexadecimal digits
 */
public record AdminKey(String name, AdminRole role, String hash) implements StoredKey {
  /** Checks its parts. */
  public AdminKey {
    KeyText.checkName("name", name);
    KeyText.checkHash(hash);
  }

  /** How a key in the clear is kept. */
  public static AdminKey of(String name, AdminRole role, String key) {
    return new AdminKey(name, role, KeyText.hash(key));
  }

  /** The file of such keys. */
  public static KeysFile<AdminKey> file(Path path) {
    return new KeysFile<>(path, AdminKey::parse, "name:role:SHA-256 of the key");
  }

  private static AdminKey parse(String line) {
    String[] parts = line.split(":", -1);
    if (parts.length != 3) {
      throw new IllegalArgumentException(
          "it has " + parts.length + " parts, expected name:role:hash");
    }
    return new AdminKey(parts[0], AdminRole.of(parts[1]), parts[2]);
  }

  @Override
  public String line() {
    return name + ":" + role.text() + ":" + hash;
  }

  /** Without the hash, so that no log ever holds it. */
  @Override
  public String toString() {
    return name + " (" + role.text() + ")";
  }
}
