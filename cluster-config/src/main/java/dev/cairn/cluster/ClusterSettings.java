package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.DevicePlacement;
import dev.cairn.actors.ViewRelay;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;

/**
 * A node's part in its cluster, from {@code cairn.profile}, {@code cairn.node}, {@code
 * cairn.cluster}, {@code cairn.placement} and {@code cairn.relay}.
 *
 * @param profile where a gateway's journal is
 * @param roles what it does: {@code gateway}, {@code device} or both
 * @param seeds members to join through; empty: a cluster of its own
 * @param directory how devices are asked how they are
 * @param placement how requests are placed
 * @param relay how readers follow requests of other nodes
 * @param relayLookupTimeout longest wait for a request's owner to say that it is there
 * @param maxMessageBytes most that a message between nodes may hold
 */
record ClusterSettings(
    Profile profile,
    Set<String> roles,
    List<Address> seeds,
    DeviceDirectory.Settings directory,
    DevicePlacement.Settings placement,
    ViewRelay.Settings relay,
    Duration relayLookupTimeout,
    long maxMessageBytes) {
  /** Room in a frame for who sends a message to whom, and as what. */
  private static final long ENVELOPE_BYTES = 4_096;

  static final String GATEWAY = "gateway";
  static final String DEVICE = "device";

  static ClusterSettings from(Config config) {
    Set<String> roles = Set.copyOf(config.getStringList("cairn.node.roles"));
    if (roles.isEmpty() || !Set.of(GATEWAY, DEVICE).containsAll(roles)) {
      throw new IllegalArgumentException(
          "cairn.node.roles is " + roles + ", expected gateway, device or both");
    }
    Config placement = config.getConfig("cairn.placement");
    Config relay = config.getConfig("cairn.relay");
    boolean alone = config.getStringList("cairn.cluster.seeds").isEmpty();
    return new ClusterSettings(
        Profile.of(config),
        roles,
        config.getStringList("cairn.cluster.seeds").stream().map(ClusterSettings::seed).toList(),
        new DeviceDirectory.Settings(
            placement.getDuration("probe-interval"), placement.getDuration("probe-timeout")),
        new DevicePlacement.Settings(
            placement.getDuration("cooldown"),
            placement.getDouble("hysteresis"),
            placement.getDouble("spillover"),
            placement.getInt("prefix-tokens"),
            placement.getInt("max-prefixes"),
            placement.getInt("explained-devices"),
            placement.getDuration("probe-timeout")),
        relay(relay),
        relay.getDuration("lookup-timeout"),
        alone
            ? Long.MAX_VALUE
            : config.getBytes("pekko.remote.artery.advanced.maximum-large-frame-size")
                - ENVELOPE_BYTES);
  }

  private static ViewRelay.Settings relay(Config relay) {
    return new ViewRelay.Settings(
        relay.getDuration("resync"),
        relay.getDuration("lease"),
        relay.getInt("max-unanswered"),
        relay.getInt("max-followed"),
        relay.getBytes("max-memory"),
        Math.toIntExact(relay.getBytes("max-batch")),
        relay.getInt("max-lookups"),
        relay.getDuration("linger"));
  }

  private static Address seed(String hostAndPort) {
    if (!hostAndPort.matches(".+:\\d{1,5}")) {
      throw new IllegalArgumentException(
          "cairn.cluster.seeds holds " + hostAndPort + ", expected HOST:PORT");
    }
    return AddressFromURIString.parse("pekko://" + CairnNode.SYSTEM_NAME + "@" + hostAndPort);
  }

  boolean isGateway() {
    return roles.contains(GATEWAY);
  }

  boolean hasDevice() {
    return roles.contains(DEVICE);
  }
}
