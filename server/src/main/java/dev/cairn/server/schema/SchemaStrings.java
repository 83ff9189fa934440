package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.TreeMap;

/** What a schema says of strings as a grammar. */
final class SchemaStrings {
  private static final int MAX_LENGTH = 2_000;

  private static final String YEAR = "[0-9]{4}";
  private static final String DATE =
      YEAR
          + " \"-\" ( ( \"01\" | \"03\" | \"05\" | \"07\" | \"08\" | \"10\" | \"12\" ) \"-\" ( \"0\""
          + " [1-9] | [12] [0-9] | \"3\" [01] ) | ( \"04\" | \"06\" | \"09\" | \"11\" ) \"-\" ("
          + " \"0\" [1-9] | [12] [0-9] | \"30\" ) | \"02-\" ( \"0\" [1-9] | \"1\" [0-9] | \"2\""
          + " [0-8] ) )";
  private static final String TIME =
      "( [01] [0-9] | \"2\" [0-3] ) \":\" [0-5] [0-9] \":\" [0-5] [0-9] ( \".\" [0-9]{1,9} )? ("
          + " \"Z\" | [-+] ( \"0\" [0-9] | \"1\" [0-3] ) \":\" [0-5] [0-9] )";
  private static final String OCTET =
      "( \"25\" [0-5] | \"2\" [0-4] [0-9] | \"1\" [0-9]{2} | [1-9] [0-9] | [0-9] )";
  private static final String LABEL = "[a-z0-9] ( [a-z0-9-]{0,30} [a-z0-9] )?";
  private static final String HOST = LABEL + " ( \".\" " + LABEL + " ){0,3} \".\" [a-z]{2,12}";
  private static final String HEX4 = "[0-9a-f]{4}";

  /** Formats, each perhaps less than what the format allows, never more. */
  private static final Map<String, String> FORMATS =
      new TreeMap<>(
          Map.of(
              "date",
              DATE,
              "time",
              TIME,
              "date-time",
              DATE + " \"T\" " + TIME,
              "uuid",
              "[0-9a-f]{8} \"-\" " + (HEX4 + " \"-\" ").repeat(3) + "[0-9a-f]{12}",
              "ipv4",
              OCTET + " ( \".\" " + OCTET + " ){3}",
              "hostname",
              HOST,
              "email",
              "[a-z0-9] [a-z0-9_+-]{0,30} ( \".\" [a-z0-9_+-]{1,15} ){0,2} \"@\" " + HOST));

  private SchemaStrings() {}

  static String grammar(GrammarText text, String path, JsonNode schema) {
    boolean hasLength = schema.has("minLength") || schema.has("maxLength");
    if (schema.has("pattern")) {
      if (hasLength || schema.has("format")) {
        throw new SchemaException(
            path,
            "has \"pattern\" together with a length or a format, which is not supported here;"
                + " expected one of them.");
      }
      if (!schema.get("pattern").isTextual()) {
        throw new SchemaException(path, "has a pattern that is no string; expected a string.");
      }
      return SchemaPattern.grammar(path, schema.get("pattern").textValue());
    }
    if (schema.has("format")) {
      String format = FORMATS.get(schema.get("format").asText());
      if (format == null || hasLength) {
        throw new SchemaException(
            path,
            "has the keyword \"format\" with "
                + schema.get("format")
                + (hasLength ? " and a length" : "")
                + ", which is not supported here; expected one of "
                + String.join(", ", FORMATS.keySet())
                + ", without a length.");
      }
      return "\"\\\"\" " + format + " \"\\\"\"";
    }
    if (!hasLength) {
      return text.base("string");
    }
    int least = SchemaGrammar.count(path, schema, "minLength", 0, MAX_LENGTH);
    int most = SchemaGrammar.count(path, schema, "maxLength", -1, MAX_LENGTH);
    return "\"\\\"\" "
        + GrammarText.CHARACTER
        + SchemaGrammar.repeat(path, "Length", least, most)
        + " \"\\\"\"";
  }
}
