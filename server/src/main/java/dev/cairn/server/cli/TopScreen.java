package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * Lines of {@code cairn admin top}. Pure: the same readings make the same lines.
 *
 * @param width most characters of a line
 * @param height most lines
 * @param colour whether lines may have colours
 */
record TopScreen(int width, int height, boolean colour) {
  private static final String BOLD = "\u001b[1m";
  private static final String RED = "\u001b[31m";
  private static final String YELLOW = "\u001b[33m";
  private static final String PLAIN = "\u001b[0m";
  private static final double NANOS_PER_SECOND = 1e9;
  private static final int BAR = 10;

  /** Lines that are no rows of tables: the first two, and of each table a gap and its header. */
  private static final int FIXED = 8;

  /** A table of the screen, of which not all rows may find room. */
  private record Block(List<Object[]> rows, String... header) {}

  /**
   * The screen.
   *
   * @param title what the first line begins with
   * @param before the reading before, from which rates are made; empty: they are not known
   */
  List<String> lines(String title, TopReading now, Optional<TopReading> before) {
    List<String> lines = new ArrayList<>();
    lines.add(styled(BOLD, cut(title)));
    lines.add(cut(summary(now)));
    List<Block> blocks =
        List.of(
            new Block(
                devices(now), "NODE", "DEVICE", "RUN", "WAIT", "SLOTS", "KV", "TOK/S", "STATE"),
            new Block(
                journals(now, before),
                "JOURNAL OF",
                "COMMITS/S",
                "EVENTS/S",
                "WAITING",
                "LAST COMMIT",
                "ON DISK",
                "STATE"),
            new Block(
                tenants(now), "TENANT", "RUN", "WAIT", "PAUSED", "TOKENS LEFT", "BUDGET", "STATE"));
    int room = Math.max(blocks.size(), height - FIXED);
    for (int i = 0; i < blocks.size(); i++) {
      // What a block leaves, those behind it may have.
      int share = Math.max(1, room / (blocks.size() - i));
      List<String> block = block(blocks.get(i), share);
      room -= block.size() - 2;
      lines.addAll(block);
    }
    return lines.size() > height ? lines.subList(0, Math.max(1, height)) : lines;
  }

  private List<String> block(Block block, int most) {
    List<Object[]> rows = block.rows();
    int shown = rows.size() <= most ? rows.size() : most - 1;
    Table table = new Table(block.header());
    rows.subList(0, shown).forEach(table::row);
    StringWriter text = new StringWriter();
    table.print(new PrintWriter(text));
    List<String> lines = new ArrayList<>();
    lines.add("");
    for (String line : text.toString().split("\n")) {
      lines.add(lines.size() == 1 ? styled(BOLD, cut(line)) : marked(cut(line)));
    }
    if (shown < rows.size()) {
      lines.add(cut("… and " + (rows.size() - shown) + " more"));
    }
    return lines;
  }

  private static String summary(TopReading now) {
    long[] sums = new long[3];
    for (JsonNode tenant : now.tenants().get("data")) {
      sums[0] += tenant.get("accepted").asLong();
      sums[1] += tenant.get("assigned").asLong();
      sums[2] += tenant.get("paused").asLong();
    }
    int silent = now.nodes().get("unanswered").size();
    return String.format(
        Locale.ROOT,
        "requests: %d with no device, %d with a device, %d paused; %d nodes%s",
        sums[0],
        sums[1],
        sums[2],
        now.nodes().get("data").size(),
        silent == 0 ? "" : ", " + silent + " of them silent");
  }

  private static List<Object[]> devices(TopReading now) {
    List<Object[]> rows = new ArrayList<>();
    for (JsonNode node : now.nodes().get("data")) {
      JsonNode device = node.get("device");
      boolean has = !device.isNull();
      rows.add(
          new Object[] {
            name(node.get("node")),
            has ? name(device.get("name")) : "-",
            has ? device.get("running").asText() : "-",
            has ? device.get("queued").asText() : "-",
            has ? device.get("slots_used").asText() + "/" + device.get("slots").asText() : "-",
            has ? used(device) : "-",
            has ? AdminText.number(device.get("tokens_per_second"), 0) : "-",
            state(node),
          });
    }
    return rows;
  }

