package dev.cairn.persistence.journal;

import java.util.Locale;

/** What an acknowledged write survives. */
public enum Durability {
  /** A power loss: every commit is synced to the disk. */
  FSYNC,
  /** The end of the process, not that of the operating system. */
  OS,
  /** A clean close alone. */
  NONE;

  /**
   * By the name in the configuration.
   *
   * @throws IllegalArgumentException for any other; it says which there are
   */
  public static Durability of(String name) {
    for (Durability each : values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
        return each;
      }
    }
    throw new IllegalArgumentException(
        "The durability is \"" + name + "\", expected fsync, os or none.");
  }
}
