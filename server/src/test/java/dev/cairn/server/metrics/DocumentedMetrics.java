package dev.cairn.server.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tables of docs/METRICS.md. */
final class DocumentedMetrics {
  private static final Pattern ROW =
      Pattern.compile("\\| `(cairn_\\w+)` \\| (\\w+) \\| *(\\w*) *\\| *([^|]*) *\\| ([^|]+) \\|");
  private static final Pattern LABEL = Pattern.compile("`(\\w+)`");

  /**
   * A row.
   *
   * @param unit seconds, bytes, tokens or none
   */
  record Row(String type, String unit, Set<String> labels, String meaning) {}

  private DocumentedMetrics() {}

  static Map<String, Row> read(Path root) throws IOException {
    Map<String, Row> rows = new LinkedHashMap<>();
    for (String line : Files.readAllLines(root.resolve("docs/METRICS.md"))) {
      Matcher row = ROW.matcher(line);
      if (!line.startsWith("| `")) {
        continue;
      }
      if (!row.matches()) {
        throw new IllegalArgumentException("not a row of a metric: " + line);
      }
      Set<String> labels = new TreeSet<>();
      Matcher label = LABEL.matcher(row.group(4));
      while (label.find()) {
        labels.add(label.group(1));
      }
      Row read = new Row(row.group(2), row.group(3), labels, row.group(5));
      if (rows.put(row.group(1), read) != null) {
        throw new IllegalArgumentException("twice: " + line);
      }
    }
    return rows;
  }
}
