package dev.cairn.server.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line. */
@Command(
    name = "cairn",
    description = "Serves large language models; a request survives anything.",
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    resourceBundle = "dev.cairn.server.cli.Help",
    subcommands = {
      ServeCommand.class,
      GenerateCommand.class,
      TokenizeCommand.class,
      ModelCommand.class,
      DoctorCommand.class,
      BenchCommand.class,
      JournalCommand.class,
      AdminCommand.class,
      KeysCommand.class,
      ReplayCommand.class,
      CompletionCommand.class,
      WarmUpCommand.class,
      DeviceProcessCommand.class,
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:success; for serve also a stop by SIGTERM or SIGINT",
      "1:it could not be done; one sentence on standard error says why",
      "2:wrong usage",
      "3:the journal failed, and the process stopped so that nothing undurable was shown",
      "4:the journal on disk is damaged; journal verify names the records",
      "5:replay computed other tokens than the journal holds",
      "6:the cluster put this node out, because it no longer reached it",
    })
public final class Main implements Callable<Integer> {
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int JOURNAL_FAILED = 3;
  static final int JOURNAL_DAMAGED = 4;
  static final int REPLAY_DIFFERS = 5;
  static final int PUT_OUT = 6;

  @Spec private CommandSpec spec;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Shows this help.")
  private boolean help;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Shows the version.")
  private boolean version;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Shows more of the log, and where errors come from.")
  private boolean verbose;

  /** Runs a command; the process ends with its exit code. */
  public static void main(String[] args) {
    Logging.configure();
    int code = FAILED;
    try {
      code = commandLine().execute(args);
    } catch (Throwable e) {
      // An error of the JVM, as of a class that cannot be loaded: threads that run by now would
      // keep
      // alive a process that does nothing.
      e.printStackTrace();
    }
    System.exit(code);
  }

  /** The command line, for tests and {@link #main}. */
  static CommandLine commandLine() {
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.setParameterExceptionHandler(Main::wrongUsage);
    line.setExecutionExceptionHandler(
        (failure, command, result) -> main.failed(failure, command.getErr()));
    line.setExecutionStrategy(
        result -> {
          Logging.verbose(main.verbose);
          return new CommandLine.RunLast().execute(result);
        });
    return line;
  }

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "There is no command; expected one, for example: cairn serve");
  }

  private static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    command.getErr().println(e.getMessage());
    command.getErr().println("See: " + command.getCommandSpec().qualifiedName() + " --help");
    return USAGE;
  }

  private int failed(Exception failure, PrintWriter err) {
    if (verbose) {
      failure.printStackTrace(err);
    }
    Throwable cause = failure;
    while (cause.getMessage() == null && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    Help.Ansi colours = Logging.isColoured() ? Help.Ansi.ON : Help.Ansi.OFF;
    err.println(colours.new Text("@|bold,red cairn:|@ ") + message);
    return FAILED;
  }
}
