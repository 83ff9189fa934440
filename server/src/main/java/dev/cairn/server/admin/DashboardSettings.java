package dev.cairn.server.admin;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * {@code cairn.dashboard}; {@code reference.conf} explains each key.
 *
 * @param enabled whether there is a dashboard
 * @param maxRows most requests that it shows
 * @param refresh pause between two looks of a page
 * @param gatherTimeout longest wait for the nodes' answers to one look
 */
public record DashboardSettings(
    boolean enabled, int maxRows, Duration refresh, Duration gatherTimeout) {
  /**
   * Reads the section.
   *
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static DashboardSettings from(Config root) {
    Config dashboard = root.getConfig("cairn.dashboard");
    int maxRows = dashboard.getInt("max-rows");
    if (maxRows < 1 || maxRows > 1000) {
      throw new IllegalArgumentException(
          "cairn.dashboard.max-rows is " + maxRows + ", expected 1 to 1000");
    }
    return new DashboardSettings(
        dashboard.getBoolean("enabled"),
        maxRows,
        dashboard.getDuration("refresh"),
        dashboard.getDuration("gather-timeout"));
  }
}
