package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.admin.AdminKey;
import dev.cairn.server.admin.AdminRole;
import dev.cairn.server.http.Json;
import dev.cairn.server.keys.KeysFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn admin keys}. */
@Command(
    name = "keys",
    description = "Makes and withdraws the keys of the admin port, in the file of its server.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      AdminKeysCommand.Add.class,
      AdminKeysCommand.Remove.class,
      AdminKeysCommand.Show.class,
    })
final class AdminKeysCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "There is no command; expected add, remove or list");
  }

  /** Where the file is. */
  static final class FileOptions {
    @Mixin private JournalOptions options;

    @Option(
        names = "--keys-file",
        paramLabel = "FILE",
        description = "The file (cairn.admin.keys-file; by default admin.keys in --data-dir).")
    private Path file;

    KeysFile<AdminKey> keys() {
      return AdminKey.file(
          file != null ? file : Path.of(options.config().getString("cairn.admin.keys-file")));
    }
  }

  /** {@code cairn admin keys add}. */
  @Command(
      name = "add",
      description =
          "Makes a key, shows it once and writes its hash to the file. A running server takes it at"
              + " once.")
  static final class Add implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private FileOptions file;

    @Parameters(paramLabel = "NAME", description = "Who gets it; the server's log shows the name.")
    private String name;

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        required = true,
        description = "viewer may look, admin may change as well.")
    private String role;

    @Override
    public Integer call() throws IOException {
      AdminRole allowed = AdminRole.of(role);
      FreshKey.handOut(
          spec, file.keys(), key -> AdminKey.of(name, allowed, key), "Use it as CAIRN_ADMIN_KEY.");
      return 0;
    }
  }

  /** {@code cairn admin keys remove}. */
  @Command(name = "remove", description = "Withdraws a key; a running server refuses it at once.")
  static final class Remove implements Callable<Integer> {
    @Mixin private FileOptions file;

    @Parameters(paramLabel = "NAME", description = "Whose key it is.")
    private String name;

    @Override
    public Integer call() throws IOException {
      file.keys().remove(name);
      return 0;
    }
  }

  /** {@code cairn admin keys list}. */
  @Command(name = "list", description = "Lists the names and roles of the keys.")
  static final class Show implements Callable<Integer> {
    private static final String ROW = "%-30s  %s%n";

    @Spec private CommandSpec spec;
    @Mixin private FileOptions file;

    @Option(names = "--json", description = "Prints one object a line.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      PrintWriter out = spec.commandLine().getOut();
      List<AdminKey> keys = file.keys().read();
      if (!json) {
        out.printf(ROW, "NAME", "ROLE");
      }
      for (AdminKey key : keys) {
        if (json) {
          ObjectNode object = Json.object().put("name", key.name()).put("role", key.role().text());
          out.println(Json.write(object));
        } else {
          out.printf(ROW, key.name(), key.role().text());
        }
      }
      out.flush();
      return 0;
    }
  }
}
