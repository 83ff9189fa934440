package dev.cairn.server.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import dev.cairn.cluster.NodeConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The configuration that a command's options and the file of {@code --config} give. */
final class ConfigFile {
  private ConfigFile() {}

  /**
   * @param options go before the file, which goes before the defaults
   * @param file of the user, or null
   * @throws IllegalArgumentException where it cannot be read, or says what cannot be
   */
  static Config load(Map<String, ?> options, Path file) {
    Config said = ConfigFactory.empty();
    if (file != null) {
      if (!Files.isReadable(file)) {
        throw new IllegalArgumentException(
            "--config is " + file + ", which cannot be read; expected a HOCON file.");
      }
      said = ConfigFactory.parseFile(file.toFile());
    }
    try {
      return NodeConfig.load(ConfigFactory.parseMap(options).withFallback(said));
    } catch (ConfigException e) {
      throw new IllegalArgumentException("The configuration is wrong: " + e.getMessage(), e);
    }
  }
}
