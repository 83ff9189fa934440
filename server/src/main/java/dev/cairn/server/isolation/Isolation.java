package dev.cairn.server.isolation;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import dev.cairn.server.LocalNode;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** How a server comes to have its device in a process of its own, if its configuration says so. */
public final class Isolation {
  /**
   * The next device is there within seconds; a request must not look for it less often than this.
   */
  private static final Duration LONGEST_RETRY = Duration.ofMillis(250);

  private static final String ROLES = "cairn.node.roles";
  private static final String RETRY = "cairn.requests.retry-assign";

  private Isolation() {}

  /**
   * The configuration of the process that starts the device's process: of a gateway without one.
   *
   * @throws IllegalArgumentException where the roles are not both
   */
  public static Config gateway(Config config) {
    if (!IsolationSettings.from(config).enabled()) {
      return config;
    }
    List<String> roles = config.getStringList(ROLES);
    if (!Set.copyOf(roles).equals(Set.of("gateway", "device"))) {
      throw new IllegalArgumentException(
          "the device is to run in a process of its own (--isolate-device), and "
              + ROLES
              + " is "
              + roles
              + ", expected gateway and device");
    }
    Duration retry = config.getDuration(RETRY);
    Object gateway = List.of("gateway");
    return config
        .withValue(ROLES, ConfigValueFactory.fromAnyRef(gateway))
        .withValue("pekko.cluster.roles", ConfigValueFactory.fromAnyRef(gateway))
        .withValue(
            RETRY,
            ConfigValueFactory.fromAnyRef(
                retry.compareTo(LONGEST_RETRY) < 0 ? retry : LONGEST_RETRY));
  }

  /** The device's process, not started yet; empty where the device runs in this one. */
  public static Optional<DeviceProcess> process(LocalNode node, Config config, PrintStream log) {
    return IsolationSettings.from(config).enabled()
        ? Optional.of(node.deviceProcess(config, log))
        : Optional.empty();
  }
}
