package dev.cairn.server.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn journal}. */
@Command(
    name = "journal",
    description = "Reads the journal, and changes nothing in it; a server may be running.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      JournalListCommand.class,
      JournalShowCommand.class,
      JournalVerifyCommand.class,
      JournalExportCommand.class,
    })
final class JournalCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "There is no command; expected list, show, verify or export");
  }
}
