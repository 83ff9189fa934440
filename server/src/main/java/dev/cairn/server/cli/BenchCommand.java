package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cairn.model.ModelFile;
import dev.cairn.server.bench.DeviceBench;
import dev.cairn.server.bench.SchedulerBench;
import dev.cairn.server.bench.ServeBench;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
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
      BenchCommand.Serve.class,
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
        "There is no benchmark; expected serve, device, journal, scheduler, steps, long-prompt,"
            + " lookup, grammar, or by way of bin/cairn peer");
  }

  private static void print(CommandSpec spec, JsonNode line) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(Json.write(line));
    out.flush();
  }

  /** {@code cairn bench serve}. */
  @Command(name = "serve", description = "Measures a running server over HTTP.")
  static final class Serve implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
        names = "--url",
        paramLabel = "URL",
        defaultValue = "http://127.0.0.1:8080",
        description = "The server (default: ${DEFAULT-VALUE}).")
    private URI url;

    @Option(
        names = "--clients",
        paramLabel = "N",
        defaultValue = "16",
        description = "Requests at a time (default: ${DEFAULT-VALUE}).")
    private int clients;

    @Option(
        names = "--requests",
        paramLabel = "N",
        defaultValue = "64",
        description = "Requests in all (default: ${DEFAULT-VALUE}).")
    private int requests;

    @Option(
        names = "--max-tokens",
        paramLabel = "N",
        defaultValue = "128",
        description = "Tokens of each request (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
        names = "--prompt-tokens",
        paramLabel = "N",
        defaultValue = "0",
        description = "Tokens of each prompt, drawn at random; 0: a short text.")
    private int promptTokens;

    @Override
    public Integer call() throws IOException, InterruptedException {
      DeviceBenchOptions.atLeastOne("--clients", clients);
      DeviceBenchOptions.atLeastOne("--requests", requests);
      DeviceBenchOptions.atLeastOne("--max-tokens", maxTokens);
      if (!"http".equals(url.getScheme()) || url.getHost() == null) {
        throw new IllegalArgumentException(
            "--url is " + url + "; expected http://HOST:PORT, without TLS.");
      }
      JsonNode model = model();
      ServeBench.Settings settings =
          new ServeBench.Settings(
              url,
              clients,
              requests,
              maxTokens,
              model.path("id").asText(""),
              promptTokens,
              model.path("meta").path("vocabulary_size").asInt(1000));
      JsonNode result = new ServeBench(settings).run();
      print(spec, result);
      return result.get("errors").asInt() == 0 ? 0 : Main.FAILED;
    }

    private JsonNode model() throws IOException, InterruptedException {
      HttpRequest request = HttpRequest.newBuilder(url.resolve("/v1/models")).build();
      try {
        String body =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        return new ObjectMapper().readTree(body).path("data").path(0);
      } catch (IOException e) {
        throw new IOException("There is no server at " + url + ": " + e + ".", e);
      }
    }
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
