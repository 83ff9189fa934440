package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cairn.server.admin.AdminNode;
import dev.cairn.server.admin.AdminRole;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class AdminTopTest {
  @TempDir Path directory;

  private static JsonNode list(String... rows) {
    try {
      return new ObjectMapper()
          .readTree(
              ("{'data':[" + String.join(",", rows) + "],'unanswered':[]}").replace('\'', '"'));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String node(String name, boolean ready) {
    return "{'node':'"
        + name
        + "','reachable':true,'answers':true,'draining':false,'ready':"
        + ready
        + ",'device':{'name':'cpu-0','running':3,'queued':1,'slots_used':4,'slots':80,"
        + "'kv_tokens':1000,'kv_tokens_used':250,'tokens_per_second':412.4}}";
  }

  private static String tenant(String name, boolean demoted, boolean paused) {
    return "{'tenant':'"
        + name
        + "','accepted':1,'assigned':2,'paused':3,'running':2,'queued':5,'remaining_tokens':77,"
        + "'budget_tokens':10,'spent_tokens':12,'demoted':"
        + demoted
        + ",'tenant_paused':"
        + paused
        + "}";
  }

  private static String journal(String node, int commits) {
    return "{'node':'"
        + node
        + "','commits':"
        + commits
        + ",'events':"
        + commits * 3
        + ",'queue_depth':0,'last_commit_seconds':0.0021,'disk_bytes':2097152,'disk_full':false,"
        + "'failure':''}";
  }

  private static TopReading reading(int second, int commits) {
    return new TopReading(
        TimeUnit.SECONDS.toNanos(second),
        list(node("a:1", true), node("b:1", false)),
        list(tenant("acme", false, true), tenant("small", true, false)),
        list(journal("a:1", commits)));
  }

  @Test
  @DisplayName("requests by state, devices with their KV, tenants and the rates of journals")
  void plain() {
    List<String> lines =
        new TopScreen(120, 40, false)
            .lines("cairn", reading(12, 300), Optional.of(reading(10, 100)));
    assertThat(lines.get(1))
        .isEqualTo("requests: 2 with no device, 4 with a device, 6 paused; 2 nodes");
    assertThat(lines)
        .anyMatch(l -> l.matches("a:1 +cpu-0 +3 +1 +4/80 +\\[###-------\\] 25 % +412 +ready"))
        .anyMatch(l -> l.matches("b:1 .* not ready"))
        .anyMatch(l -> l.matches("a:1 +100\\.0 +300\\.0 +0 +2\\.1 ms +2\\.0 MiB +ok"))
        .anyMatch(l -> l.matches("acme +2 +5 +3 +77 +12/10 +paused"))
        .anyMatch(l -> l.matches("small .* demoted"))
        .noneMatch(l -> l.contains("\u001b"));
    assertThat(new TopScreen(120, 40, false).lines("cairn", reading(1, 9), Optional.empty()))
        .anyMatch(l -> l.matches("a:1 +- +- +0 .*"));
  }

  @Test
  @DisplayName("no line is wider than the terminal, and no screen higher, whatever there is")
  void bounded() {
    String[] many =
        IntStream.range(0, 500).mapToObj(i -> node("node-" + i, true)).toArray(String[]::new);
    String[] tenants =
        IntStream.range(0, 500)
            .mapToObj(i -> tenant("tenant-" + i, false, false))
            .toArray(String[]::new);
    TopReading full = new TopReading(0, list(many), list(tenants), list(journal("a:1", 1)));
    for (int height : new int[] {1, 3, 10, 24, 60}) {
      for (int width : new int[] {1, 20, 80, 200}) {
        List<String> lines =
            new TopScreen(width, height, false)
                .lines("cairn at a long place", full, Optional.empty());
        assertThat(lines).hasSizeLessThanOrEqualTo(height);
        assertThat(lines).allSatisfy(l -> assertThat(l.length()).isLessThanOrEqualTo(width));
      }
    }
    assertThat(new TopScreen(80, 24, false).lines("cairn", full, Optional.empty()))
        .hasSize(24)
        .anyMatch(l -> l.matches("… and 4\\d\\d more"));
  }

  @Test
  @DisplayName("colours mark what wants to be looked at, and names cannot steer the terminal")
  void colours() {
    List<String> lines =
        new TopScreen(120, 40, true).lines("cairn", reading(1, 1), Optional.empty());
    assertThat(lines)
        .anyMatch(l -> l.startsWith("\u001b[31mb:1") && l.endsWith("\u001b[0m"))
        .anyMatch(l -> l.startsWith("\u001b[33msmall"))
        .anyMatch(l -> l.startsWith("a:1"));
    TopReading evil =
        new TopReading(0, list(node("x\\u001b[2J\\u0007", true)), list(), list(journal("\\ny", 1)));
    assertThat(
            new TopScreen(120, 40, false)
                .lines("cairn", evil, Optional.empty()).stream().collect(Collectors.joining("\n")))
        .contains("x?[2J?", "?y")
        .doesNotContain("\u001b", "\u0007");
  }

  @Test
  @DisplayName("--once prints what a real server has, as text or as an object, with its key")
  void once() throws IOException {
    String key = AdminNode.addKey(directory, "ops", AdminRole.VIEWER);
    try (AdminNode node = new AdminNode(directory, "cairn.admin.max-limit = 1000")) {
      assertThat(node.complete("{\"prompt\":\"Once\",\"max_tokens\":4}").statusCode())
          .isEqualTo(200);
      StringWriter out = new StringWriter();
      assertThat(run(out, node, key)).isZero();
      assertThat(out.toString())
          .contains("cairn at " + node.url(), "requests: 0 with no device", "JOURNAL OF", "TENANT")
          .contains("ready")
          .doesNotContain("\u001b");
      StringWriter json = new StringWriter();
      assertThat(run(json, node, key, "--json")).isZero();
      assertThat(new ObjectMapper().readTree(json.toString()).at("/nodes/data/0/ready").asBoolean())
          .isTrue();
      StringWriter refused = new StringWriter();
      assertThat(run(refused, node, "nobody")).isEqualTo(Main.FAILED);
      assertThat(refused.toString()).isEmpty();
      assertThat(run(refused, node, key, "--interval", "0.1")).isEqualTo(Main.FAILED);
    }
  }

  private static int run(StringWriter out, AdminNode node, String key, String... more) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(new StringWriter(), true));
    List<String> arguments =
        new java.util.ArrayList<>(List.of("admin", "top", "--once", "--url", "" + node.url()));
    arguments.addAll(List.of("--key", key));
    arguments.addAll(List.of(more));
    return line.execute(arguments.toArray(String[]::new));
  }
}
