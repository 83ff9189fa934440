package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.ModelFile;
import dev.cairn.server.bench.DeviceBench;
import dev.cairn.server.bench.SchedulerBench;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn bench}. */
@Command(
    name = "bench",
    description = "Measures; prints one JSON object a line.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      BenchServerCommands.Serve.class,
      BenchServerCommands.Connections.class,
      BenchCommand.DeviceAlone.class,
      BenchJournalCommand.class,
      BenchCommand.Scheduler.class,
      BenchNodeCommands.Steps.class,
      BenchNodeCommands.LongPrompt.class,
      BenchNodeCommands.LookUp.class,
      BenchGrammarCommand.class
    })
final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "There is no benchmark; expected serve, connections, device, journal, scheduler, steps,"
            + " long-prompt, lookup, grammar, or by way of bin/cairn peer");
  }

  static void print(CommandSpec spec, JsonNode line) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(Json.write(line));
    out.flush();
  }

  /** {@code cairn bench device}. */
  @Command(name = "device", description = "Measures the device alone, by batch size.")
  static final class DeviceAlone implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private DeviceBenchOptions options;

    @Override
    public Integer call() throws IOException {
      DeviceBench.Settings settings = options.settings();
      try (TemporaryDirectory directory = new TemporaryDirectory("cairn-bench")) {
        ModelFile model = options.readModel(directory.path());
        DeviceBench bench = DeviceBenchOptions.of(settings, model);
        for (int size : options.batch()) {
          try (LoadBar bar = new LoadBar(model.spec().name())) {
            print(spec, bench.run(size, bar));
          }
        }
      }
      return 0;
    }
  }

  /** {@code cairn bench scheduler}. */
  @Command(
      name = "scheduler",
      description = "Measures the scheduling core alone, by how many requests wait.")
  static final class Scheduler implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
        names = "--queued",
        paramLabel = "N",
        split = ",",
        defaultValue = "100,10000,100000",
        description = "Requests that wait (default: ${DEFAULT-VALUE}).")
    private List<Integer> queued;

    @Option(
        names = "--tenants",
        paramLabel = "N",
        defaultValue = "16",
        description = "Tenants that they belong to (default: ${DEFAULT-VALUE}).")
    private int tenants;

    @Override
    public Integer call() {
      DeviceBenchOptions.atLeastOne("--tenants", tenants);
      queued.forEach(size -> DeviceBenchOptions.atLeastOne("--queued", size));
      // What runs first would be measured while it is still being compiled.
      new SchedulerBench(queued.get(0), tenants).run();
      for (int size : queued) {
        print(spec, new SchedulerBench(size, tenants).run());
      }
      return 0;
    }
  }
}
