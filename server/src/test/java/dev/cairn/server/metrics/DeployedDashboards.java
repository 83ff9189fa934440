package dev.cairn.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The dashboard and the alarms under deploy/, against the metrics that a server shows. */
final class DeployedDashboards {
  private static final Pattern METRIC = Pattern.compile("\\b(cairn_\\w+)(?:\\{([^}]*)})?");
  private static final Pattern LABEL = Pattern.compile("(\\w+)\\s*(?:=~|!~|!=|=)\\s*\"");
  private static final Pattern GROUPING = Pattern.compile("\\b(?:by|on) \\(([^)]*)\\)");
  private static final Pattern LEGEND = Pattern.compile("\\{\\{\\s*(?:\\$labels\\.)?(\\w+)\\s*}}");

  /** Labels that Prometheus itself adds, and that of buckets. */
  private static final Set<String> ADDED = Set.of("job", "instance", "le");

  private static final Set<String> PANELS =
      Set.of("timeseries", "stat", "gauge", "table", "bargauge", "row");

  private final Map<String, PrometheusText.Family> families;

  private DeployedDashboards(Map<String, PrometheusText.Family> families) {
    this.families = families;
  }

  static void check(Path root, TreeMap<String, PrometheusText.Family> families) throws IOException {
    DeployedDashboards check = new DeployedDashboards(families);
    check.dashboard(root.resolve("deploy/grafana/cairn.json"));
    check.alerts(root.resolve("deploy/prometheus/alerts.yaml"), root.resolve("docs/OPERATIONS.md"));
  }

  private void dashboard(Path file) throws IOException {
    JsonNode board =
        JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build()
            .readTree(Files.readString(file));
    assertThat(board.path("title").asText()).isNotBlank();
    assertThat(board.path("uid").asText()).matches("[a-zA-Z0-9_-]{1,40}");
    assertThat(board.path("schemaVersion").asInt()).isGreaterThanOrEqualTo(36);
    assertThat(board.path("id").isNull()).as("an id is Grafana's own").isTrue();
    assertThat(board.at("/templating/list/0/type").asText()).isEqualTo("datasource");
    assertThat(board.at("/templating/list/0/query").asText()).isEqualTo("prometheus");
    Set<Integer> ids = new HashSet<>();
    Set<String> places = new HashSet<>();
    Set<String> asked = new TreeSet<>();
    for (JsonNode panel : board.path("panels")) {
      String title = panel.path("title").asText();
      assertThat(title).isNotBlank();
      assertThat(PANELS).contains(panel.path("type").asText());
      assertThat(ids.add(panel.path("id").asInt())).as("one id twice: %s", title).isTrue();
      JsonNode place = panel.path("gridPos");
      int right = place.path("x").asInt(-1) + place.path("w").asInt(99);
      assertThat(right).as("width of %s", title).isBetween(1, 24);
      assertThat(place.path("h").asInt()).isPositive();
      assertThat(places.add(place.path("x") + "," + place.path("y")))
          .as("%s lies on another panel", title)
          .isTrue();
      if (!panel.path("type").asText().equals("row")) {
        assertThat(panel.path("targets").size()).as("queries of %s", title).isPositive();
        panel.path("targets").forEach(target -> asked.addAll(target(title, target)));
      }
    }
    assertThat(asked)
        .contains(
            "cairn_tokens_committed_total",
            "cairn_time_to_first_token_seconds",
            "cairn_inter_token_seconds",
            "cairn_device_waiting",
            "cairn_device_kv_blocks",
            "cairn_device_requests",
            "cairn_device_rows_total",
            "cairn_device_idle_seconds_total",
            "cairn_journal_commit_seconds",
            "cairn_journal_failed_writes_total",
            "cairn_cluster_members",
            "cairn_preemptions_total",
            "cairn_tenant_refused_total",
            "cairn_held");
  }

  private Set<String> target(String title, JsonNode target) {
    assertThat(target.at("/datasource/uid").asText()).isEqualTo("${datasource}");
    assertThat(target.path("refId").asText()).matches("[A-Z]");
    return expression(title, target.path("expr").asText(), target.path("legendFormat").asText());
  }

  /** The metrics that an expression names; all of them are shown, with the labels it uses. */
  private Set<String> expression(String where, String expression, String text) {
    assertThat(expression.chars().filter(c -> c == '(').count())
        .as("parentheses of %s: %s", where, expression)
        .isEqualTo(expression.chars().filter(c -> c == ')').count());
    Set<String> named = new TreeSet<>();
    Set<String> known = new TreeSet<>(ADDED);
    Matcher metric = METRIC.matcher(expression);
    while (metric.find()) {
      PrometheusText.Family family = family(metric.group(1));
      assertThat(family).as("%s asks for %s", where, metric.group(1)).isNotNull();
      named.add(family.name);
      known.addAll(family.labels);
      Set<String> own = new TreeSet<>(family.labels);
      own.addAll(ADDED);
      if (metric.group(2) != null) {
        Matcher label = LABEL.matcher(metric.group(2));
        while (label.find()) {
          assertThat(own).as("labels of %s in %s", family.name, where).contains(label.group(1));
        }
      }
      if (family.type.equals("counter")) {
        assertThat(expression).as("a counter in %s", where).containsPattern("rate\\(|increase\\(");
      }
    }
    assertThat(named).as("metrics of %s", where).isNotEmpty();
    Matcher grouping = GROUPING.matcher(expression);
    while (grouping.find()) {
      assertThat(known).as(where).contains(grouping.group(1).split(", "));
    }
    Matcher legend = LEGEND.matcher(text);
    while (legend.find()) {
      assertThat(known).as("text of %s", where).contains(legend.group(1));
    }
    return named;
  }

  private PrometheusText.Family family(String name) {
    PrometheusText.Family plain = families.get(name);
    if (plain != null) {
      return plain;
    }
    PrometheusText.Family histogram = families.get(name.replaceFirst("_(bucket|sum|count)$", ""));
    return histogram != null && histogram.type.equals("histogram") ? histogram : null;
  }

  /** Each alarm is one that the page for operators explains, and the other way round. */
  private void alerts(Path file, Path operations) throws IOException {
    JsonNode rules = new YAMLMapper().readTree(Files.readString(file)).at("/groups/0/rules");
    Set<String> alarms = new TreeSet<>();
    for (JsonNode rule : rules) {
      String name = rule.path("alert").asText();
      assertThat(name).matches("Cairn[A-Za-z]+");
      assertThat(alarms.add(name)).as("%s twice", name).isTrue();
      assertThat(rule.path("for").asText("1m")).matches("[0-9]+[smh]");
      assertThat(rule.at("/labels/severity").asText()).isIn("warning", "critical");
      String summary = rule.at("/annotations/summary").asText();
      assertThat(summary).isNotBlank();
      expression(name, rule.path("expr").asText(), summary);
    }
    Set<String> explained = new TreeSet<>();
    Matcher row =
        Pattern.compile("(?m)^\\| `(Cairn[A-Za-z]+)` \\|").matcher(Files.readString(operations));
    while (row.find()) {
      explained.add(row.group(1));
    }
    assertThat(alarms).isEqualTo(explained);
  }
}
