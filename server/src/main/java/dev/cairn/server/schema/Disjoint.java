package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Finds out whether no value satisfies two of several schemas, as far as that can be seen. */
final class Disjoint {
  private Disjoint() {}

  static boolean are(List<JsonNode> schemas, UnaryOperator<JsonNode> resolve) {
    List<JsonNode> all = schemas.stream().map(resolve).toList();
    for (int i = 0; i < all.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (!are(all.get(i), all.get(j))) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean are(JsonNode a, JsonNode b) {
    Set<JsonNode> values = values(a);
    if (!values.isEmpty() && !values(b).isEmpty()) {
      return values.stream().noneMatch(values(b)::contains);
    }
    Set<String> types = types(a);
    types.retainAll(types(b));
    if (types.isEmpty() && !types(a).isEmpty() && !types(b).isEmpty()) {
      return true;
    }
    return types.equals(Set.of("object")) && haveOtherTags(a, b);
  }

  private static boolean haveOtherTags(JsonNode a, JsonNode b) {
    for (JsonNode name : a.path("required")) {
      Set<JsonNode> of = values(a.path("properties").path(name.asText()));
      Set<JsonNode> other = values(b.path("properties").path(name.asText()));
      boolean required = false;
      for (JsonNode each : b.path("required")) {
        required |= each.equals(name);
      }
      if (required && !of.isEmpty() && !other.isEmpty() && of.stream().noneMatch(other::contains)) {
        return true;
      }
    }
    return false;
  }

  private static Set<JsonNode> values(JsonNode schema) {
    Set<JsonNode> values = new HashSet<>();
    if (schema.has("const")) {
      values.add(schema.get("const"));
    }
    schema.path("enum").forEach(values::add);
    return values;
  }

  private static Set<String> types(JsonNode schema) {
    Set<String> types = new HashSet<>();
    JsonNode type = schema.path("type");
    (type.isArray() ? type : List.of(type)).forEach(each -> types.add(each.asText("")));
    types.remove("");
    if (types.contains("number")) {
      types.add("integer");
    }
    return types;
  }
}
