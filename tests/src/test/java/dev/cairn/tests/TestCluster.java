package dev.cairn.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Nodes of one cluster, each a process with both roles, that share a PostgreSQL. */
final class TestCluster implements AutoCloseable {
  /** Where nodes run: on this host side by side, or each on a host of its own. */
  interface Hosts {
    /** Address of a node, the same over restarts. */
    String address(int node);

    /** Port that a node's messages use. */
    int port(int node);

    /** Prefix of the command that starts it. */
    List<String> command(int node);

    /** URL of the database as a node sees it. */
    String databaseUrl();
  }

  private final Path directory;
  private final Hosts hosts;
  private final UnaryOperator<ServerProcess.Launch> options;
  private final List<Optional<ServerProcess>> nodes = new ArrayList<>();

  /**
   * @param options applied to every node's start
   */
  TestCluster(Path directory, int size, Hosts hosts, UnaryOperator<ServerProcess.Launch> options) {
    this.directory = directory;
    this.hosts = hosts;
    this.options = options;
    for (int node = 0; node < size; node++) {
      nodes.add(Optional.empty());
    }
  }

  /** Side by side on the loopback interface. */
  static Hosts sideBySide(int size, String databaseUrl) {
    List<Integer> ports = freePorts(size);
    return new Hosts() {
      @Override
      public String address(int node) {
        return "127.0.0.1";
      }

      @Override
      public int port(int node) {
        return ports.get(node);
      }

      @Override
      public List<String> command(int node) {
        return List.of();
      }

      @Override
      public String databaseUrl() {
        return databaseUrl;
      }
    };
  }

  /** Each in a network namespace of its own. */
  static Hosts apart(TestNetwork network, String databaseUrl) {
    return new Hosts() {
      @Override
      public String address(int node) {
        return network.address(node);
      }

      @Override
      public int port(int node) {
        return 7355;
      }

      @Override
      public List<String> command(int node) {
        return network.on(node);
      }

      @Override
      public String databaseUrl() {
        return databaseUrl;
      }
    };
  }

  private static List<Integer> freePorts(int count) {
    List<ServerSocket> open = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        open.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      List<Integer> ports = open.stream().map(ServerSocket::getLocalPort).toList();
      for (ServerSocket each : open) {
        each.close();
      }
      return ports;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int size() {
    return nodes.size();
  }

  /** Starts all nodes and waits until each serves. */
  TestCluster start() {
    for (int node = 0; node < size(); node++) {
      begin(node);
    }
    nodes.forEach(each -> each.orElseThrow().await());
    return this;
  }

  /** Starts a node that is not running; {@link ServerProcess#await()} waits until it serves. */
  ServerProcess begin(int node) {
    StringBuilder seeds = new StringBuilder();
    for (int seed = 0; seed < size(); seed++) {
      seeds.append(seed == 0 ? "" : ",").append(hosts.address(seed)).append(':');
      seeds.append(hosts.port(seed));
    }
    ServerProcess.Launch launch =
        options
            .apply(ServerProcess.at(directory.resolve("node-" + node)))
            .with("--profile", "cluster", "--host", hosts.address(node), "--threads", "1")
            .with("--seeds", seeds.toString(), "--cluster-port", "" + hosts.port(node))
            // Some are on hosts of their own, where the API would ask for keys.
            .set("cairn.http.keys.mode", "off")
            .set("cairn.node.host", hosts.address(node))
            .set("cairn.postgres.url", hosts.databaseUrl())
            .set("cairn.postgres.user", "postgres")
            .set("cairn.postgres.password", "postgres")
            .under(hosts.command(node));
    ServerProcess started = launch.start();
    nodes.set(node, Optional.of(started));
    return started;
  }

  ServerProcess node(int node) {
    return nodes.get(node).orElseThrow();
  }

  /** Nodes that serve now, as far as this test knows. */
  List<ServerProcess> alive() {
    return nodes.stream().flatMap(Optional::stream).filter(ServerProcess::isAlive).toList();
  }

  @Override
  public void close() {
    nodes.forEach(each -> each.ifPresent(ServerProcess::close));
  }
}
