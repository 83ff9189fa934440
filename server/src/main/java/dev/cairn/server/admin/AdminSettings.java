package dev.cairn.server.admin;

import com.typesafe.config.Config;
import java.nio.file.Path;
import java.time.Duration;

/**
 * {@code cairn.admin}; {@code reference.conf} explains each key.
 *
 * @param port -1: no admin port
 * @param gatherTimeout longest wait for the nodes' answers to one question
 * @param defaultLimit requests in a page that does not say
 * @param maxLimit most requests in a page
 */
public record AdminSettings(
    String host, int port, Path keysFile, Duration gatherTimeout, int defaultLimit, int maxLimit) {
  /** Reads the section. */
  public static AdminSettings from(Config root) {
    Config admin = root.getConfig("cairn.admin");
    return new AdminSettings(
        admin.getString("host"),
        admin.getInt("port"),
        Path.of(admin.getString("keys-file")),
        admin.getDuration("gather-timeout"),
        admin.getInt("default-limit"),
        admin.getInt("max-limit"));
  }

  /** Whether there is an admin port. */
  public boolean isOn() {
    return port >= 0;
  }
}
