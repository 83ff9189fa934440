package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.model.ModelFile;
import dev.cairn.server.LocalNode;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.HttpServer;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.http.RequestIds;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn serve}. */
@Command(
    name = "serve",
    description = "Serves a model over HTTP, in the form of OpenAI's API, until SIGTERM.")
final class ServeCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

  @Spec private CommandSpec spec;
  @Mixin private NodeOptions options;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address to listen on (cairn.http.host).")
  private String host;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port to listen on, 0 for a free one (cairn.http.port).")
  private Integer port;

  @Override
  public Integer call() throws InterruptedException {
    Map<String, Object> http = new LinkedHashMap<>();
    if (host != null) {
      http.put("cairn.http.host", host);
    }
    if (port != null) {
      if (port < 0 || port > 65535) {
        throw new IllegalArgumentException("--port is " + port + "; expected 0 to 65535.");
      }
      http.put("cairn.http.port", port);
    }
    Config config = options.config(http);
    ModelFile model = options.readModel(Path.of(config.getString("cairn.journal.directory")));
    CairnMetrics metrics = new CairnMetrics();
    LocalNode node;
    try (LoadBar bar = new LoadBar(model.spec().name())) {
      node = LocalNode.start(config, model, metrics, bar);
    }
    HttpServer server = bind(node, HttpSettings.from(config), metrics);
    stopOnSignal(server, node);
    exitOnJournalFailure(node);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "cairn serves %s at http://%s:%d%n",
        model.spec().name(),
        server.address().getAddress().getHostAddress(),
        server.address().getPort());
    out.flush();
    new CountDownLatch(1).await();
    return 0;
  }

  private static HttpServer bind(LocalNode node, HttpSettings settings, CairnMetrics metrics) {
    HttpApi api =
        new HttpApi(
            node,
            settings,
            metrics,
            new RequestIds(System::currentTimeMillis, new SecureRandom()),
            System::currentTimeMillis);
    try {
      return HttpServer.bind(node, api, settings).toCompletableFuture().join();
    } catch (CompletionException e) {
      node.close();
      throw new IllegalStateException(
          "Cannot listen on "
              + settings.host()
              + ":"
              + settings.port()
              + ": "
              + e.getCause().getMessage()
              + ".",
          e);
    }
  }

  /**
   * A JVM that a signal ended would exit with the signal's number, although all went well: the hook
   * that runs then ends the process itself.
   */
  private static void stopOnSignal(HttpServer server, LocalNode node) {
    Thread hook =
        new Thread(
            () -> {
              int code = 0;
              try {
                server.stop().toCompletableFuture().join();
                node.close();
              } catch (RuntimeException e) {
                LOG.error("the server did not stop in order", e);
                code = Main.FAILED;
              }
              Runtime.getRuntime().halt(code);
            },
            "cairn-stop");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private static void exitOnJournalFailure(LocalNode node) {
    node.onJournalFailure(
        cause -> {
          LOG.error(
              "the journal failed; the process ends, and goes on from it when restarted", cause);
          Runtime.getRuntime().halt(Main.JOURNAL_FAILED);
        });
  }
}
