package dev.cairn.cluster;

import com.typesafe.config.Config;
import java.util.Locale;

/** What a node is one of, by {@code cairn.profile}. */
enum Profile {
  /** One gateway, whose journal is in RocksDB. */
  SINGLE,
  /** Any number of gateways, whose journal is in PostgreSQL. */
  CLUSTER;

  /**
   * @throws IllegalArgumentException for any other; it says which there are
   */
  static Profile of(Config config) {
    String name = config.getString("cairn.profile");
    for (Profile each : values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
        return each;
      }
    }
    throw new IllegalArgumentException(
        "cairn.profile is \"" + name + "\", expected single or cluster");
  }
}
