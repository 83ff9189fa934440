package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import dev.cairn.persistence.Band;
import dev.cairn.scheduling.LookUpPolicy;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.TenantPolicy;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** {@code cairn.scheduling} and {@code cairn.tenants}, read and checked once. */
public final class SchedulingSettings {
  private SchedulingSettings() {}

  /**
   * How a device of so many slots chooses among those that wait.
   *
   * @param model that it serves
   * @throws ConfigException where a key is missing or has the wrong type
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static SchedulingPolicy from(Config config, int slots, String model) {
    Config scheduling = config.getConfig("cairn.scheduling");
    TenantSettings tenants = TenantSettings.from(config, model);
    Map<String, TenantPolicy> named = new HashMap<>();
    tenants.named().forEach((tenant, limits) -> named.put(tenant, limits.policy()));
    return new SchedulingPolicy(
        Math.min(slots, scheduling.getInt("max-running")),
        scheduling.getDuration("aging.after").toNanos(),
        scheduling.getInt("aging.every"),
        scheduling.getInt("look-ahead"),
        scheduling.getInt("max-bypasses"),
        scheduling.getDouble("latency-factor"),
        scheduling.getInt("min-chunk"),
        scheduling.getDuration("budget-window").toNanos(),
        scheduling.getDuration("group-patience").toNanos(),
        scheduling.getInt("max-idle-tenants"),
        scheduling.getBoolean("preempt-for-share"),
        lookUp(scheduling.getConfig("look-up")),
        named,
        tenants.others().policy());
  }

  private static LookUpPolicy lookUp(Config config) {
    return new LookUpPolicy(
        config.getBoolean("default"),
        config.getInt("max-draft"),
        config.getInt("min-ngram"),
        config.getInt("max-ngram"),
        config.getInt("max-rows"));
  }

  static Band band(String name) {
    return Arrays.stream(Band.values())
        .filter(band -> band.name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "highest-band is '"
                        + name
                        + "', expected one of "
                        + Arrays.toString(Band.values()).toLowerCase(Locale.ROOT)));
  }
}
