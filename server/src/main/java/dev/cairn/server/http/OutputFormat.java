package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.grammar.GrammarException;
import dev.cairn.model.grammar.Languages;
import dev.cairn.server.schema.SchemaException;
import dev.cairn.server.schema.SchemaGrammar;
import java.util.Optional;

/**
 * Reads what an output has to look like: {@code response_format}, the {@code text.format} of
 * responses, and Cairn's own {@code grammar}.
 */
final class OutputFormat {
  private static final String TYPES = "\"text\", \"json_object\" or \"json_schema\"";

  private final Languages languages;

  OutputFormat(Languages languages) {
    this.languages = languages;
  }

  /** The grammar that a completion or a chat asks for; empty: none. */
  Optional<String> ofRequest(Fields fields) {
    Optional<String> grammar = fields.string("grammar").filter(text -> !text.isEmpty());
    Optional<String> format =
        fields
            .object("response_format")
            .flatMap(
                given ->
                    read(given, "response_format", "response_format.json_schema", "json_schema"));
    if (grammar.isPresent() && format.isPresent()) {
      throw ApiError.invalid(
          "grammar", "grammar and response_format are both there; expected one of them.");
    }
    return grammar.or(() -> format);
  }

  /** The grammar that a response asks for; empty: none. */
  Optional<String> ofResponse(Fields fields) {
    Optional<String> grammar = fields.string("grammar").filter(text -> !text.isEmpty());
    Optional<String> format =
        fields
            .object("text")
            .flatMap(text -> text.object("format"))
            .flatMap(given -> read(given, "text.format", "text.format", ""));
    if (grammar.isPresent() && format.isPresent()) {
      throw ApiError.invalid(
          "grammar", "grammar and text.format are both there; expected one of them.");
    }
    return grammar.or(() -> format);
  }

  private static Optional<String> read(Fields format, String name, String at, String nested) {
    String type =
        format
            .string("type")
            .orElseThrow(
                () ->
                    ApiError.invalid(
                        name + ".type", name + ".type is missing; expected " + TYPES + "."));
    switch (type) {
      case "text":
        return Optional.empty();
      case "json_object":
        return Optional.of(SchemaGrammar.anyObject());
      case "json_schema":
        Fields schema =
            nested.isEmpty()
                ? format
                : format
                    .object(nested)
                    .orElseThrow(
                        () ->
                            ApiError.invalid(
                                at, at + " is missing; expected an object with name and schema."));
        return Optional.of(ofSchema(schema, at));
      default:
        throw format.wrong("type", format.get("type").orElseThrow(), TYPES);
    }
  }

  private static String ofSchema(Fields format, String at) {
    String name =
        format
            .string("name")
            .orElseThrow(
                () -> ApiError.invalid(at + ".name", at + ".name is missing; expected a string."));
    if (!name.matches("[a-zA-Z0-9_-]{1,64}")) {
      throw format.wrong(
          "name", format.get("name").orElseThrow(), "1 to 64 letters, digits, \"_\" and \"-\"");
    }
    format.bool("strict", false);
    JsonNode schema =
        format
            .get("schema")
            .orElseThrow(
                () ->
                    ApiError.invalid(
                        at + ".schema", at + ".schema is missing; expected a JSON schema."));
    try {
      return SchemaGrammar.of(schema);
    } catch (SchemaException e) {
      throw ApiError.invalid(at + ".schema", e.getMessage());
    }
  }

  /** Refuses a grammar that cannot be used; what remains of the request may be read after that. */
  String checked(Fields fields, Optional<String> grammar, String param) {
    if (grammar.isEmpty()) {
      return "";
    }
    if (fields.bool("ignore_eos", false)) {
      throw ApiError.invalid(
          "ignore_eos",
          "ignore_eos is true in a request whose output has a form; expected it without, because"
              + " such an output ends where its form does.");
    }
    try {
      languages.of(grammar.get());
    } catch (GrammarException e) {
      throw ApiError.invalid(param, e.getMessage());
    }
    return grammar.get();
  }
}
