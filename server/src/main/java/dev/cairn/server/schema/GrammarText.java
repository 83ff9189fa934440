package dev.cairn.server.schema;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** The text of a grammar, as its rules come. */
final class GrammarText {
  /** A character of a JSON string: one that needs no escape, or an escape of one character. */
  static final String CHARACTER =
      "( [^\"\\\\\\x00-\\x1F] | \"\\\\\" ( [\"\\\\/bfnrt] | \"u\" ( [0-9a-ce-fA-CE-F] [0-9a-fA-F]{3} |"
          + " [dD] [0-7] [0-9a-fA-F]{2} ) ) )";

  private static final String INTEGER_PART = "( \"0\" | [1-9] [0-9]{0,15} )";

  /** Rules that others are made of. */
  private static final Map<String, String> BASE =
      Map.of(
          "ws",
          "( \" \" | \"\\n\" \" \"{0,16} )?",
          "string",
          "\"\\\"\" " + CHARACTER + "* \"\\\"\"",
          "integer",
          "\"0\" | \"-\"? [1-9] [0-9]{0,15}",
          "number",
          "\"-\"? " + INTEGER_PART + " ( \".\" [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,2} )?",
          "boolean",
          "\"true\" | \"false\"",
          "null",
          "\"null\"",
          "value",
          "object | array | string | number | boolean | null",
          "object",
          "\"{\" ws ( string ws \":\" ws value ( ws \",\" ws string ws \":\" ws value )* ws )? \"}\"",
          "array",
          "\"[\" ws ( value ( ws \",\" ws value )* ws )? \"]\"");

  private final Map<String, String> rules = new LinkedHashMap<>();
  private int number;

  /** A rule that is there for all. */
  String base(String name) {
    if (!rules.containsKey(name)) {
      rules.put(name, BASE.get(name));
      for (String part : BASE.get(name).split("[^a-z]+")) {
        if (BASE.containsKey(part) && !BASE.get(name).contains("\"" + part + "\"")) {
          base(part);
        }
      }
    }
    return name;
  }

  String ws() {
    return base("ws");
  }

  /** A name for a rule that comes later. */
  String name() {
    return "r" + number++;
  }

  void define(String name, String expression) {
    rules.put(name, expression);
  }

  String rule(Supplier<String> expression) {
    String name = name();
    define(name, expression.get());
    return name;
  }

  /** The grammar, all rules. */
  String text(String root) {
    StringBuilder out = new StringBuilder("root ::= ").append(root).append('\n');
    rules.forEach((name, rule) -> out.append(name).append(" ::= ").append(rule).append('\n'));
    return out.toString();
  }

  /** A text as it is. */
  static String literal(String text) {
    StringBuilder out = new StringBuilder("\"");
    text.codePoints().forEach(c -> character(c, out));
    return out.append('"').toString();
  }

  private static void character(int c, StringBuilder out) {
    if (c == '"' || c == '\\') {
      out.append('\\').append((char) c);
    } else if (c >= ' ' && c < 0x7F) {
      out.append((char) c);
    } else {
      out.append(String.format("\\U%08X", c));
    }
  }

  /** One character of a set, as a JSON string writes it. */
  static String oneOf(BitSet characters) {
    StringBuilder out = new StringBuilder("( ");
    BitSet plain = (BitSet) characters.clone();
    plain.clear(0, ' ');
    plain.clear('"');
    plain.clear('\\');
    String separator = "";
    if (!plain.isEmpty()) {
      out.append('[');
      for (int from = plain.nextSetBit(0); from >= 0; ) {
        int to = plain.nextClearBit(from);
        out.append(String.format("\\U%08X-\\U%08X", from, to - 1));
        from = plain.nextSetBit(to);
      }
      out.append(']');
      separator = " | ";
    }
    for (int c = characters.nextSetBit(0); c >= 0 && c <= '\\'; c = characters.nextSetBit(c + 1)) {
      if (!plain.get(c)) {
        out.append(separator).append(literal(escaped(c)));
        separator = " | ";
      }
    }
    return out.append(" )").toString();
  }

  private static String escaped(int c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\b' -> "\\b";
      case '\f' -> "\\f";
      default -> String.format("\\u%04x", c);
    };
  }
}
