package dev.cairn.server.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn admin}. */
@Command(
    name = "admin",
    description = "Looks after running servers, through the admin port of any of them.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      AdminKeysCommand.class,
    })
final class AdminCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "There is no command; expected "
            + String.join(", ", spec.subcommands().keySet())
            + ", for example: cairn admin nodes");
  }
}
