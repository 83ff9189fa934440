package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;

/**
 * A node's configuration in layers: Java system properties, what the user says, {@code
 * application.conf} of a host application, {@code cairn-node.conf}, every {@code reference.conf}.
 */
public final class NodeConfig {
  private NodeConfig() {}

  /**
   * @param user what the user says: options of the command line, a file, or empty
   * @throws ConfigException where a layer cannot be read
   */
  public static Config load(Config user) {
    return ConfigFactory.defaultOverrides()
        .withFallback(user)
        .withFallback(ConfigFactory.defaultApplication())
        .withFallback(
            ConfigFactory.parseResources(
                NodeConfig.class.getClassLoader(),
                "cairn-node.conf",
                ConfigParseOptions.defaults().setAllowMissing(false)))
        .withFallback(ConfigFactory.defaultReferenceUnresolved())
        .resolve();
  }
}
