package dev.cairn.server.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import dev.cairn.cluster.NodeConfig;
import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.journal.CorruptRecordException;
import dev.cairn.persistence.journal.DamagedJournalException;
import dev.cairn.persistence.journal.JournalReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options of the commands that read a journal, and the way to it. */
final class JournalOptions {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where the journal is (cairn.journal.directory).")
  private Path dataDirectory;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration that names the data directory (HOCON).")
  private Path configFile;

  /** What a command does with the open journal; returns its exit code. */
  @FunctionalInterface
  interface Work {
    int with(JournalReader journal, PrintWriter out) throws IOException;
  }

  /** Opens the journal to read and closes it; damage is said on standard error. */
  int read(CommandSpec spec, Work work) throws IOException {
    PrintWriter err = spec.commandLine().getErr();
    return read(spec, work, damage -> err.println("cairn: " + damage));
  }

  /**
   * Opens the journal to read, also while a server has it, and closes it.
   *
   * @param damaged told what is damaged where that ends the work
   * @return the exit code; {@link Main#JOURNAL_DAMAGED} where the journal is damaged
   */
  int read(CommandSpec spec, Work work, Consumer<String> damaged) throws IOException {
    Path directory = directory();
    PrintWriter err = spec.commandLine().getErr();
    PrintWriter out = spec.commandLine().getOut();
    if (!Files.isDirectory(directory)) {
      throw new IOException("There is no data directory " + directory + ".");
    }
    Optional<String> user = DataDirectory.user(directory);
    try (JournalReader journal = JournalReader.open(directory)) {
      user.ifPresent(
          who ->
              err.println(
                  "cairn: "
                      + directory
                      + " is in use by "
                      + who
                      + "; this is its journal at this moment."));
      int code = work.with(journal, out);
      out.flush();
      return code;
    } catch (DamagedJournalException | CorruptRecordException e) {
      damaged.accept(e.getMessage());
      out.flush();
      return Main.JOURNAL_DAMAGED;
    }
  }

  /** The data directory that the options name. */
  Path directory() {
    return Path.of(config().getString("cairn.journal.directory"));
  }

  /** The configuration that the options give. */
  Config config() {
    Config file = ConfigFactory.empty();
    if (configFile != null) {
      if (!Files.isReadable(configFile)) {
        throw new IllegalArgumentException(
            "--config is " + configFile + ", which cannot be read; expected a HOCON file.");
      }
      file = ConfigFactory.parseFile(configFile.toFile());
    }
    Map<String, String> options =
        dataDirectory == null
            ? Map.of()
            : Map.of("cairn.journal.directory", dataDirectory.toString());
    try {
      return NodeConfig.load(ConfigFactory.parseMap(options).withFallback(file));
    } catch (ConfigException e) {
      throw new IllegalArgumentException("The configuration is wrong: " + e.getMessage(), e);
    }
  }
}
