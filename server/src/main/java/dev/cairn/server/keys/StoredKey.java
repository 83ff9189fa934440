package dev.cairn.server.keys;

/** A key as a file keeps it: by the hash of what its owner holds. */
public interface StoredKey {
  /** Names its owner in logs; unique in a file. */
  String name();

  /** SHA-256, 64 hexadecimal digits. */
  String hash();

  /** Its line in the file. */
  String line();
}
