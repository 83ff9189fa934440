package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.journal.CorruptRecordException;
import dev.cairn.persistence.journal.DamagedJournalException;
import dev.cairn.persistence.journal.JournalReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
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
      description = "Configuration that names the journal (HOCON).")
  private Path configFile;

  @Option(
      names = "--profile",
      completionCandidates = Candidates.Profiles.class,
      paramLabel = "NAME",
      description = "single: the data directory; cluster: cairn.postgres (cairn.profile).")
  private String profile;

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
    Config config = config();
    PrintWriter err = spec.commandLine().getErr();
    PrintWriter out = spec.commandLine().getOut();
    Optional<String> user = user(config);
    try (JournalReader journal = JournalReader.open(config)) {
      user.ifPresent(who -> err.println("cairn: " + who));
      int code = work.with(journal, out);
      out.flush();
      return code;
    } catch (DamagedJournalException | CorruptRecordException e) {
      damaged.accept(e.getMessage());
      out.flush();
      return Main.JOURNAL_DAMAGED;
    }
  }

  /** Says who uses the data directory, if anybody does. */
  private static Optional<String> user(Config config) throws IOException {
    Optional<Path> directory = JournalReader.directory(config);
    if (directory.isEmpty()) {
      return Optional.empty();
    }
    if (!Files.isDirectory(directory.get())) {
      throw new IOException("There is no data directory " + directory.get() + ".");
    }
    return DataDirectory.user(directory.get())
        .map(
            who ->
                directory.get() + " is in use by " + who + "; this is its journal at this moment.");
  }

  /** The configuration that the options give. */
  Config config() {
    Map<String, String> options = new HashMap<>();
    if (dataDirectory != null) {
      options.put("cairn.journal.directory", dataDirectory.toString());
    }
    if (profile != null) {
      options.put("cairn.profile", profile);
    }
    return ConfigFile.load(options, configFile);
  }
}
