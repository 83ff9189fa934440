package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;

/**
 * A node's configuration in layers: Java system properties, the environment's {@code CAIRN_…}, what
 * the user says, {@code application.conf} of a host application, what {@code cairn.profile} stands
 * for, {@code cairn-node.conf}, every {@code reference.conf}.
 */
public final class NodeConfig {
  private NodeConfig() {}

  /**
   * @param user what the user says: options of the command line, a file, or empty
   * @throws ConfigException where a layer cannot be read
   * @throws IllegalArgumentException where {@code cairn.profile} names none
   */
  public static Config load(Config user) {
    Config said =
        ConfigFactory.defaultOverrides()
            .withFallback(layer("cairn-environment.conf"))
            .withFallback(user)
            .withFallback(ConfigFactory.defaultApplication());
    Config reference = ConfigFactory.defaultReferenceUnresolved();
    Profile profile = Profile.of(said.withFallback(reference).resolve());
    Config node = layer("cairn-node.conf");
    return said.withFallback(
            profile == Profile.CLUSTER
                ? layer("cairn-profile-cluster.conf").withFallback(node)
                : node)
        .withFallback(reference)
        .resolve();
  }

  private static Config layer(String resource) {
    return ConfigFactory.parseResources(
        NodeConfig.class.getClassLoader(),
        resource,
        ConfigParseOptions.defaults().setAllowMissing(false));
  }
}
