package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.Config;
import dev.cairn.model.ModelFile;
import dev.cairn.server.LocalNode;
import dev.cairn.server.bench.NodeBench;
import dev.cairn.server.http.Json;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The benchmarks of {@code cairn bench} that measure a node of their own, without HTTP. */
final class BenchNodeCommands {
  private BenchNodeCommands() {}

  /** What all of them have. */
  abstract static class Common implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private NodeOptions options;

    @Option(
        names = "--repeat",
        paramLabel = "R",
        defaultValue = "3",
        description = "Measurements, after one that does not count (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Override
    public Integer call() throws IOException {
      DeviceBenchOptions.atLeastOne("--repeat", repeat);
      try (TemporaryDirectory directory = new TemporaryDirectory("cairn-bench")) {
        Config config =
            options.config(Map.of("cairn.journal.directory", directory.path().toString()));
        ModelFile model = options.readModel(directory.path());
        try (CairnMetrics metrics = new CairnMetrics();
            LoadBar bar = new LoadBar(model.spec().name());
            LocalNode node = LocalNode.start(config, model, metrics, bar)) {
          run(node, new NodeBench(node, metrics, repeat));
        }
      }
      return 0;
    }

    abstract void run(LocalNode node, NodeBench bench);

    void print(JsonNode line) {
      PrintWriter out = spec.commandLine().getOut();
      out.println(Json.write(line));
      out.flush();
    }

    static void fits(LocalNode node, String option, int tokens, int more) {
      DeviceBenchOptions.atLeastOne(option, tokens);
      if (tokens > node.maxContext() - more) {
        throw new IllegalArgumentException(
            option
                + " is "
                + tokens
                + "; expected at most "
                + (node.maxContext() - more)
                + ", because the context is "
                + node.maxContext()
                + " tokens.");
      }
    }
  }

  /** {@code cairn bench lookup}. */
  @Command(
      name = "lookup",
      description = "Measures one stream of a repetitive text, with drafts and without.")
  static final class LookUp extends Common {
    @Option(
        names = "--text",
        paramLabel = "TEXT",
        defaultValue = "He ran and ran. ",
        description = "What is repeated (default: ${DEFAULT-VALUE}).")
    private String text;

    @Option(
        names = "--prompt-tokens",
        paramLabel = "N",
        defaultValue = "64",
        description = "Tokens of the prompt (default: ${DEFAULT-VALUE}).")
    private int promptTokens;

    @Option(
        names = "--max-tokens",
        paramLabel = "N",
        defaultValue = "400",
        description = "Tokens that follow (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Override
    void run(LocalNode node, NodeBench bench) {
      fits(node, "--prompt-tokens", promptTokens, 2);
      fits(node, "--max-tokens", maxTokens, promptTokens);
      print(bench.lookUp(text, promptTokens, maxTokens));
    }
  }

  /** {@code cairn bench steps}. */
  @Command(
      name = "steps",
      description = "Measures how long the device waits between the steps of a node.")
  static final class Steps extends Common {
    @Option(
        names = "--batch",
        paramLabel = "N",
        split = ",",
        defaultValue = "1,16",
        description = "Streams at a time, one or more numbers (default: ${DEFAULT-VALUE}).")
    private List<Integer> batch;

    @Option(
        names = "--max-tokens",
        paramLabel = "N",
        defaultValue = "256",
        description = "Tokens of each stream (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Override
    void run(LocalNode node, NodeBench bench) {
      fits(node, "--max-tokens", maxTokens, 16);
      for (int size : batch) {
        DeviceBenchOptions.atLeastOne("--batch", size);
        print(bench.steps(size, maxTokens));
      }
    }
  }

  /** {@code cairn bench long-prompt}. */
  @Command(
      name = "long-prompt",
      description = "Measures how a long prompt slows down the streams that run.")
  static final class LongPrompt extends Common {
    @Option(
        names = "--streams",
        paramLabel = "N",
        defaultValue = "8",
        description = "Streams that run (default: ${DEFAULT-VALUE}).")
    private int streams;

    @Option(
        names = "--prompt-tokens",
        paramLabel = "N",
        defaultValue = "4000",
        description = "Tokens of the long prompt (default: ${DEFAULT-VALUE}).")
    private int promptTokens;

    @Override
    void run(LocalNode node, NodeBench bench) {
      DeviceBenchOptions.atLeastOne("--streams", streams);
      fits(node, "--prompt-tokens", promptTokens, 1);
      print(bench.longPrompt(streams, promptTokens));
    }
  }
}
