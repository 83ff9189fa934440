package dev.cairn.server.admin;

import com.typesafe.config.Config;
import dev.cairn.cluster.admin.Demand;
import java.nio.file.Path;
import java.time.Duration;

/**
 * {@code cairn.admin}; {@code reference.conf} explains each key.
 *
 * @param port -1: no admin port
 * @param gatherTimeout longest wait for the nodes' answers to one question
 * @param drainWait longest wait for a node to be empty before the reply says how far it is
 * @param defaultLimit requests in a page that does not say
 * @param maxLimit most requests in a page
 * @param aim what the suggestions of /admin/demand aim at
 */
public record AdminSettings(
    String host,
    int port,
    Path keysFile,
    Duration gatherTimeout,
    Duration drainWait,
    int defaultLimit,
    int maxLimit,
    Demand.Aim aim) {
  /** Reads the section. */
  public static AdminSettings from(Config root) {
    Config admin = root.getConfig("cairn.admin");
    return new AdminSettings(
        admin.getString("host"),
        admin.getInt("port"),
        Path.of(admin.getString("keys-file")),
        admin.getDuration("gather-timeout"),
        admin.getDuration("drain-wait"),
        admin.getInt("default-limit"),
        admin.getInt("max-limit"),
        new Demand.Aim(
            admin.getDuration("demand.target").toMillis() / 1000.0,
            admin.getInt("demand.min-devices"),
            admin.getInt("demand.max-devices")));
  }

  /** Whether there is an admin port. */
  public boolean isOn() {
    return port >= 0;
  }
}
