package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Random;

/** Schemas drawn at random, of all that {@link SchemaGrammar} knows. */
final class RandomSchemas {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Without email, of which the validator takes those alone that end in a domain there is. */
  private static final String[] FORMATS = {"date", "time", "date-time", "uuid", "ipv4", "hostname"};

  private static final String[] PATTERNS = {
    "^[a-c]{2,4}$", "^(foo|ba[rz])?\\d+$", "x", "^\\w+@\\w+$", "^[^a\"]*$", "^a.b$|^c", "[\\\\\"]"
  };

  private final Random random;

  RandomSchemas(Random random) {
    this.random = random;
  }

  /** A schema, with a list that refers to itself among its definitions. */
  ObjectNode next() {
    ObjectNode schema = schema(3);
    ObjectNode list = schema.putObject("$defs").putObject("list");
    list.put("type", "object").put("additionalProperties", false);
    list.putArray("required").add("next");
    ObjectNode properties = list.putObject("properties");
    properties.putObject("value").put("type", "integer");
    ArrayNode next = properties.putObject("next").putArray("anyOf");
    next.addObject().put("$ref", "#/$defs/list");
    next.addObject().put("type", "null");
    return schema;
  }

  private ObjectNode schema(int depth) {
    return switch (random.nextInt(depth == 0 ? 6 : 11)) {
      case 0 -> string();
      case 1 -> number("integer");
      case 2 -> number("number");
      case 3 -> JSON.createObjectNode().put("type", random.nextBoolean() ? "boolean" : "null");
      case 4 -> values();
      case 5 -> JSON.createObjectNode().put("$ref", "#/$defs/list");
      case 6 -> anyOf(depth);
      case 7, 8 -> array(depth);
      default -> object(depth);
    };
  }

  private ObjectNode string() {
    ObjectNode schema = JSON.createObjectNode().put("type", "string");
    switch (random.nextInt(4)) {
      case 0 -> {
        int least = random.nextInt(4);
        schema.put("minLength", least).put("maxLength", least + random.nextInt(5));
      }
      case 1 -> schema.put("format", FORMATS[random.nextInt(FORMATS.length)]);
      case 2 -> schema.put("pattern", PATTERNS[random.nextInt(PATTERNS.length)]);
      default -> schema.put("description", "any");
    }
    return schema;
  }

  private ObjectNode number(String type) {
    ObjectNode schema = JSON.createObjectNode().put("type", type);
    int least = random.nextInt(400) - 200;
    int most = least + 2 + random.nextInt(300);
    if (random.nextBoolean()) {
      schema.put(random.nextBoolean() ? "minimum" : "exclusiveMinimum", least);
    }
    if (random.nextBoolean()) {
      schema.put(random.nextBoolean() ? "maximum" : "exclusiveMaximum", most);
    }
    return schema;
  }

  private ObjectNode values() {
    ObjectNode schema = JSON.createObjectNode();
    ArrayNode values = schema.putArray("enum");
    values.add("a\"b").add("é\n").add(12).addNull().add(true).addObject().put("k", 1);
    return schema;
  }

  private ObjectNode anyOf(int depth) {
    ObjectNode schema = JSON.createObjectNode();
    ArrayNode options = schema.putArray("anyOf");
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      options.add(schema(depth - 1));
    }
    return schema;
  }

  private ObjectNode array(int depth) {
    ObjectNode schema = JSON.createObjectNode().put("type", "array");
    int first = random.nextInt(3);
    for (int i = 0; i < first; i++) {
      schema.withArray("prefixItems").add(schema(depth - 1));
    }
    if (random.nextInt(4) > 0) {
      schema.set("items", schema(depth - 1));
    } else if (first > 0) {
      schema.put("items", false);
      schema.put("minItems", random.nextInt(first + 1));
      return schema;
    }
    int least = random.nextInt(3);
    schema.put("minItems", least);
    if (random.nextBoolean()) {
      schema.put("maxItems", least + random.nextInt(3));
    }
    return schema;
  }

  private ObjectNode object(int depth) {
    ObjectNode schema = JSON.createObjectNode().put("type", "object");
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = schema.putArray("required");
    for (int i = random.nextInt(4); i > 0; i--) {
      String name = new String[] {"a", "ab", "tag", "q\"", "é"}[random.nextInt(5)];
      if (!properties.has(name) && random.nextBoolean()) {
        required.add(name);
      }
      properties.set(name, schema(depth - 1));
    }
    switch (random.nextInt(4)) {
      case 0 -> schema.set("additionalProperties", schema(0));
      case 1 -> schema.put("additionalProperties", true);
      case 2 -> schema.put("additionalProperties", false);
      default -> schema.put("title", "open");
    }
    return schema;
  }

  static JsonNode read(String json) {
    try {
      return JSON.readTree(json);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new AssertionError("not JSON: " + json, e);
    }
  }
}
