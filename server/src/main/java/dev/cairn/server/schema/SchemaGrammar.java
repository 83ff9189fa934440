package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes the grammar of a JSON schema (draft 2020-12, the subset that docs/API.md names). Every
 * text of the grammar is JSON that satisfies the schema; not every such JSON is of the grammar.
 * What it does not know it refuses, and never ignores.
 */
public final class SchemaGrammar {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_SCHEMAS = 2_000;
  private static final int MAX_VALUES = 1_000;
  private static final int MAX_ITEMS = 1_000;

  /** What says nothing of a value. */
  private static final Set<String> NOTES =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "$schema",
          "$id",
          "$comment",
          "deprecated",
          "readOnly",
          "writeOnly",
          "$defs",
          "definitions");

  private static final Map<String, Set<String>> BY_TYPE =
      Map.of(
          "object", Set.of("properties", "required", "additionalProperties"),
          "array", Set.of("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
          "string", Set.of("minLength", "maxLength", "pattern", "format"),
          "integer",
              Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
          "number", Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
          "boolean", Set.of(),
          "null", Set.of());

  private final JsonNode root;
  private final GrammarText text = new GrammarText();
  private final SchemaObjects objects = new SchemaObjects(this, text);
  private final Map<String, String> references = new HashMap<>();
  private int schemas;

  private SchemaGrammar(JsonNode root) {
    this.root = root;
  }

  /**
   * The grammar of a schema, as GBNF.
   *
   * @throws SchemaException where an output cannot be held to it
   */
  public static String of(JsonNode schema) {
    SchemaGrammar grammar = new SchemaGrammar(schema);
    return grammar.text.text(grammar.reference("", schema, 0));
  }

  /** The grammar of any JSON object, as GBNF. */
  public static String anyObject() {
    GrammarText text = new GrammarText();
    return text.text(text.base("object"));
  }

  /** A rule for what a schema takes. */
  String rule(String path, JsonNode schema, int depth) {
    String expression = expression(path, schema, depth);
    return expression.matches("[a-z0-9]+") ? expression : text.rule(() -> expression);
  }

  private String expression(String path, JsonNode schema, int depth) {
    if (depth > MAX_DEPTH) {
      throw new SchemaException(path, "is nested deeper than " + MAX_DEPTH + " schemas.");
    }
    if (++schemas > MAX_SCHEMAS) {
      throw new SchemaException(path, "is one of more than " + MAX_SCHEMAS + " schemas.");
    }
    if (schema.isBoolean() && schema.booleanValue()) {
      return text.base("value");
    }
    if (!schema.isObject()) {
      throw new SchemaException(path, "is " + shown(schema) + "; expected an object or true.");
    }
    for (String alone : List.of("$ref", "anyOf", "oneOf", "allOf", "const", "enum")) {
      if (schema.has(alone)) {
        return alone(path, schema, alone, depth);
      }
    }
    return typed(path, schema, types(path, schema), depth);
  }

  private String alone(String path, JsonNode schema, String keyword, int depth) {
    boolean values = keyword.equals("enum") || keyword.equals("const");
    for (Map.Entry<String, JsonNode> each : schema.properties()) {
      String name = each.getKey();
      if (!name.equals(keyword) && !NOTES.contains(name) && !(values && name.equals("type"))) {
        throw new SchemaException(
            path,
            "has the keyword \""
                + name
                + "\" beside \""
                + keyword
                + "\", which is not supported here; expected one of them.");
      }
    }
    JsonNode node = schema.get(keyword);
    return switch (keyword) {
      case "$ref" -> referred(path, node, depth);
      case "const" -> values(path, schema, List.of(node));
      case "enum" -> values(path, schema, elements(path, keyword, node, MAX_VALUES));
      default -> options(path, keyword, node, depth);
    };
  }

  private String options(String path, String keyword, JsonNode node, int depth) {
    List<JsonNode> options = elements(path, keyword, node, MAX_VALUES);
    if (keyword.equals("allOf") && options.size() > 1) {
      throw SchemaException.unsupported(path, "allOf");
    }
    if (keyword.equals("oneOf") && !Disjoint.are(options, this::resolved)) {
      throw new SchemaException(
          path,
          "has the keyword \"oneOf\" with schemas that a value may satisfy at the same time, which"
              + " is not supported here; expected anyOf, other types, or a required property with a"
              + " const in each.");
    }
    List<String> rules = new ArrayList<>();
    for (int i = 0; i < options.size(); i++) {
      rules.add(rule(path + "/" + keyword + "/" + i, options.get(i), depth + 1));
    }
    return String.join(" | ", new LinkedHashSet<>(rules));
  }

  private String referred(String path, JsonNode reference, int depth) {
    String target = reference.asText("");
    if (!reference.isTextual() || !(target.equals("#") || target.startsWith("#/"))) {
      throw new SchemaException(
          path,
          "has the keyword \"$ref\" with " + shown(reference) + "; expected \"#\" or \"#/…\".");
    }
    JsonNode found = target.equals("#") ? root : root.at(target.substring(1));
    if (found.isMissingNode()) {
      throw new SchemaException(
          path, "has the keyword \"$ref\" with " + shown(reference) + ", which is not there.");
    }
    return reference(target.substring(1), found, depth);
  }

  private String reference(String path, JsonNode schema, int depth) {
    String known = references.get(path);
    if (known == null) {
      known = text.name();
      references.put(path, known);
      text.define(known, expression(path, schema, depth + 1));
    }
    return known;
  }

  /** A schema without references at its root. */
  private JsonNode resolved(JsonNode schema) {
    JsonNode now = schema;
    for (int i = 0; i < MAX_DEPTH && now.path("$ref").asText("").startsWith("#/"); i++) {
      now = root.at(now.get("$ref").asText().substring(1));
    }
    return now;
  }

  private String values(String path, JsonNode schema, List<JsonNode> values) {
    Set<String> types = schema.has("type") ? types(path, schema) : BY_TYPE.keySet();
    Set<String> literals = new LinkedHashSet<>();
    for (JsonNode value : values) {
      if (types.contains(typeOf(value))
          || (typeOf(value).equals("integer") && types.contains("number"))) {
        literals.add(GrammarText.literal(value.toString()));
      }
    }
    if (literals.isEmpty()) {
      throw new SchemaException(path, "has no value of its own type; expected at least one.");
    }
    return String.join(" | ", literals);
  }

  private static String typeOf(JsonNode value) {
    return switch (value.getNodeType()) {
      case OBJECT -> "object";
      case ARRAY -> "array";
      case STRING -> "string";
      case BOOLEAN -> "boolean";
      case NUMBER -> value.isIntegralNumber() ? "integer" : "number";
      default -> "null";
    };
  }

  private Set<String> types(String path, JsonNode schema) {
    Set<String> types = new LinkedHashSet<>();
    JsonNode type = schema.get("type");
    if (type == null) {
      Map<String, Set<String>> implied = new LinkedHashMap<>();
      for (String each : List.of("object", "array", "string", "number")) {
        implied.put(each, BY_TYPE.get(each));
      }
      implied.forEach(
          (name, keywords) -> {
            if (keywords.stream().anyMatch(schema::has)) {
              types.add(name);
            }
          });
      return types;
    }
    for (JsonNode each : type.isArray() ? type : List.of(type)) {
      if (!BY_TYPE.containsKey(each.asText())) {
        throw new SchemaException(
            path,
            "has the type "
                + shown(each)
                + "; expected object, array, string, integer, number, boolean or null.");
      }
      types.add(each.asText());
    }
    if (types.isEmpty()) {
      throw new SchemaException(path, "has no type in its array of types; expected one.");
    }
    return types;
  }

  private String typed(String path, JsonNode schema, Set<String> types, int depth) {
    for (Map.Entry<String, JsonNode> each : schema.properties()) {
      String keyword = each.getKey();
      boolean known =
          keyword.equals("type")
              || NOTES.contains(keyword)
              || types.stream().anyMatch(type -> BY_TYPE.get(type).contains(keyword));
      if (!known) {
        throw SchemaException.unsupported(path, keyword);
      }
    }
    if (types.isEmpty()) {
      return text.base("value");
    }
    List<String> options = new ArrayList<>();
    for (String type : types) {
      options.add(
          switch (type) {
            case "object" -> objects.grammar(path, schema, depth);
            case "array" -> array(path, schema, depth);
            case "string" -> SchemaStrings.grammar(text, path, schema);
            case "integer", "number" -> number(path, schema, type);
            default -> text.base(type);
          });
    }
    return String.join(" | ", options);
  }

  private String number(String path, JsonNode schema, String type) {
    JsonNode multiple = schema.get("multipleOf");
    if (multiple != null && !(multiple.isNumber() && multiple.doubleValue() == 1)) {
      throw new SchemaException(
          path,
          "has the keyword \"multipleOf\" with "
              + shown(multiple)
              + ", which is not supported here; expected 1.");
    }
    return SchemaNumbers.grammar(text, path, schema, type.equals("integer"));
  }

  private String array(String path, JsonNode schema, int depth) {
    if (schema.path("uniqueItems").asBoolean(false)) {
      throw SchemaException.unsupported(path, "uniqueItems");
    }
    List<String> first = new ArrayList<>();
    if (schema.has("prefixItems")) {
      for (JsonNode each : elements(path, "prefixItems", schema.get("prefixItems"), MAX_ITEMS)) {
        first.add(rule(path + "/prefixItems/" + first.size(), each, depth + 1));
      }
    }
    JsonNode items = schema.get("items");
    boolean closed = items != null && items.isBoolean() && !items.booleanValue();
    String item =
        closed
            ? null
            : items == null ? text.base("value") : rule(path + "/items", items, depth + 1);
    int least = count(path, schema, "minItems", 0, MAX_ITEMS);
    int most = count(path, schema, "maxItems", closed ? first.size() : -1, MAX_ITEMS);
    most = closed ? Math.min(most, first.size()) : most;
    if (most >= 0 && most < least) {
      throw new SchemaException(path, "wants more items than it allows.");
    }
    return elements(first, item, least, most);
  }

  /** An array, from its last element to its first: what may follow each. */
  private String elements(List<String> first, String item, int least, int most) {
    String ws = text.ws();
    String next = " " + ws + " \"]\"";
    int known = most >= 0 ? Math.min(first.size(), most) : first.size();
    if (item != null && (most < 0 || most > known)) {
      int more = Math.max(0, least - known);
      int from = known == 0 ? 1 : 0;
      String counts = Math.max(0, more - from) + "," + (most < 0 ? "" : most - known - from);
      String rest = "( " + ws + " \",\" " + ws + " " + item + " ){" + counts + "}";
      next = known == 0 ? item + " " + rest + next : " " + rest + next;
      if (known == 0 && least == 0) {
        next = "( \"]\" | " + next + " )";
      }
    } else if (known == 0) {
      next = "\"]\"";
    }
    for (int i = known - 1; i >= 0; i--) {
      String comma = i == 0 ? "" : ws + " \",\" " + ws + " ";
      String element = comma + first.get(i) + " " + text.rule(of(next));
      String end = i == 0 ? "\"]\"" : ws + " \"]\"";
      next = i >= least ? "( " + end + " | " + element + " )" : element;
    }
    return "\"[\" " + ws + " " + next;
  }

  private static java.util.function.Supplier<String> of(String expression) {
    return () -> expression;
  }

  private List<JsonNode> elements(String path, String keyword, JsonNode node, int most) {
    if (!node.isArray() || node.isEmpty() || node.size() > most) {
      throw new SchemaException(
          path,
          "has the keyword \""
              + keyword
              + "\" with "
              + shown(node)
              + "; expected an array of 1 to "
              + most
              + " elements.");
    }
    List<JsonNode> elements = new ArrayList<>();
    node.forEach(elements::add);
    return elements;
  }

  static int count(String path, JsonNode schema, String keyword, int absent, int most) {
    JsonNode node = schema.get(keyword);
    if (node == null) {
      return absent;
    }
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < 0
        || node.intValue() > most) {
      throw new SchemaException(
          path,
          "has the keyword \""
              + keyword
              + "\" with "
              + shown(node)
              + "; expected an integer from 0 to "
              + most
              + ".");
    }
    return node.intValue();
  }

  static String repeat(String path, String what, int least, int most) {
    if (most >= 0 && most < least) {
      throw new SchemaException(
          path, "has a max" + what + " below its min" + what + "; expected one that is not.");
    }
    return "{" + least + "," + (most < 0 ? "" : most) + "}";
  }

  /** A name as a JSON pointer writes it. */
  static String pointer(String name) {
    return name.replace("~", "~0").replace("/", "~1");
  }

  static String json(String name) {
    return TextNode.valueOf(name).toString();
  }

  private static String shown(JsonNode node) {
    String shown = node.toString();
    return shown.length() > 60 ? shown.substring(0, 60) + "…" : shown;
  }
}
