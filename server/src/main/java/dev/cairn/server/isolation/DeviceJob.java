package dev.cairn.server.isolation;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a process is told that runs the device of another one: the model and the whole
 * configuration, in which nothing is left to be looked up. As a line it goes to the standard input,
 * where no list of processes shows the secrets in it.
 *
 * @param model the model's file
 * @param config the configuration
 */
public record DeviceJob(Path model, Config config) {
  private static final String MODEL = "cairn.isolation.model";

  /**
   * The job of the device of a gateway.
   *
   * @param gateway the gateway's configuration
   * @param seed where the gateway is, HOST:PORT
   * @param transport how it talks
   * @param role by which the gateway knows this process among all others
   */
  static DeviceJob of(Path model, Config gateway, String seed, String transport, String role) {
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "cairn.node.roles",
                    List.of("device"),
                    "cairn.node.port",
                    0,
                    "cairn.cluster.seeds",
                    List.of(seed),
                    "cairn.cluster.transport",
                    transport,
                    "cairn.admin.port",
                    -1,
                    "cairn.isolation.enabled",
                    false,
                    "pekko.cluster.roles",
                    List.of("device", role),
                    "pekko.remote.artery.canonical.port",
                    0,
                    "pekko.remote.artery.bind.port",
                    ""))
            .withFallback(gateway);
    return new DeviceJob(model.toAbsolutePath(), config);
  }

  /** The job as one line. */
  String line() {
    return config
        .withValue(MODEL, ConfigValueFactory.fromAnyRef(model.toString()))
        .root()
        .render(ConfigRenderOptions.concise());
  }

  /**
   * Reads what {@link #line} wrote.
   *
   * @throws IllegalArgumentException where it is something else
   */
  public static DeviceJob parse(String line) {
    try {
      Config config = ConfigFactory.parseString(line);
      return new DeviceJob(Path.of(config.getString(MODEL)), config);
    } catch (ConfigException e) {
      throw new IllegalArgumentException(
          "standard input began with "
              + line.length()
              + " characters that are no job; cairn device-process is started by cairn serve"
              + " --isolate-device alone",
          e);
    }
  }
}
