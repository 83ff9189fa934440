package dev.cairn.devcluster;

import dev.cairn.postgres.LocalPostgres;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import sun.misc.Signal;

/** {@code cairn dev-cluster}: servers of one cluster and their PostgreSQL, on this machine. */
@Command(
    name = "cairn dev-cluster",
    mixinStandardHelpOptions = true,
    description = "Runs a cluster on this machine, with a PostgreSQL of its own, until Ctrl-C.")
public final class DevCluster implements Callable<Integer> {
  private static final String DATABASE = "cairn";
  private static final int MAX_NODES = 16;

  @Option(names = "--nodes", defaultValue = "3", paramLabel = "N", description = "Servers.")
  private int nodes;

  @Option(
      names = "--data-dir",
      defaultValue = "cairn-dev-cluster",
      paramLabel = "DIR",
      description = "What is kept from one start to the next; ${DEFAULT-VALUE}.")
  private Path dataDirectory;

  @Option(
      names = "--base-port",
      defaultValue = "8080",
      paramLabel = "N",
      description = "Port of the first API, the others follow; 0: any free ones.")
  private int basePort;

  @Option(
      names = "--base-admin-port",
      defaultValue = "8558",
      paramLabel = "N",
      description = "Port of the first node's operators, the others follow; 0: any free ones.")
  private int baseAdminPort;

  @Option(
      names = "--model",
      paramLabel = "FILE",
      description = "GGUF file; else the bundled model.")
  private Path model;

  @Option(names = "--restart", description = "Starts a server again that ended by itself.")
  private boolean restart;

  private final PrintStream out = System.out;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  /** Runs the cluster; the process ends with its exit code. */
  public static void main(String[] args) {
    CommandLine line = new CommandLine(new DevCluster());
    line.setExecutionExceptionHandler(
        (failure, command, result) -> {
          System.err.println("cairn: " + failure.getMessage());
          return 1;
        });
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (nodes < 1 || nodes > MAX_NODES) {
      throw new IllegalArgumentException(
          "--nodes is " + nodes + "; expected 1 to " + MAX_NODES + ".");
    }
    List<Integer> apis = Ports.from(basePort, nodes, "--base-port");
    List<Integer> admins = Ports.from(baseAdminPort, nodes, "--base-admin-port");
    List<Integer> clusters = Ports.from(0, nodes, "");
    // With hooks alone PostgreSQL's own would end it before the servers have stopped.
    for (String signal : List.of("INT", "TERM", "HUP")) {
      Signal.handle(new Signal(signal), caught -> stopped.complete(null));
    }
    out.println("PostgreSQL starts");
    List<LocalServer> servers = new ArrayList<>();
    Path database = dataDirectory.toAbsolutePath().resolve("postgres");
    LocalPostgres postgres = LocalPostgres.start(database, 0);
    // The last one is closed first: the guard waits for the end of what has been told to stop.
    try (PostgresGuard guard = PostgresGuard.of(database);
        postgres) {
      postgres.createDatabase(DATABASE);
      for (int i = 0; i < nodes; i++) {
        servers.add(server(i, apis, admins, clusters, postgres.url(DATABASE)));
      }
      boolean serving = serve(servers, apis, admins);
      out.println("the servers stop");
      for (int i = servers.size() - 1; i >= 0; i--) {
        servers.get(i).stop();
      }
      out.println("PostgreSQL stops");
      return serving ? 0 : 1;
    }
  }

  private LocalServer server(
      int i, List<Integer> apis, List<Integer> admins, List<Integer> clusters, String url) {
    // Several servers on a machine that has other things to do stand still for longer than two
    // seconds, and must not be taken for dead.
    List<String> flags =
        List.of(
            "-Dcairn.terminal=false",
            "-Dcairn.profile=cluster",
            "-Dpekko.cluster.failure-detector.acceptable-heartbeat-pause=10s");
    List<String> seeds = clusters.stream().map(port -> "127.0.0.1:" + port).toList();
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "serve",
                "--end-with-input",
                "--port",
                "" + apis.get(i),
                "--admin-port",
                "" + admins.get(i),
                "--cluster-port",
                "" + clusters.get(i),
                "--seeds",
                String.join(",", seeds),
                "--data-dir",
                dataDirectory.toAbsolutePath().resolve("node-" + (i + 1)).toString()));
    if (model != null) {
      arguments.addAll(List.of("--model", model.toString()));
    }
    Map<String, String> environment =
        Map.of(
            "CAIRN_POSTGRES_URL",
            url,
            "CAIRN_POSTGRES_USER",
            LocalPostgres.USER,
            "CAIRN_POSTGRES_PASSWORD",
            "");
    return new LocalServer(
        "node-" + (i + 1), flags, arguments, environment, restart, out, System.err);
  }

  /**
   * Starts the servers, the first one before the others, for it forms the cluster, and waits for a
   * signal or for all of them to end.
   *
   * @return whether it was a signal
   */
  private boolean serve(List<LocalServer> servers, List<Integer> apis, List<Integer> admins) {
    for (int i = 0; i < servers.size(); i++) {
      CompletableFuture<Boolean> started = servers.get(i).start();
      CompletableFuture.anyOf(started, stopped).join();
      if (stopped.isDone()) {
        return true;
      }
      if (started.join()) {
        out.printf(
            "node-%d serves at http://127.0.0.1:%d, admin at http://127.0.0.1:%d%n",
            i + 1, apis.get(i), admins.get(i));
      }
    }
    CompletableFuture.allOf(
            servers.stream().map(LocalServer::whenEnded).toArray(CompletableFuture[]::new))
        .thenRun(() -> stopped.complete(null));
    out.println("Ctrl-C stops the cluster");
    stopped.join();
    return servers.stream().anyMatch(server -> !server.whenEnded().isDone());
  }
}
