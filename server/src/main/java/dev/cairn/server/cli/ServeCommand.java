package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.model.ModelFile;
import dev.cairn.persistence.RequestIds;
import dev.cairn.server.LocalNode;
import dev.cairn.server.admin.AdminPlane;
import dev.cairn.server.admin.AdminSettings;
import dev.cairn.server.admin.DashboardRoutes;
import dev.cairn.server.admin.DashboardSettings;
import dev.cairn.server.http.ClientAccess;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.HttpServer;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.isolation.DeviceProcess;
import dev.cairn.server.isolation.Isolation;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
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

  @Option(
      names = "--admin-port",
      paramLabel = "N",
      description = "Port for operators, 0 for a free one, -1 for none (cairn.admin.port).")
  private Integer adminPort;

  @Option(
      names = "--profile",
      completionCandidates = Candidates.Profiles.class,
      paramLabel = "NAME",
      description =
          "single (one gateway, RocksDB) or cluster (any number, PostgreSQL: cairn.postgres)"
              + " (cairn.profile).")
  private String profile;

  @Option(
      names = "--roles",
      split = ",",
      completionCandidates = Candidates.Roles.class,
      paramLabel = "ROLE",
      description = "gateway, device or both (cairn.node.roles).")
  private List<String> roles;

  @Option(
      names = "--seeds",
      split = ",",
      paramLabel = "HOST:PORT",
      description = "Members of the cluster to join (cairn.cluster.seeds).")
  private List<String> seeds;

  @Option(
      names = "--cluster-port",
      paramLabel = "N",
      description = "Port for the other nodes, 0 for a free one (cairn.node.port).")
  private Integer clusterPort;

  @Option(
      names = "--isolate-device",
      description =
          "Runs the device in a process of its own, which is started again when it fails"
              + " (cairn.isolation.enabled).")
  private boolean isolateDevice;

  @Option(
      names = "--log-format",
      completionCandidates = Candidates.LogFormats.class,
      paramLabel = "FORMAT",
      description = "text, or json: one object a line (cairn.log.format).")
  private String logFormat;

  @Option(
      names = "--end-with-input",
      hidden = true,
      description = "Ends at once when standard input ends; for a process that starts servers.")
  private boolean endWithInput;

  @Override
  public Integer call() throws InterruptedException {
    if (endWithInput) {
      ParentProcess.endWith(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }
    Map<String, Object> http = new LinkedHashMap<>();
    if (host != null) {
      http.put("cairn.http.host", host);
    }
    putPort(http, "--port", "cairn.http.port", port);
    putAdminPort(http);
    putPort(http, "--cluster-port", "cairn.node.port", clusterPort);
    if (profile != null) {
      http.put("cairn.profile", profile);
    }
    if (roles != null) {
      http.put("cairn.node.roles", roles);
    }
    if (seeds != null) {
      http.put("cairn.cluster.seeds", seeds);
    }
    if (logFormat != null) {
      http.put("cairn.log.format", logFormat);
    }
    if (isolateDevice) {
      http.put("cairn.isolation.enabled", true);
    }
    Config config = Isolation.gateway(options.config(http));
    DashboardSettings dashboard = DashboardSettings.from(config);
    ModelFile model = options.readModel(Path.of(config.getString("cairn.journal.directory")));
    CairnMetrics metrics = new CairnMetrics(config.getInt("cairn.metrics.max-tenants"));
    LocalNode node;
    try (LoadBar bar = new LoadBar(model.spec().name())) {
      node = LocalNode.start(config, model, metrics, bar);
    }
    HttpSettings settings = HttpSettings.from(config);
    RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());
    List<HttpServer> servers = new ArrayList<>();
    if (node.isGateway()) {
      HttpApi api =
          HttpApi.forClients(
                  node,
                  settings,
                  metrics,
                  ids,
                  System::currentTimeMillis,
                  access(node, config, metrics))
              .with(DashboardRoutes.of(node, dashboard)::addTo);
      servers.add(bind(node, api, settings, "--port"));
    }
    Optional<HttpServer> operators = bindOperators(node, config, metrics, ids);
    operators.ifPresent(servers::add);
    Optional<DeviceProcess> device = Isolation.process(node, config, System.err);
    AtomicBoolean stopping = new AtomicBoolean();
    stopOnSignal(servers, device, node, stopping);
    exitOnJournalFailure(node);
    exitWhenPutOut(node, stopping);
    device.ifPresent(process -> process.start().toCompletableFuture().join());
    PrintWriter out = spec.commandLine().getOut();
    if (node.isGateway()) {
      out.printf("cairn serves %s at %s%n", model.spec().name(), url(servers.get(0).address()));
    } else {
      out.printf("cairn runs %s for its cluster%n", model.spec().name());
    }
    operators.ifPresent(server -> out.printf("cairn admin at %s%n", url(server.address())));
    out.flush();
    new CountDownLatch(1).await();
    return 0;
  }

  private static ClientAccess access(LocalNode node, Config config, CairnMetrics metrics) {
    try {
      ClientAccess access = ClientAccess.from(config, node.model().name(), System::nanoTime);
      metrics.apiKeys(access.keys());
      return access;
    } catch (UncheckedIOException | IllegalArgumentException e) {
      node.close();
      throw e;
    }
  }

  private static Optional<HttpServer> bindOperators(
      LocalNode node, Config config, CairnMetrics metrics, RequestIds ids) {
    AdminSettings settings = AdminSettings.from(config);
    if (!settings.isOn()) {
      return Optional.empty();
    }
    HttpSettings http = HttpSettings.forOperators(config);
    try {
      AdminPlane plane = new AdminPlane(node, settings);
      HttpApi api = HttpApi.forOperators(node, http, metrics, ids, plane);
      return Optional.of(bind(node, api, http, "--admin-port, or -1 for none"));
    } catch (UncheckedIOException e) {
      node.close();
      throw e;
    }
  }

  private static String url(InetSocketAddress address) {
    String host = address.getAddress().getHostAddress();
    return "http://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort();
  }

  private void putAdminPort(Map<String, Object> options) {
    if (adminPort != null && adminPort == -1) {
      options.put("cairn.admin.port", adminPort);
    } else {
      putPort(options, "--admin-port", "cairn.admin.port", adminPort);
    }
  }

  private static void putPort(Map<String, Object> http, String option, String key, Integer port) {
    if (port != null) {
      if (port < 0 || port > 65535) {
        throw new IllegalArgumentException(option + " is " + port + "; expected 0 to 65535.");
      }
      http.put(key, port);
    }
  }

  private static HttpServer bind(
      LocalNode node, HttpApi api, HttpSettings settings, String option) {
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
              + reason(e)
              + "; choose another port with "
              + option
              + ".",
          e);
    }
  }

  /** What the system says, without the words that Pekko puts round it. */
  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage()).replaceFirst("^\\[.*] ", "");
  }

  /**
   * A JVM that a signal ended would exit with the signal's number, although all went well: the hook
   * that runs then ends the process itself.
   */
  private static void stopOnSignal(
      List<HttpServer> servers,
      Optional<DeviceProcess> device,
      LocalNode node,
      AtomicBoolean stopping) {
    Thread hook =
        new Thread(
            () -> {
              stopping.set(true);
              int code = 0;
              try {
                // Ports stay open meanwhile: who asks is told to go elsewhere.
                node.drain();
                servers.stream()
                    .map(HttpServer::stop)
                    .toList()
                    .forEach(stopped -> stopped.toCompletableFuture().join());
                device.ifPresent(DeviceProcess::close);
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

  /**
   * A node whose side of a partition lost is out of its cluster for good: whoever started the
   * process starts it again, and it joins anew.
   */
  private static void exitWhenPutOut(LocalNode node, AtomicBoolean stopping) {
    node.whenTerminated()
        .thenRun(
            () -> {
              if (!stopping.get()) {
                LOG.error(
                    "the cluster goes on without this node, which it no longer reached; the process"
                        + " ends, and joins again when restarted");
                Runtime.getRuntime().halt(Main.PUT_OUT);
              }
            });
  }
}
