package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.http.Json;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import dev.cairn.server.keys.KeysFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn keys}. */
@Command(
    name = "keys",
    description = "Makes and withdraws the keys of the API, in the file of its server.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      KeysCommand.New.class,
      KeysCommand.Show.class,
      KeysCommand.Revoke.class,
    })
final class KeysCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "There is no command; expected new, list or revoke, for example: cairn keys new ci --tenant"
            + " acme");
  }

  /** Where the file is. */
  static final class FileOptions {
    @Mixin private JournalOptions options;

    @Option(
        names = "--keys-file",
        paramLabel = "FILE",
        description = "The file (cairn.http.keys.file; by default api.keys in --data-dir).")
    private Path file;

    KeysFile<ApiKey> keys() {
      return ApiKey.file(
          file != null ? file : Path.of(options.config().getString("cairn.http.keys.file")));
    }
  }

  /** {@code cairn keys new}. */
  @Command(
      name = "new",
      description =
          "Makes a key, shows it once and writes its hash to the file. A running server takes it at"
              + " once; the first one makes it ask everybody for a key.")
  static final class New implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private FileOptions file;

    @Parameters(paramLabel = "NAME", description = "Who gets it; the server's log shows the name.")
    private String name;

    @Option(
        names = "--tenant",
        paramLabel = "TENANT",
        description = "Whose requests its owner makes (default: NAME).")
    private String tenant;

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        defaultValue = "user",
        description =
            "viewer looks at the tenant's requests, user makes them, admin does so for every tenant"
                + " (default: ${DEFAULT-VALUE}).")
    private String role;

    @Option(
        names = "--requests-per-minute",
        paramLabel = "N",
        description = "Calls that make requests, on each gateway; 0: any.")
    private long requestsPerMinute;

    @Option(
        names = "--tokens-per-minute",
        paramLabel = "N",
        description = "Tokens that these ask for, on each gateway; 0: any.")
    private long tokensPerMinute;

    @Option(
        names = "--weight",
        paramLabel = "X",
        description = "The tenant's part of a device's time; 0: as cairn.tenants says.")
    private double weight;

    @Override
    public Integer call() throws IOException {
      ApiRole allowed = ApiRole.of(role);
      FreshKey.handOut(
          spec,
          file.keys(),
          key ->
              new ApiKey(
                  name,
                  allowed,
                  KeyText.hash(key),
                  tenant == null ? name : tenant,
                  requestsPerMinute,
                  tokensPerMinute,
                  weight),
          "Clients send it as Authorization: Bearer.");
      return 0;
    }
  }

  /** {@code cairn keys revoke}. */
  @Command(name = "revoke", description = "Withdraws a key; a running server refuses it at once.")
  static final class Revoke implements Callable<Integer> {
    @Mixin private FileOptions file;

    @Parameters(paramLabel = "NAME", description = "Whose key it is.")
    private String name;

    @Override
    public Integer call() throws IOException {
      file.keys().remove(name);
      return 0;
    }
  }

  /** {@code cairn keys list}. */
  @Command(name = "list", description = "Lists the keys, without what they are.")
  static final class Show implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private FileOptions file;

    @Option(names = "--json", description = "Prints one object a line.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      PrintWriter out = spec.commandLine().getOut();
      Table table = new Table("NAME", "ROLE", "TENANT", "REQUESTS/MIN", "TOKENS/MIN", "WEIGHT");
      for (ApiKey key : file.keys().read()) {
        if (json) {
          ObjectNode object =
              Json.object()
                  .put("name", key.name())
                  .put("role", key.role().text())
                  .put("tenant", key.tenant())
                  .put("requests_per_minute", key.requestsPerMinute())
                  .put("tokens_per_minute", key.tokensPerMinute())
                  .put("weight", key.weight());
          out.println(Json.write(object));
          continue;
        }
        table.row(
            key.name(),
            key.role().text(),
            key.tenant(),
            key.requestsPerMinute() == 0 ? "any" : "" + key.requestsPerMinute(),
            key.tokensPerMinute() == 0 ? "any" : "" + key.tokensPerMinute(),
            key.weight() == 0 ? "-" : "" + key.weight());
      }
      if (!json) {
        table.print(out);
      }
      out.flush();
      return 0;
    }
  }
}
