package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;

/**
 * The fields of a JSON object, each read with the type and range it has to have. A field that is
 * null counts as absent. What is wrong is told in one sentence: what was found, what was expected.
 */
final class Fields {
  private static final int SHOWN_CHARACTERS = 40;

  private final ObjectNode object;
  private final String prefix;

  Fields(ObjectNode object) {
    this(object, "");
  }

  private Fields(ObjectNode object, String prefix) {
    this.object = object;
    this.prefix = prefix;
  }

  /** The field's value, empty where it is absent or null. */
  Optional<JsonNode> get(String name) {
    JsonNode node = object.get(name);
    return node == null || node.isNull() ? Optional.empty() : Optional.of(node);
  }

  /** Refuses fields of other names: here a name that is not known is an error of writing. */
  void allow(String... names) {
    object
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!List.of(names).contains(name)) {
                throw ApiError.invalid(
                    prefix + name,
                    prefix
                        + cut(name)
                        + " is not known; expected "
                        + String.join(", ", names)
                        + ".");
              }
            });
  }

  boolean has(String name) {
    return get(name).isPresent();
  }

  Optional<String> string(String name) {
    return get(name)
        .map(
            node -> {
              if (!node.isTextual()) {
                throw wrong(name, node, "a string");
              }
              return node.textValue();
            });
  }

  boolean bool(String name, boolean absent) {
    return get(name)
        .map(
            node -> {
              if (!node.isBoolean()) {
                throw wrong(name, node, "true or false");
              }
              return node.booleanValue();
            })
        .orElse(absent);
  }

  int integer(String name, int absent, int min, int max) {
    return get(name)
        .map(
            node -> {
              if (!node.isIntegralNumber()
                  || !node.canConvertToInt()
                  || node.intValue() < min
                  || node.intValue() > max) {
                throw wrong(name, node, "an integer from " + min + " to " + max);
              }
              return node.intValue();
            })
        .orElse(absent);
  }

  /** A number of 64 bits, signed or unsigned. */
  Optional<Long> bits64(String name) {
    return get(name)
        .map(
            node -> {
              if (!node.isIntegralNumber()
                  || node.bigIntegerValue().bitLength() > (isNegative(node) ? 63 : 64)) {
                throw wrong(name, node, "an integer of 64 bits");
              }
              return node.bigIntegerValue().longValue();
            });
  }

  float number(String name, float absent, double min, double max) {
    return get(name)
        .map(
            node -> {
              if (!node.isNumber() || !(node.doubleValue() >= min && node.doubleValue() <= max)) {
                throw wrong(name, node, "a number from " + plain(min) + " to " + plain(max));
              }
              return (float) node.doubleValue();
            })
        .orElse(absent);
  }

  /** A number in (0, max]. */
  float positive(String name, float absent, double max) {
    return get(name)
        .map(
            node -> {
              float value = node.isNumber() ? (float) node.doubleValue() : Float.NaN;
              if (!(value > 0 && node.doubleValue() <= max)) {
                throw wrong(name, node, "a number above 0 and up to " + plain(max));
              }
              return value;
            })
        .orElse(absent);
  }

  Optional<Fields> object(String name) {
    return get(name)
        .map(
            node -> {
              if (!(node instanceof ObjectNode child)) {
                throw wrong(name, node, "an object");
              }
              return new Fields(child, prefix + name + ".");
            });
  }

  /** The error that names this field, what it holds and what was expected. */
  ApiError wrong(String name, JsonNode found, String expected) {
    return ApiError.invalid(
        prefix + name, prefix + name + " is " + describe(found) + "; expected " + expected + ".");
  }

  /** A value in words, cut to a length that fits in a sentence. */
  static String describe(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> node.isEmpty() ? "an empty array" : "an array of " + node.size() + " elements";
      case OBJECT -> "an object";
      case NULL -> "null";
      case BOOLEAN -> node.asText();
      case NUMBER -> "the number " + cut(node.asText());
      case STRING -> node.textValue().isEmpty() ? "an empty string" : "the string " + quoted(node);
      default -> "empty";
    };
  }

  private static String quoted(JsonNode node) {
    StringBuilder out = new StringBuilder();
    Json.quote(cut(node.textValue()), out);
    return out.toString();
  }

  private static String cut(String text) {
    if (text.length() <= SHOWN_CHARACTERS) {
      return text;
    }
    int end =
        text.offsetByCodePoints(
            0, Math.min(SHOWN_CHARACTERS, text.codePointCount(0, text.length())));
    return text.substring(0, end) + "…";
  }

  private static boolean isNegative(JsonNode node) {
    return node.bigIntegerValue().signum() < 0;
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }
}
