package dev.cairn.devcluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DevClusterTest {
  private static final Pattern SERVES =
      Pattern.compile("node-\\d serves at (http://127.0.0.1:\\d+), admin at .*");
  private static final int NODES = 3;

  @TempDir Path directory;
  private final HttpClient http = HttpClient.newHttpClient();

  private Process cluster() throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    StringTokenizer options = new StringTokenizer(System.getProperty("cairn.test.jvm", ""));
    while (options.hasMoreTokens()) {
      command.add(options.nextToken());
    }
    command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(DevCluster.class.getName());
    command.addAll(List.of("--nodes", "" + NODES, "--data-dir", directory.toString()));
    command.addAll(List.of("--base-port", "0", "--base-admin-port", "0"));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Waits until all nodes serve; returns their addresses. */
  private static List<URI> await(Process cluster) throws Exception {
    List<URI> addresses = new ArrayList<>();
    BufferedReader reader = cluster.inputReader(StandardCharsets.UTF_8);
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      Matcher matcher = SERVES.matcher(line);
      if (matcher.matches()) {
        addresses.add(URI.create(matcher.group(1)));
      }
      if (line.startsWith("Ctrl-C")) {
        return addresses;
      }
    }
    throw new AssertionError("the cluster ended with " + cluster.waitFor());
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

  private static void stop(Process cluster) throws Exception {
    List<ProcessHandle> all = cluster.descendants().toList();
    assertThat(all).as("servers and PostgreSQL").hasSizeGreaterThanOrEqualTo(NODES);
    cluster.toHandle().destroy();
    assertThat(cluster.waitFor(180, TimeUnit.SECONDS)).isTrue();
    assertThat(cluster.exitValue()).isZero();
    assertThat(all).noneMatch(ProcessHandle::isAlive);
  }

  @Test
  @DisplayName("each node serves a stream, one signal stops all, and a restart has the data")
  void startsServesAndStops() throws Exception {
    Process first = cluster();
    String id;
    try {
      List<URI> addresses = await(first);
      assertThat(addresses).hasSize(NODES);
      for (int i = 0; i < NODES; i++) {
        HttpResponse<String> reply = complete(addresses.get(i), "node-" + i);
        assertThat(reply.statusCode()).isEqualTo(200);
        assertThat(reply.body()).contains("data: [DONE]");
      }
      id = complete(addresses.get(0), "kept").headers().firstValue("X-Request-Id").orElseThrow();
      stop(first);
    } finally {
      first.destroyForcibly();
    }
    Process second = cluster();
    try {
      URI address = await(second).get(0);
      HttpResponse<String> kept =
          http.send(
              HttpRequest.newBuilder(address.resolve("/v1/requests/" + id)).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(kept.statusCode()).isEqualTo(200);
      stop(second);
    } finally {
      second.destroyForcibly();
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
