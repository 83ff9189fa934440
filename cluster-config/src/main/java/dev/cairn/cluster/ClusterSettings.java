package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.DevicePlacement;
import java.util.List;
import java.util.Set;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;

/**
 * A node's part in its cluster, from {@code cairn.profile}, {@code cairn.node}, {@code
 * cairn.cluster} and {@code cairn.placement}.
 *
 * @param profile where a gateway's journal is
 * @param roles what it does: {@code gateway}, {@code device} or both
 * @param seeds members to join through; empty: a cluster of its own
 * @param directory how devices are asked how they are
 * @param placement how requests are placed
 */
record ClusterSettings(
    Profile profile,
    Set<String> roles,
    List<Address> seeds,
    DeviceDirectory.Settings directory,
    DevicePlacement.Settings placement) {
  static final String GATEWAY = "gateway";
  static final String DEVICE = "device";

  static ClusterSettings from(Config config) {
    Set<String> roles = Set.copyOf(config.getStringList("cairn.node.roles"));
    if (roles.isEmpty() || !Set.of(GATEWAY, DEVICE).containsAll(roles)) {
      throw new IllegalArgumentException(
          "cairn.node.roles is " + roles + ", expected gateway, device or both");
    }
    Config placement = config.getConfig("cairn.placement");
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
            placement.getDuration("probe-timeout")));
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
