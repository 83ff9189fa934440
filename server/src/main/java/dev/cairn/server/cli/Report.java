package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;

/** A JSON object as lines for people: the path of a value, and the value. */
final class Report {
  private Report() {}

  static void print(PrintWriter out, JsonNode object) {
    print(out, "", object);
  }

  private static void print(PrintWriter out, String path, JsonNode node) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              field ->
                  print(
                      out, path + (path.isEmpty() ? "" : ".") + field.getKey(), field.getValue()));
    } else if (node.isArray() && !node.isEmpty() && node.get(0).isObject()) {
      for (int i = 0; i < node.size(); i++) {
        print(out, path + "[" + i + "]", node.get(i));
      }
    } else if (node.isArray()) {
      StringBuilder line = new StringBuilder();
      node.forEach(element -> line.append(line.isEmpty() ? "" : " ").append(element.asText()));
      out.printf("%-28s %s%n", path, line);
    } else {
      out.printf("%-28s %s%n", path, node.asText());
    }
  }
}
