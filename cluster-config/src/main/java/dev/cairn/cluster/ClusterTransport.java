package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import java.nio.file.Path;
import java.util.List;

/**
 * How nodes talk, from {@code cairn.cluster}: which of Pekko's transports, and what that one needs.
 */
final class ClusterTransport {
  static final String TCP = "tcp";
  static final String AERON_UDP = "aeron-udp";
  static final String TLS_TCP = "tls-tcp";
  private static final String AUTO = "auto";
  private static final String KEY = "cairn.cluster.transport";

  private ClusterTransport() {}

  /**
   * The configuration that a node's actor system starts with. For Aeron it names a directory of
   * this node alone, which the node's media driver makes and deletes.
   *
   * @throws IllegalArgumentException where the transport is none of those there are, what it needs
   *     is missing, or Java serialization is on
   */
  static Config prepare(Config config) {
    refuseJavaSerialization(config);
    String transport = transport(config);
    Config prepared = with(config, "pekko.remote.artery.transport", transport);
    if (transport.equals(TLS_TCP)) {
      TlsFiles.from(config).check(config.getString("cairn.node.host"));
    } else if (transport.equals(AERON_UDP)) {
      Path directory = AeronDirectory.prepare(config.getConfig("cairn.cluster.aeron"));
      prepared =
          with(prepared, "pekko.remote.artery.advanced.aeron.aeron-dir", directory.toString());
    }
    return prepared;
  }

  /** The transport that a configuration asks for, by name or by what kind of node it describes. */
  static String transport(Config config) {
    String asked = config.getString(KEY);
    if (asked.equals(AUTO)) {
      return isAlone(config) ? TCP : AERON_UDP;
    }
    if (!List.of(TCP, AERON_UDP, TLS_TCP).contains(asked)) {
      throw new IllegalArgumentException(
          KEY + " is " + asked + ", expected auto, tcp, aeron-udp or tls-tcp");
    }
    return asked;
  }

  private static boolean isAlone(Config config) {
    return Profile.of(config) == Profile.SINGLE
        && config.getStringList("cairn.cluster.seeds").isEmpty();
  }

  private static void refuseJavaSerialization(Config config) {
    if (config.getBoolean("pekko.actor.allow-java-serialization")) {
      throw new IllegalArgumentException(
          "pekko.actor.allow-java-serialization is on, expected off: whoever reaches a node's port"
              + " could run code in it; Cairn's messages are CBOR");
    }
  }

  private static Config with(Config config, String key, String value) {
    return config.withValue(key, ConfigValueFactory.fromAnyRef(value));
  }
}
