package dev.cairn.devcluster;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.StringTokenizer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DevClusterTest {
  private static final Pattern SERVES =
      Pattern.compile("node-\\d serves at (http://127.0.0.1:\\d+), admin at .*");
  private static final Pattern TEXT = Pattern.compile("\"text\":\"((?:[^\"\\\\]|\\\\.)*)\"");
  private static final int NODES = 3;
  private static final long MOST_SECONDS = 400;

  @TempDir Path directory;
  private final HttpClient http = HttpClient.newHttpClient();

  private Process cluster(String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    StringTokenizer jvm = new StringTokenizer(System.getProperty("cairn.test.jvm", ""));
    while (jvm.hasMoreTokens()) {
      command.add(jvm.nextToken());
    }
    command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(DevCluster.class.getName());
    command.addAll(List.of("--nodes", "" + NODES, "--data-dir", directory.toString()));
    command.addAll(List.of("--base-port", "0", "--base-admin-port", "0"));
    command.addAll(List.of(options));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Waits until all nodes serve; returns their addresses. */
  private static List<URI> await(Process cluster) throws Exception {
    return CompletableFuture.supplyAsync(() -> addresses(cluster))
        .get(MOST_SECONDS, TimeUnit.SECONDS);
  }

  private static List<URI> addresses(Process cluster) {
    List<URI> addresses = new ArrayList<>();
    Iterator<String> lines = cluster.inputReader(StandardCharsets.UTF_8).lines().iterator();
    while (lines.hasNext()) {
      String line = lines.next();
      Matcher matcher = SERVES.matcher(line);
      if (matcher.matches()) {
        addresses.add(URI.create(matcher.group(1)));
      }
      if (line.startsWith("Ctrl-C")) {
        return addresses;
      }
    }
    throw new AssertionError("the cluster ended before all nodes served");
  }

  private HttpResponse<String> complete(URI address, String key) throws Exception {
    return http.send(
        HttpRequest.newBuilder(address.resolve("/v1/completions"))
            .header("content-type", "application/json")
            .header("Idempotency-Key", key)
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\":\"Once\",\"max_tokens\":8,\"temperature\":0,\"stream\":true}"))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> get(URI address, String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(address.resolve(path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** What belongs to the cluster beside its first process: servers, PostgreSQL and its guard. */
  private List<ProcessHandle> others(Process cluster) throws Exception {
    List<ProcessHandle> others = new ArrayList<>(cluster.descendants().toList());
    assertThat(others).as("servers and a guard").hasSizeGreaterThanOrEqualTo(NODES + 1);
    others.add(ProcessHandle.of(PostgresGuard.pid(directory.resolve("postgres"))).orElseThrow());
    return others;
  }

  /** The process that serves at an address. */
  private static Optional<ProcessHandle> server(Process cluster, URI address) {
    String port = "--port " + address.getPort() + " ";
    return cluster.descendants().filter(each -> commandLine(each).contains(port)).findFirst();
  }

  private static String commandLine(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline")).replace('\0', ' ');
    } catch (IOException e) {
      return "";
    }
  }

  private void awaitServing(URI address) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
    int status = 0;
    while (status != 200) {
      assertThat(System.nanoTime()).as("it serves again").isLessThan(deadline);
      try {
        status = get(address, "/health/ready").statusCode();
      } catch (IOException e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
      }
    }
  }

  private static void awaitEnds(List<ProcessHandle> processes) throws Exception {
    for (ProcessHandle process : processes) {
      process.onExit().get(MOST_SECONDS, TimeUnit.SECONDS);
    }
  }

  /** The whole text of a stream, however it is cut into events. */
  private static String text(String events) {
    return TEXT.matcher(events).results().map(match -> match.group(1)).collect(joining());
  }

  @Test
  @DisplayName(
      "each node serves a stream that the others can read, one signal stops all, a restart has the"
          + " data, a server that was killed is started again, and SIGKILL leaves nothing behind")
  void startsServesAndStops() throws Exception {
    Process first = cluster();
    List<ProcessHandle> servers = List.of();
    String id = "";
    String text = "";
    try {
      List<URI> addresses = await(first);
      assertThat(addresses).hasSize(NODES);
      for (int i = 0; i < NODES; i++) {
        HttpResponse<String> reply = complete(addresses.get(i), "node-" + i);
        assertThat(reply.statusCode()).isEqualTo(200);
        assertThat(reply.body()).contains("data: [DONE]");
        id = reply.headers().firstValue("X-Request-Id").orElseThrow();
        text = text(reply.body());
        assertThat(text).isNotEmpty();
        String path = "/v1/requests/" + id + "/stream";
        HttpResponse<String> elsewhere = get(addresses.get((i + 1) % NODES), path);
        assertThat(elsewhere.statusCode()).isEqualTo(200);
        assertThat(text(elsewhere.body())).isEqualTo(text);
      }
      servers = others(first);
      first.toHandle().destroy();
      assertThat(first.waitFor(MOST_SECONDS, TimeUnit.SECONDS)).isTrue();
      assertThat(first.exitValue()).isZero();
      assertThat(servers).noneMatch(ProcessHandle::isAlive);
    } finally {
      first.destroyForcibly();
      awaitEnds(servers);
    }
    Process second = cluster("--restart");
    try {
      URI address = await(second).get(0);
      HttpResponse<String> kept = get(address, "/v1/requests/" + id + "/stream");
      assertThat(kept.statusCode()).isEqualTo(200);
      assertThat(text(kept.body())).isEqualTo(text);
      ProcessHandle killed = server(second, address).orElseThrow();
      killed.destroyForcibly();
      killed.onExit().get(MOST_SECONDS, TimeUnit.SECONDS);
      awaitServing(address);
      assertThat(server(second, address)).get().isNotEqualTo(killed);
      servers = others(second);
      assertThat(servers).allMatch(ProcessHandle::isAlive);
    } finally {
      second.destroyForcibly();
      awaitEnds(servers);
    }
  }

  @Test
  @DisplayName("a port that is taken is named, with the option that chooses another")
  void takenPort() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertThatThrownBy(() -> Ports.from(port, 1, "--base-port"))
          .hasMessage(
              "Port "
                  + port
                  + " is taken; choose others with --base-port N, or any free ones with --base-port"
                  + " 0.");
    }
    assertThat(Ports.from(0, 3, "--base-port")).doesNotHaveDuplicates().hasSize(3);
  }
}
