package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.Embeddings;
import dev.cairn.cluster.EmbeddingSettings;
import dev.cairn.model.Pooling;
import dev.cairn.model.Tokenizer;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.keys.ApiKey;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the body of {@code POST /v1/embeddings}. Texts are tokenized as those of {@code
 * /v1/completions}, with the special tokens that the model puts round a text.
 */
final class EmbeddingParser {
  private static final String FORMS =
      "a string, an array of token ids, or an array that holds up to %d of these";

  private final RequestParameters parameters;
  private final Tokenizer tokenizer;
  private final int width;
  private final int maxInputs;
  private final int maxInputTokens;
  private final Pooling pooling;

  EmbeddingParser(NodeHandle node, RequestParameters parameters, EmbeddingSettings settings) {
    this.parameters = parameters;
    this.tokenizer = node.tokenizer();
    this.width = node.model().embeddingLength();
    this.maxInputs = settings.maxInputs();
    this.maxInputTokens = settings.inputTokens(node.maxContext());
    this.pooling = settings.pooling(node.pooling());
  }

  /**
   * What a client asked for.
   *
   * @param base64 whether vectors are written as base64 of their numbers, 32 bits each, the lowest
   *     byte first
   */
  record Wanted(Embeddings.Call call, boolean base64) {
    /** Tokens of all inputs. */
    long tokens() {
      return call.inputs().stream().mapToLong(tokens -> tokens.length).sum();
    }
  }

  /**
   * Reads a body.
   *
   * @throws ApiError where a field is wrong
   */
  Wanted parse(ObjectNode body, Caller caller) {
    Fields fields = new Fields(body);
    parameters.checkModel(fields);
    fields.string("user");
    checkDimensions(fields);
    boolean base64 =
        fields
            .string("encoding_format")
            .map(
                format -> {
                  if (!format.equals("float") && !format.equals("base64")) {
                    throw fields.wrong(
                        "encoding_format",
                        fields.get("encoding_format").orElseThrow(),
                        "\"float\" or \"base64\"");
                  }
                  return format.equals("base64");
                })
            .orElse(false);
    double weight = caller.key().map(ApiKey::weight).orElse(0.0);
    return new Wanted(
        new Embeddings.Call(caller.tenant(), weight, pooling(fields), inputs(fields)), base64);
  }

  private Pooling pooling(Fields fields) {
    return fields
        .string("pooling")
        .map(
            name ->
                Pooling.of(name)
                    .orElseThrow(
                        () ->
                            fields.wrong(
                                "pooling",
                                fields.get("pooling").orElseThrow(),
                                "\"mean\" or \"last\"")))
        .orElse(pooling);
  }

  /** A part of a vector means something only where a model was trained for it. */
  private void checkDimensions(Fields fields) {
    int dimensions = fields.integer("dimensions", width, 1, Integer.MAX_VALUE);
    if (dimensions != width) {
      throw ApiError.invalid(
          "dimensions",
          "dimensions is "
              + dimensions
              + ", and vectors of the model here have "
              + width
              + ", of which a part has no meaning of its own; expected "
              + width
              + " or a call without it.");
    }
  }

  private List<int[]> inputs(Fields fields) {
    String forms = String.format(FORMS, maxInputs);
    JsonNode node =
        fields
            .get("input")
            .orElseThrow(
                () -> ApiError.invalid("input", "input is missing; expected " + forms + "."));
    if (node.isArray() && node.isEmpty()) {
      throw fields.wrong("input", node, forms);
    }
    boolean several = node.isArray() && !node.get(0).isNumber();
    if (several && node.size() > maxInputs) {
      throw ApiError.invalid(
          "input",
          "input holds "
              + node.size()
              + " inputs; expected at most "
              + maxInputs
              + " in one call.");
    }
    List<int[]> inputs = new ArrayList<>();
    for (JsonNode each : several ? node : List.of(node)) {
      inputs.add(input(several ? "input[" + inputs.size() + "]" : "input", each, forms));
    }
    return inputs;
  }

  private int[] input(String name, JsonNode node, String forms) {
    int[] tokens;
    if (node.isTextual()) {
      tokens =
          node.textValue().isEmpty() ? new int[0] : tokenizer.encode(node.textValue(), true, true);
    } else if (node.isArray()) {
      tokens = CompletionParser.tokens(name, node, tokenizer);
    } else {
      throw ApiError.invalid(
          "input", name + " is " + Fields.describe(node) + "; expected " + forms + ".");
    }
    if (tokens.length == 0) {
      throw ApiError.invalid("input", name + " is empty; expected at least one token.");
    }
    if (tokens.length > maxInputTokens) {
      throw ApiError.tooLong(
          "input",
          name
              + " has "
              + tokens.length
              + " tokens; expected at most "
              + maxInputTokens
              + ", and nothing is cut off.");
    }
    return tokens;
  }
}
