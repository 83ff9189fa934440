package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigUtil;
import dev.cairn.scheduling.TenantPolicy;
import java.util.HashMap;
import java.util.Map;

/**
 * {@code cairn.tenants} for one model, read and checked once.
 *
 * @param named tenants with limits of their own
 * @param others limits of all other tenants
 */
public record TenantSettings(Map<String, Limits> named, Limits others) {
  private static final String OTHERS = "default";
  private static final String MODELS = "models";

  /**
   * What one tenant may have.
   *
   * @param policy on each device
   * @param maxQueued requests without a token, on each gateway; 0: any
   * @param requestsPerMinute calls that make requests, on each gateway; 0: any
   * @param tokensPerMinute tokens that these ask for, on each gateway; 0: any
   */
  public record Limits(
      TenantPolicy policy, int maxQueued, long requestsPerMinute, long tokensPerMinute) {
    public Limits {
      if (maxQueued < 0 || requestsPerMinute < 0 || tokensPerMinute < 0) {
        throw new IllegalArgumentException(
            "max-queued is "
                + maxQueued
                + ", requests-per-minute "
                + requestsPerMinute
                + ", tokens-per-minute "
                + tokensPerMinute
                + ", expected 0 or more");
      }
    }
  }

  public TenantSettings {
    named = Map.copyOf(named);
  }

  /**
   * What tenants may have of a model.
   *
   * @throws ConfigException where a key is missing or has the wrong type
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static TenantSettings from(Config root, String model) {
    Config tenants = root.getConfig("cairn.tenants");
    Config others = tenants.getConfig(OTHERS);
    Map<String, Limits> named = new HashMap<>();
    for (String tenant : tenants.root().keySet()) {
      if (!tenant.equals(OTHERS)) {
        Config own = of(tenants.getConfig(ConfigUtil.joinPath(tenant)), model);
        named.put(tenant, limits(tenant, own.withFallback(of(others, model))));
      }
    }
    return new TenantSettings(named, limits(OTHERS, of(others, model)));
  }

  /** What is said of the model goes before what is said of all. */
  private static Config of(Config tenant, String model) {
    String path = ConfigUtil.joinPath(MODELS, model);
    return tenant.hasPath(path) ? tenant.getConfig(path).withFallback(tenant) : tenant;
  }

  private static Limits limits(String name, Config config) {
    try {
      int maxRunning = config.getInt("max-running");
      return new Limits(
          new TenantPolicy(
              config.getDouble("weight"),
              maxRunning == 0 ? Integer.MAX_VALUE : maxRunning,
              SchedulingSettings.band(config.getString("highest-band")),
              config.getLong("budget-tokens")),
          config.getInt("max-queued"),
          config.getLong("requests-per-minute"),
          config.getLong("tokens-per-minute"));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("cairn.tenants." + name + ": " + e.getMessage(), e);
    }
  }

  /** What a tenant may have. */
  public Limits of(String tenant) {
    return named.getOrDefault(tenant, others);
  }
}
