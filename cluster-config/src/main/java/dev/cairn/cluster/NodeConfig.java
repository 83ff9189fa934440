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
    return layered(
        ConfigFactory.defaultOverrides()
            .withFallback(layer("cairn-environment.conf"))
            .withFallback(user)
            .withFallback(ConfigFactory.defaultApplication()));
  }

  /**
   * The same for an engine inside a host. What system properties and {@code application.conf} say
   * of Pekko is for the host's own actor system; only what they say of {@code cairn} counts. An
   * error of the JVM ends the engine, not the process.
   *
   * @param user what the host says of the engine
   */
  public static Config inHost(Config user) {
    Config application = ConfigFactory.defaultApplication();
    return layered(
        ConfigFactory.parseString("pekko.jvm-exit-on-fatal-error = off")
            .withFallback(ofCairn(ConfigFactory.defaultOverrides()))
            .withFallback(layer("cairn-environment.conf"))
            .withFallback(user)
            .withFallback(
                ofCairn(
                    application.resolveWith(
                        application.withFallback(ConfigFactory.defaultReferenceUnresolved())))));
  }

  private static Config ofCairn(Config config) {
    return config.withOnlyPath("cairn");
  }

  private static Config layered(Config said) {
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
