package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.Locale;

/** Values of the admin routes for people. */
final class AdminText {
  private AdminText() {}

  /** A text, or what stands for an empty one. */
  static String or(JsonNode node, String empty) {
    return node.asText().isEmpty() ? empty : node.asText();
  }

  /** A number with so many digits behind the point; a hyphen where it is unknown. */
  static String number(JsonNode node, int digits) {
    return node.isNull() ? "-" : String.format(Locale.ROOT, "%." + digits + "f", node.asDouble());
  }

  /** Seconds as milliseconds; a hyphen where they are unknown. */
  static String millis(JsonNode seconds) {
    return seconds.isNull()
        ? "-"
        : String.format(Locale.ROOT, "%.1f ms", seconds.asDouble() * 1000);
  }

  /** Bytes in a unit that suits their number. */
  static String bytes(JsonNode node) {
    double bytes = node.asDouble();
    return bytes < 1 << 20
        ? String.format(Locale.ROOT, "%.0f KiB", Math.ceil(bytes / 1024))
        : String.format(Locale.ROOT, "%.1f MiB", bytes / (1 << 20));
  }

  /** Says which nodes a reply lacks. */
  static void unanswered(PrintWriter err, JsonNode reply) {
    reply
        .get("unanswered")
        .forEach(node -> err.println("cairn: " + node.asText() + " did not answer in time."));
  }
}
