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
      AdminRequestCommands.ListRequests.class,
      AdminRequestCommands.Show.class,
      AdminRequestCommands.Pause.class,
      AdminRequestCommands.Resume.class,
      AdminRequestCommands.Cancel.class,
      AdminRequestCommands.Priority.class,
      AdminClusterCommands.Nodes.class,
      AdminClusterCommands.Drain.class,
      AdminClusterCommands.Undrain.class,
      AdminClusterCommands.Tenants.class,
      AdminClusterCommands.Journals.class,
      AdminClusterCommands.Demands.class,
      AdminPauseCommands.Show.class,
      AdminPauseCommands.PauseTenant.class,
      AdminPauseCommands.ResumeTenant.class,
      AdminPauseCommands.PauseDevice.class,
      AdminPauseCommands.ResumeDevice.class,
      AdminKeysCommand.class,
      AdminTopCommand.class,
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
