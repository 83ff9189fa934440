package dev.cairn.tests;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One reading of a server's metrics. */
final class Metrics {
  private static final Pattern LINE = Pattern.compile("(?m)^(cairn_[^ ]+) ([0-9.Ee+-]+)$");
  private static final Pattern HELD = Pattern.compile("cairn_held\\{kind=\"([^\"]+)\"}");

  private final Map<String, Double> values = new TreeMap<>();

  private Metrics(String text) {
    Matcher matcher = LINE.matcher(text);
    while (matcher.find()) {
      values.put(matcher.group(1), Double.valueOf(matcher.group(2)));
    }
  }

  static Metrics of(ApiClient client) {
    return new Metrics(client.getText("/metrics"));
  }

  /**
   * @param name with labels, where it has some, as Prometheus reads it
   */
  double value(String name) {
    Double value = values.get(name);
    if (value == null) {
      throw new AssertionError("there is no metric " + name + " among " + values.keySet());
    }
    return value;
  }

  /** What the server holds for requests outside its journal, by kind. */
  Map<String, Double> held() {
    Map<String, Double> held = new TreeMap<>();
    values.forEach(
        (name, value) -> {
          Matcher matcher = HELD.matcher(name);
          if (matcher.matches()) {
            held.put(matcher.group(1), value);
          }
        });
    return held;
  }

  /** Waits until a server holds nothing: a finished request's actor lingers for readers. */
  static void awaitNothingHeld(ApiClient client, String after) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    Map<String, Double> held = of(client).held();
    while (held.isEmpty() || held.values().stream().anyMatch(n -> n != 0)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("still held 60 seconds after " + after + ": " + held);
      }
      held = of(client).held();
    }
  }
}
