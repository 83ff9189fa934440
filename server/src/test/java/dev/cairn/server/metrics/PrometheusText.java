package dev.cairn.server.metrics;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads Prometheus' text format 0.0.4 strictly: what its specification does not allow, and what it
 * merely discourages, is an error that names the line.
 */
final class PrometheusText {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z_:][a-zA-Z0-9_:]*");
  private static final Pattern META = Pattern.compile("# (HELP|TYPE) (\\S+) (.+)");
  private static final Pattern SAMPLE = Pattern.compile("([^ {]+)(?:\\{(.*)})? (\\S+)");
  private static final Pattern LABEL =
      Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\\\n]|\\\\[\\\\\"n])*)\"(?:,|$)");
  private static final Set<String> TYPES = Set.of("counter", "gauge", "histogram", "summary");

  /** A metric with all its samples. */
  static final class Family {
    final String name;
    String help = "";
    String type = "";

    /** Labels but for {@code le}. */
    final Set<String> labels = new TreeSet<>();

    final Map<String, Double> samples = new LinkedHashMap<>();

    Family(String name) {
      this.name = name;
    }
  }

  private final Map<String, Family> families = new LinkedHashMap<>();
  private final Set<String> closed = new HashSet<>();
  private Family current;

  private PrometheusText() {}

  /**
   * All families, by name.
   *
   * @throws IllegalArgumentException naming the first line that is wrong
   */
  static Map<String, Family> parse(String text) {
    if (!text.endsWith("\n")) {
      throw new IllegalArgumentException("the last line does not end with a line feed");
    }
    PrometheusText parser = new PrometheusText();
    for (String line : text.split("\n")) {
      try {
        parser.line(line);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(e.getMessage() + ": " + line, e);
      }
    }
    parser.families.values().forEach(PrometheusText::check);
    return parser.families;
  }

  private void line(String line) {
    if (line.startsWith("#")) {
      Matcher meta = META.matcher(line);
      require(meta.matches(), "neither HELP nor TYPE");
      enter(meta.group(2));
      require(current.samples.isEmpty(), "behind its samples");
      if (meta.group(1).equals("HELP")) {
        require(current.help.isEmpty(), "a second HELP");
        current.help = meta.group(3);
      } else {
        require(current.type.isEmpty(), "a second TYPE");
        require(TYPES.contains(meta.group(3)), "no type of this format");
        current.type = meta.group(3);
      }
      return;
    }
    Matcher sample = SAMPLE.matcher(line);
    require(sample.matches(), "no sample");
    String name = sample.group(1);
    require(NAME.matcher(name).matches(), "no name of a metric");
    require(current != null && isOf(current, name), "not of the family before it");
    Map<String, String> labels = labels(sample.group(2) == null ? "" : sample.group(2));
    labels.keySet().stream().filter(l -> !l.equals("le")).forEach(current.labels::add);
    double value = value(sample.group(3));
    require(!current.type.equals("counter") || value >= 0, "a counter below 0");
    require(current.samples.put(name + labels, value) == null, "a second sample of these labels");
  }

  private void enter(String family) {
    if (current == null || !current.name.equals(family)) {
      require(NAME.matcher(family).matches(), "no name of a metric");
      require(closed.add(family), "the family was there before");
      current = new Family(family);
      families.put(family, current);
    }
  }

  private static boolean isOf(Family family, String sample) {
    return family.type.equals("histogram")
        ? Set.of(family.name + "_bucket", family.name + "_sum", family.name + "_count")
            .contains(sample)
        : family.name.equals(sample);
  }

  private static Map<String, String> labels(String text) {
    Map<String, String> labels = new LinkedHashMap<>();
    Matcher label = LABEL.matcher(text);
    int end = 0;
    while (end < text.length()) {
      require(label.find(end) && label.start() == end, "labels that cannot be read");
      require(labels.put(label.group(1), label.group(2)) == null, "a label twice");
      end = label.end();
    }
    return labels;
  }

  private static double value(String text) {
    return switch (text) {
      case "+Inf" -> Double.POSITIVE_INFINITY;
      case "-Inf" -> Double.NEGATIVE_INFINITY;
      default -> Double.parseDouble(text);
    };
  }

  private static void check(Family family) {
    require(!family.help.isBlank(), "no HELP of " + family.name);
    require(!family.type.isEmpty(), "no TYPE of " + family.name);
    require(!family.samples.isEmpty(), "no sample of " + family.name);
    if (family.type.equals("histogram")) {
      checkBuckets(family);
    }
  }

  /** Buckets grow, and the last one holds as many as there are. */
  private static void checkBuckets(Family family) {
    Map<String, Double> last = new HashMap<>();
    Map<String, Boolean> whole = new HashMap<>();
    family.samples.forEach(
        (sample, value) -> {
          if (sample.startsWith(family.name + "_bucket")) {
            String series = sample.replaceFirst("(, )?le=[^,}]*", "");
            require(value >= last.getOrDefault(series, 0.0), sample + " is below the one before");
            last.put(series, value);
            whole.put(series, sample.contains("le=+Inf"));
          }
        });
    require(!last.isEmpty() && !whole.containsValue(false), "no bucket +Inf of " + family.name);
    require(
        last.size() > 1 || last.values().contains(family.samples.get(family.name + "_count{}")),
        "the buckets of " + family.name + " do not hold what was counted");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
