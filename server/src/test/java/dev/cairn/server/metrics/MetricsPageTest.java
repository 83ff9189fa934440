package dev.cairn.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.server.admin.AdminNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server that has served shows on /metrics, against what docs/METRICS.md says. */
class MetricsPageTest {
  private static final Path ROOT = Path.of("..");
  private static final double FEWEST_ROWS = 8;

  @TempDir Path directory;

  /** The page of a server that has answered, refused, and been looked at. */
  private Map<String, PrometheusText.Family> served() throws Exception {
    try (AdminNode node = new AdminNode(directory, "cairn.tenants.small.requests-per-minute = 1")) {
      for (int i = 0; i < 3; i++) {
        String body = "{\"prompt\":\"Once\",\"max_tokens\":8,\"ignore_eos\":true,\"stream\":%s}";
        assertThat(node.complete(body.formatted(i == 1)).statusCode()).isEqualTo(200);
      }
      HttpRequest small =
          HttpRequest.newBuilder(node.apiUrl().resolve("/v1/completions"))
              .header("X-Cairn-Tenant", "small")
              .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\":\"a\",\"max_tokens\":1}"))
              .build();
      assertThat(send(node, small).statusCode()).isEqualTo(200);
      assertThat(send(node, small).statusCode()).isEqualTo(429);
      HttpRequest page = HttpRequest.newBuilder(node.apiUrl().resolve("/metrics")).build();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      HttpResponse<String> reply = send(node, page);
      // Devices and tenants are told of once a second, and first in the midst of the requests.
      while (rows(reply.body()) < FEWEST_ROWS
          || !reply.body().contains("cairn_tenant_paused{tenant=\"small\"}")) {
        assertThat(System.nanoTime()).isLessThan(deadline);
        reply = send(node, page);
      }
      assertThat(reply.headers().firstValue("Content-Type"))
          .hasValueSatisfying(
              type ->
                  assertThat(type.toLowerCase(java.util.Locale.ROOT))
                      .isEqualTo("text/plain; version=0.0.4; charset=utf-8"));
      return PrometheusText.parse(reply.body());
    }
  }

  /** Rows of the steps of the device; 0 where none is told of yet. */
  private static double rows(String page) {
    return PrometheusText.parse(page).entrySet().stream()
        .filter(each -> each.getKey().equals("cairn_device_rows_total"))
        .flatMap(each -> each.getValue().samples.values().stream())
        .mapToDouble(Double::doubleValue)
        .sum();
  }

  private static HttpResponse<String> send(AdminNode node, HttpRequest request) throws Exception {
    return node.client().send(request, HttpResponse.BodyHandlers.ofString());
  }

  @Test
  @DisplayName("R12 every metric of a server that served is in the table, and every row is shown")
  void table() throws Exception {
    Map<String, PrometheusText.Family> shown = served();
    Map<String, DocumentedMetrics.Row> rows = DocumentedMetrics.read(ROOT);
    assertThat(shown.keySet()).containsExactlyInAnyOrderElementsOf(rows.keySet());
    shown.forEach(
        (name, family) -> {
          DocumentedMetrics.Row row = rows.get(name);
          assertThat(row.type()).as("type of %s", name).isEqualTo(family.type);
          assertThat(row.labels()).as("labels of %s", name).isEqualTo(family.labels);
          assertThat(unit(name)).as("unit in the name of %s", name).isEqualTo(row.unit());
          assertThat(name.endsWith("_total"))
              .as("%s ends with _total", name)
              .isEqualTo(family.type.equals("counter"));
        });
    assertThat(shown.get("cairn_tokens_committed_total").samples.values()).containsExactly(25.0);
    assertThat(shown.get("cairn_time_to_first_token_seconds").samples)
        .containsEntry("cairn_time_to_first_token_seconds_count{}", 4.0);
    assertThat(shown.get("cairn_ready").samples.values()).containsExactly(1.0);
    assertThat(shown.get("cairn_cluster_members").samples)
        .containsEntry("cairn_cluster_members{status=up}", 1.0);
    assertThat(shown.get("cairn_device_rows_total").samples.values())
        .allSatisfy(seen -> assertThat(seen).isGreaterThanOrEqualTo(FEWEST_ROWS));
    DeployedDashboards.check(ROOT, new TreeMap<>(shown));
  }

  /** The base unit that a name ends with, before _total or _max. */
  private static String unit(String name) {
    String base = name.replaceFirst("_(total|max)$", "");
    for (String unit : List.of("seconds", "bytes")) {
      if (base.endsWith("_" + unit)) {
        return unit;
      }
    }
    assertThat(base).doesNotContainPattern("_(ms|millis|minutes|kb|mb|percent)(_|$)");
    return "";
  }

  @Test
  @DisplayName("the parser that reads the page refuses what the format does not allow")
  void strict() {
    String good = "# HELP a_total Text.\n# TYPE a_total counter\na_total{x=\"1\"} 2.0\n";
    assertThat(PrometheusText.parse(good)).containsOnlyKeys("a_total");
    for (String bad :
        List.of(
            good.stripTrailing(),
            good.replace("# HELP a_total Text.\n", ""),
            good.replace("# TYPE a_total counter\n", ""),
            good.replace("counter", "number"),
            good + good,
            good + "a_total{x=\"1\"} 3.0\n",
            good + "b 1\n",
            good.replace("x=\"1\"", "x=\"\"1\""),
            good.replace("x=\"1\"", "x=\"1\",x=\"2\""),
            good.replace("2.0", "two"),
            good.replace("2.0", "-2.0"),
            "# HELP h T.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n"
                + "h_sum 1\nh_count 1\n",
            "# HELP h T.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 1\nh_count 2\n",
            "# HELP h T.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 1\n")) {
      assertThatThrownBy(() -> PrometheusText.parse(bad))
          .as(bad)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