  private static String state(JsonNode node) {
    if (!node.get("reachable").asBoolean()) {
      return "unreachable";
    }
    if (!node.get("answers").asBoolean()) {
      return "silent";
    }
    if (node.get("draining").asBoolean()) {
      return "draining";
    }
    return node.get("ready").asBoolean() ? "ready" : "not ready";
  }

  private static String used(JsonNode device) {
    double all = device.get("kv_tokens").asDouble();
    double share = all == 0 ? 0 : device.get("kv_tokens_used").asDouble() / all;
    int filled = (int) Math.round(Math.max(0, Math.min(1, share)) * BAR);
    return String.format(
        Locale.ROOT, "[%s%s] %.0f %%", "#".repeat(filled), "-".repeat(BAR - filled), share * 100);
  }

  private static List<Object[]> journals(TopReading now, Optional<TopReading> before) {
    List<Object[]> rows = new ArrayList<>();
    for (JsonNode journal : now.journals().get("data")) {
      Optional<JsonNode> last = before.flatMap(b -> journal(b, journal.get("node").asText()));
      double seconds = before.map(b -> (now.nanos() - b.nanos()) / NANOS_PER_SECOND).orElse(0.0);
      rows.add(
          new Object[] {
            name(journal.get("node")),
            rate(journal, last, "commits", seconds),
            rate(journal, last, "events", seconds),
            journal.get("queue_depth").asText(),
            AdminText.millis(journal.get("last_commit_seconds")),
            AdminText.bytes(journal.get("disk_bytes")),
            !journal.get("failure").asText().isEmpty()
                ? "failed"
                : journal.get("disk_full").asBoolean() ? "disk full" : "ok",
          });
    }
    return rows;
  }

  private static Optional<JsonNode> journal(TopReading reading, String node) {
    return StreamSupport.stream(reading.journals().get("data").spliterator(), false)
        .filter(journal -> journal.get("node").asText().equals(node))
        .findFirst();
  }

  /** A journal that began anew counts from 0 again. */
  private static String rate(JsonNode now, Optional<JsonNode> last, String what, double seconds) {
    double more = last.map(l -> now.get(what).asDouble() - l.get(what).asDouble()).orElse(-1.0);
    return more < 0 || seconds <= 0 ? "-" : String.format(Locale.ROOT, "%.1f", more / seconds);
  }

  private static List<Object[]> tenants(TopReading now) {
    List<Object[]> rows = new ArrayList<>();
    for (JsonNode tenant : now.tenants().get("data")) {
      long budget = tenant.get("budget_tokens").asLong();
      rows.add(
          new Object[] {
            tenant.get("tenant").asText().isEmpty() ? "(none)" : name(tenant.get("tenant")),
            tenant.get("running").asText(),
            tenant.get("queued").asText(),
            tenant.get("paused").asText(),
            tenant.get("remaining_tokens").asText(),
            budget == 0 ? "-" : tenant.get("spent_tokens").asText() + "/" + budget,
            tenant.get("tenant_paused").asBoolean()
                ? "paused"
                : tenant.get("demoted").asBoolean() ? "demoted" : "",
          });
    }
    return rows;
  }

  /** Text of others may not steer the terminal. */
  private static String name(JsonNode text) {
    return text.asText().replaceAll("\\p{Cntrl}", "?");
  }

  private String cut(String line) {
    return line.length() <= width ? line : line.substring(0, Math.max(0, width - 1)) + "…";
  }

  private String styled(String style, String line) {
    return colour && !line.isEmpty() ? style + line + PLAIN : line;
  }

  /** What wants to be looked at. */
  private String marked(String line) {
    if (line.matches(".* (unreachable|silent|not ready|failed|disk full)")) {
      return styled(RED, line);
    }
    return line.matches(".* (draining|demoted|paused)") ? styled(YELLOW, line) : line;
  }
}
