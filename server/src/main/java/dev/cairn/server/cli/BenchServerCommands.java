package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.bench.ConnectionsBench;
import dev.cairn.server.bench.ProcessUsage;
import dev.cairn.server.bench.ServeBench;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The commands of {@code cairn bench} that measure a running server. */
final class BenchServerCommands {
  private BenchServerCommands() {}

  /** Which server, and what streams it has to serve. */
  static final class Load {
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
        description = "Requests that count (default: ${DEFAULT-VALUE}).")
    private int requests;

    @Option(
        names = "--warm-up",
        paramLabel = "N",
        description = "Requests before those, which do not count (default: as many as clients).")
    private Integer warmUp;

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

    private ServeBench bench(Optional<ProcessUsage> server)
        throws IOException, InterruptedException {
      DeviceBenchOptions.atLeastOne("--clients", clients);
      DeviceBenchOptions.atLeastOne("--requests", requests);
      DeviceBenchOptions.atLeastOne("--max-tokens", maxTokens);
      if (warmUp != null && warmUp < 0) {
        throw new IllegalArgumentException("--warm-up is " + warmUp + "; expected 0 or more.");
      }
      if (!"http".equals(url.getScheme()) || url.getHost() == null) {
        throw new IllegalArgumentException(
            "--url is " + url + "; expected http://HOST:PORT, without TLS.");
      }
      JsonNode model = model();
      return new ServeBench(
          new ServeBench.Settings(
              url,
              clients,
              warmUp == null ? clients : warmUp,
              requests,
              maxTokens,
              model.path("id").asText(""),
              promptTokens,
              model.path("meta").path("vocabulary_size").asInt(1000),
              server));
    }

    private JsonNode model() throws IOException, InterruptedException {
      HttpRequest request = HttpRequest.newBuilder(url.resolve("/v1/models")).build();
      try {
        String body =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        return Json.read(body).path("data").path(0);
      } catch (IOException e) {
        throw new IOException("There is no server at " + url + ": " + e + ".", e);
      }
    }
  }

  /** {@code cairn bench serve}. */
  @Command(name = "serve", description = "Measures a running server over HTTP.")
  static final class Serve implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Load load;

    @Option(
        names = "--pid",
        paramLabel = "PID",
        description = "The server's process of this machine, to measure what it takes as well.")
    private Long pid;

    @Override
    public Integer call() throws IOException, InterruptedException {
      JsonNode result = load.bench(Optional.ofNullable(pid).map(ProcessUsage::of)).run();
      BenchCommand.print(spec, result);
      return result.get("errors").asInt() == 0 ? 0 : Main.FAILED;
    }
  }

  /** {@code cairn bench connections}. */
  @Command(
      name = "connections",
      description = "Measures what streams on which nothing happens cost a running server.")
  static final class Connections implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Load load;

    @Option(
        names = "--idle",
        paramLabel = "N",
        defaultValue = "10000",
        description = "Streams on which nothing happens (default: ${DEFAULT-VALUE}).")
    private int idle;

    @Option(
        names = "--waiting",
        paramLabel = "N",
        defaultValue = "100",
        description = "Requests that they follow in turn (default: ${DEFAULT-VALUE}).")
    private int waiting;

    @Option(
        names = "--pid",
        required = true,
        paramLabel = "PID",
        description = "The server's process, which is one of this machine.")
    private long pid;

    @Override
    public Integer call() throws IOException, InterruptedException {
      DeviceBenchOptions.atLeastOne("--idle", idle);
      DeviceBenchOptions.atLeastOne("--waiting", waiting);
      ProcessUsage server = ProcessUsage.of(pid);
      ServeBench active = load.bench(Optional.of(server));
      JsonNode result = new ConnectionsBench(load.url, server).run(idle, waiting, active);
      BenchCommand.print(spec, result);
      boolean whole =
          result.get("answered").asInt() == idle
              && result.get("idle_errors").asInt() == 0
              && result.at("/active_beside_idle/errors").asInt() == 0;
      return whole ? 0 : Main.FAILED;
    }
  }
}
