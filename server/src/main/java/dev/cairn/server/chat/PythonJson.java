package dev.cairn.server.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import dev.cairn.server.http.Json;
import java.util.Iterator;
import java.util.Map;

/**
 * The filter {@code tojson} as transformers has it: Python's {@code json.dumps} without escaping
 * what is not ASCII, a space behind commas and colons, and lines where {@code indent} is given.
 * Models were trained on exactly these characters.
 */
final class PythonJson implements AdvancedFilter {
  private static final int MAX_INDENT = 16;

  @Override
  public String getName() {
    return "tojson";
  }

  @Override
  public Object filter(
      Object value, JinjavaInterpreter interpreter, Object[] args, Map<String, Object> named) {
    Object indent = args.length > 0 ? args[0] : named.get("indent");
    StringBuilder out = new StringBuilder();
    int spaces = indent instanceof Number n ? Math.min(MAX_INDENT, n.intValue()) : -1;
    write(value, out, spaces, 1);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out, int indent, int depth) {
    TemplateSandbox.checkTime();
    if (value == null || value instanceof Boolean || value instanceof Number) {
      out.append(value);
    } else if (value instanceof Map<?, ?> map) {
      String end = map.isEmpty() ? "" : newLine(indent, depth - 1);
      Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
      out.append('{');
      while (entries.hasNext()) {
        Map.Entry<?, ?> entry = entries.next();
        out.append(newLine(indent, depth));
        Json.quote(String.valueOf(entry.getKey()), out);
        out.append(": ");
        write(entry.getValue(), out, indent, depth + 1);
        out.append(entries.hasNext() ? comma(indent) : "");
      }
      out.append(end).append('}');
    } else if (value instanceof Iterable<?> list) {
      Iterator<?> items = list.iterator();
      String end = items.hasNext() ? newLine(indent, depth - 1) : "";
      out.append('[');
      while (items.hasNext()) {
        out.append(newLine(indent, depth));
        write(items.next(), out, indent, depth + 1);
        out.append(items.hasNext() ? comma(indent) : "");
      }
      out.append(end).append(']');
    } else {
      Json.quote(value.toString(), out);
    }
  }

  private static String comma(int indent) {
    return indent < 0 ? ", " : ",";
  }

  private static String newLine(int indent, int depth) {
    return indent < 0 ? "" : "\n" + " ".repeat(indent * depth);
  }
}
