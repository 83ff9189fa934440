package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** An OpenAPI document, and what its schemas say of a body. */
public final class OpenApiDocument {
  private static final Set<String> METHODS = Set.of("get", "put", "post", "delete", "patch");

  private final JsonNode document;

  public OpenApiDocument(String yaml) {
    try {
      document = new YAMLMapper().readTree(yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Every operation, as method, space and path. */
  public Set<String> operations() {
    Set<String> all = new TreeSet<>();
    document
        .get("paths")
        .properties()
        .forEach(
            path ->
                path.getValue()
                    .fieldNames()
                    .forEachRemaining(
                        field -> {
                          if (METHODS.contains(field)) {
                            all.add(field.toUpperCase(java.util.Locale.ROOT) + " " + path.getKey());
                          }
                        }));
    return all;
  }

  /** The operation's reply of a status, references followed; missing where none is documented. */
  public JsonNode reply(String operation, int status) {
    String[] parts = operation.split(" ");
    JsonNode reply =
        document
            .path("paths")
            .path(parts[1])
            .path(parts[0].toLowerCase(java.util.Locale.ROOT))
            .path("responses")
            .path("" + status);
    return reply.has("$ref") ? document.at(reply.get("$ref").asText().substring(1)) : reply;
  }

  /** The properties of a schema, by name. */
  public Map<String, JsonNode> properties(String schema) {
    Map<String, JsonNode> properties = new TreeMap<>();
    document
        .at("/components/schemas/" + schema + "/properties")
        .properties()
        .forEach(each -> properties.put(each.getKey(), each.getValue()));
    return properties;
  }

  /** What is wrong with a JSON body that an operation answered; empty where it is as documented. */
  public Set<ValidationMessage> check(String operation, int status, JsonNode body) {
    JsonNode documented = reply(operation, status).at("/content/application~1json/schema");
    if (documented.isMissingNode()) {
      throw new AssertionError(operation + " answered " + status + ", which is not documented");
    }
    ObjectNode schema = JsonNodeFactory.instance.objectNode();
    schema.set("components", document.get("components"));
    schema.setAll((ObjectNode) documented);
    return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
        .getSchema(schema)
        .validate(body);
  }
}
