package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a schema says of objects as a grammar: properties in the order of the schema, then others
 * where it has a schema for them.
 */
final class SchemaObjects {
  private final SchemaGrammar schemas;
  private final GrammarText text;

  SchemaObjects(SchemaGrammar schemas, GrammarText text) {
    this.schemas = schemas;
    this.text = text;
  }

  String grammar(String path, JsonNode schema, int depth) {
    Map<String, String> values = new LinkedHashMap<>();
    JsonNode properties = schema.path("properties");
    if (schema.has("properties") && !properties.isObject()) {
      throw new SchemaException(path, "has properties that are no object; expected an object.");
    }
    for (Map.Entry<String, JsonNode> each : properties.properties()) {
      String name = path + "/properties/" + SchemaGrammar.pointer(each.getKey());
      values.put(each.getKey(), schemas.rule(name, each.getValue(), depth + 1));
    }
    JsonNode others = schema.get("additionalProperties");
    // Where nothing is said of others, objects without them are among those that satisfy the
    // schema.
    boolean hasOthers =
        others == null ? values.isEmpty() : !(others.isBoolean() && !others.booleanValue());
    String other =
        !hasOthers
            ? null
            : others == null || others.isBoolean()
                ? text.base("value")
                : schemas.rule(path + "/additionalProperties", others, depth + 1);
    Set<String> required = required(path, schema, values, other);
    return members(values, required, other);
  }

  private static Set<String> required(
      String path, JsonNode schema, Map<String, String> values, String other) {
    Set<String> required = new HashSet<>();
    JsonNode names = schema.path("required");
    if (schema.has("required") && !names.isArray()) {
      throw new SchemaException(path, "has a required that is no array; expected names.");
    }
    for (JsonNode name : names) {
      if (!name.isTextual()) {
        throw new SchemaException(path, "requires what is no name; expected strings.");
      }
      required.add(name.textValue());
      if (!values.containsKey(name.textValue())) {
        if (other == null) {
          throw new SchemaException(
              path,
              "has the keyword \"required\" with "
                  + name
                  + ", which is none of its properties; expected one of them.");
        }
        values.put(name.textValue(), other);
      }
    }
    return required;
  }

  /**
   * A rule for what may follow each property where nothing stands before it, and one where
   * something does.
   */
  private String members(Map<String, String> values, Set<String> required, String other) {
    String ws = text.ws();
    List<String> names = new ArrayList<>(values.keySet());
    String first = text.name();
    String later = text.name();
    if (other == null) {
      text.define(first, "\"}\"");
      text.define(later, ws + " \"}\"");
    } else {
      String member = otherName(values.keySet()) + " " + ws + " \":\" " + ws + " " + other;
      text.define(first, "\"}\" | " + member + " " + later);
      text.define(later, ws + " \"}\" | " + ws + " \",\" " + ws + " " + member + " " + later);
    }
    for (int i = names.size() - 1; i >= 0; i--) {
      String name = names.get(i);
      String member =
          GrammarText.literal(SchemaGrammar.json(name))
              + " "
              + ws
              + " \":\" "
              + ws
              + " "
              + values.get(name)
              + " "
              + later;
      String skipFirst = required.contains(name) ? "" : " | " + first;
      String skipLater = required.contains(name) ? "" : " | " + later;
      first = rule(member + skipFirst);
      later = rule(ws + " \",\" " + ws + " " + member + skipLater);
    }
    return "\"{\" " + ws + " " + first;
  }

  private String rule(String expression) {
    return text.rule(() -> expression);
  }

  /** A name that is none of the properties, written without escapes. */
  private String otherName(Set<String> names) {
    if (names.isEmpty()) {
      return text.base("string");
    }
    List<int[]> all = new ArrayList<>();
    names.forEach(name -> all.add(name.codePoints().toArray()));
    return "\"\\\"\" " + otherThan(all, 0) + " \"\\\"\"";
  }

  /** What may follow so many characters that are those of all these names. */
  private String otherThan(List<int[]> names, int depth) {
    Map<Integer, List<int[]>> next = new TreeMap<>();
    boolean mayEnd = true;
    for (int[] name : names) {
      if (name.length == depth) {
        mayEnd = false;
      } else {
        next.computeIfAbsent(name[depth], c -> new ArrayList<>()).add(name);
      }
    }
    BitSet plain = new BitSet();
    plain.set(' ', 0x110000);
    plain.clear('"');
    plain.clear('\\');
    plain.clear(0xD800, 0xE000);
    BitSet fresh = (BitSet) plain.clone();
    next.keySet().forEach(fresh::clear);
    StringBuilder out = new StringBuilder("( ");
    out.append(GrammarText.oneOf(fresh)).append(' ').append(GrammarText.oneOf(plain)).append('*');
    for (Map.Entry<Integer, List<int[]>> each : next.entrySet()) {
      if (plain.get(each.getKey())) {
        BitSet same = new BitSet();
        same.set(each.getKey());
        out.append(" | ").append(GrammarText.oneOf(same)).append(' ');
        out.append(text.rule(() -> otherThan(each.getValue(), depth + 1)));
      }
    }
    return out.append(mayEnd ? " | \"\" )" : " )").toString();
  }
}
