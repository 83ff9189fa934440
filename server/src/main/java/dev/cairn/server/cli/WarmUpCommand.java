package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.model.ModelFile;
import dev.cairn.persistence.RequestIds;
import dev.cairn.server.LocalNode;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.http.ClientAccess;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.HttpServer;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * {@code cairn warm-up}: starts, answers one request over HTTP and stops. {@code bin/cairn} runs it
 * once to let the JVM archive the classes that a server needs.
 */
@Command(name = "warm-up", hidden = true, description = "Starts, answers one request and stops.")
final class WarmUpCommand implements Callable<Integer> {
  @Mixin private NodeOptions options;

  @Override
  public Integer call() throws IOException, InterruptedException {
    try (TemporaryDirectory directory = new TemporaryDirectory("cairn-warm-up")) {
      Config config =
          options.config(
              Map.of(
                  "cairn.journal.directory",
                  directory.path().toString(),
                  "cairn.http.port",
                  0,
                  "cairn.http.stop-timeout",
                  "100 ms"));
      ModelFile model = options.readModel(directory.path());
      HttpSettings settings = HttpSettings.from(config);
      try (CairnMetrics metrics = new CairnMetrics();
          NodeHandle node = LocalNode.start(config, model, metrics)) {
        RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());
        HttpApi api =
            HttpApi.forClients(
                node,
                settings,
                metrics,
                ids,
                System::currentTimeMillis,
                ClientAccess.from(config, model.spec().name(), System::nanoTime));
        HttpServer server = HttpServer.bind(node, api, settings).toCompletableFuture().join();
        int status = complete(server.address().getPort());
        server.stop().toCompletableFuture().join();
        return status == 200 ? 0 : Main.FAILED;
      }
    }
  }

  private static int complete(int port) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/completions"))
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\":\"Once\",\"max_tokens\":4,\"stream\":true}"))
            .build();
    return HttpClient.newHttpClient()
        .send(request, HttpResponse.BodyHandlers.ofString())
        .statusCode();
  }
}
