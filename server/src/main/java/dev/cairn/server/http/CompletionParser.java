package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.server.NodeHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Reads the body of {@code POST /v1/completions}. Fields that it does not know are ignored, but
 * those that would change the output and are not supported are refused.
 */
public final class CompletionParser {
  private static final int DEFAULT_MAX_TOKENS = 16;
  private static final int MAX_STOPS = 16;
  private static final int MAX_STOP_CHARACTERS = 1000;
  private static final double MAX_TEMPERATURE = 100;
  private static final double MAX_REPETITION_PENALTY = 100;
  private static final double MAX_PENALTY = 2;
  private static final String PROMPT_FORMS =
      "a string, an array of token ids, or an array that holds one of these";

  /** Sampling parameters: where a request names one, those it leaves out are neutral. */
  private static final List<String> SAMPLING =
      List.of(
          "temperature",
          "top_p",
          "top_k",
          "min_p",
          "repetition_penalty",
          "presence_penalty",
          "frequency_penalty");

  /** Known elsewhere, not supported here, and harmful to ignore. */
  private static final List<String> UNSUPPORTED =
      List.of(
          "suffix",
          "logit_bias",
          "response_format",
          "grammar",
          "json_schema",
          "guided_json",
          "guided_regex",
          "guided_choice",
          "guided_grammar",
          "min_tokens",
          "stop_token_ids");

  private final ModelSpec model;
  private final ModelNames names;
  private final Tokenizer tokenizer;
  private final int maxContext;
  private final Sampling defaults;
  private final RequestIds ids;
  private final LongSupplier clockMillis;

  public CompletionParser(
      NodeHandle node, Sampling defaults, RequestIds ids, LongSupplier clockMillis) {
    this.model = node.model();
    this.names = new ModelNames(model);
    this.tokenizer = node.tokenizer();
    this.maxContext = node.maxContext();
    this.defaults = defaults;
    this.ids = ids;
    this.clockMillis = clockMillis;
  }

  /**
   * @param idempotencyKey the client's name for the request, or empty
   */
  public CompletionCall parse(ObjectNode body, Optional<String> idempotencyKey) {
    Fields fields = new Fields(body);
    fields.string("model").ifPresent(this::checkModel);
    refuseUnsupported(fields);
    fields.integer("n", 1, 1, 1);
    fields.integer("best_of", 1, 1, 1);

    boolean echo = fields.bool("echo", false);
    int maxTokens = fields.integer("max_tokens", DEFAULT_MAX_TOKENS, 0, maxContext);
    if (maxTokens == 0 && !echo) {
      throw ApiError.invalid(
          "max_tokens", "max_tokens is 0; expected at least 1 in a request without echo.");
    }
    int logprobs = fields.integer("logprobs", -1, 0, TokenLogprobs.MAX_TOP);
    boolean stream = fields.bool("stream", false);
    boolean includeUsage =
        fields.object("stream_options").map(o -> o.bool("include_usage", false)).orElse(false);
    Optional<Long> seed = fields.bits64("seed");
    RequestSpec spec =
        RequestSpec.of(
                idempotencyKey.map(RequestIds::ofKey).orElseGet(ids::next),
                model.name(),
                model.fingerprint(),
                prompt(fields, maxTokens))
            .submittedAtMillis(clockMillis.getAsLong())
            .maxTokens(maxTokens)
            .sampling(sampling(fields))
            .seed(seed.or(() -> idempotencyKey.map(RequestIds::seedOfKey)).orElseGet(ids::seed))
            .stop(stops(fields))
            .ignoreEos(fields.bool("ignore_eos", false))
            .logprobs(logprobs)
            .echo(echo)
            .promptLogprobs(echo && logprobs >= 0)
            .cancelOnDisconnect(cancelOnDisconnect(fields))
            .timeoutMillis(fields.integer("timeout_ms", 0, 1, Integer.MAX_VALUE))
            .constraints(PlacementFields.constraints(fields, model))
            .scheduling(
                Scheduling.DEFAULT.withBand(
                    PlacementFields.band(fields, Scheduling.DEFAULT.band())))
            .build();
    return new CompletionCall(spec, stream, includeUsage);
  }

  private void checkModel(String name) {
    if (!names.has(name)) {
      StringBuilder message = new StringBuilder("model is ");
      Json.quote(name.length() > 80 ? name.substring(0, 80) : name, message);
      throw ApiError.invalid(
          "model", message + ", which is not served here; expected \"" + model.name() + "\".");
    }
  }

  private static void refuseUnsupported(Fields fields) {
    for (String name : UNSUPPORTED) {
      fields
          .get(name)
          .filter(node -> !isNeutral(node))
          .ifPresent(
              node -> {
                throw ApiError.invalid(
                    name, name + " is not supported; expected a request without it.");
              });
    }
  }

  private static boolean isNeutral(JsonNode node) {
    return (node.isTextual() && node.textValue().isEmpty())
        || (node.isContainerNode() && node.isEmpty())
        || (node.isBoolean() && !node.booleanValue())
        || (node.isNumber() && node.doubleValue() == 0)
        || "text".equals(node.path("type").asText());
  }

  private int[] prompt(Fields fields, int maxTokens) {
    JsonNode node =
        fields
            .get("prompt")
            .orElseThrow(
                () ->
                    ApiError.invalid(
                        "prompt", "prompt is missing; expected " + PROMPT_FORMS + "."));
    if (node.isArray() && node.size() == 1 && !node.get(0).isNumber()) {
      node = node.get(0);
    } else if (node.isArray() && !node.isEmpty() && !node.get(0).isNumber()) {
      throw ApiError.invalid(
          "prompt", "prompt holds " + node.size() + " prompts; expected one in a request.");
    }
    int[] tokens;
    if (node.isTextual()) {
      if (node.textValue().isEmpty()) {
        throw ApiError.invalid("prompt", "prompt is empty; expected at least one token.");
      }
      tokens = tokenizer.encode(node.textValue(), true, true);
    } else if (node.isArray()) {
      tokens = tokens("prompt", node, tokenizer);
    } else {
      throw fields.wrong("prompt", node, PROMPT_FORMS);
    }
    if (tokens.length == 0) {
      throw ApiError.invalid("prompt", "prompt is empty; expected at least one token.");
    }
    int limit = maxTokens == 0 ? maxContext : maxContext - 1;
    if (tokens.length > limit) {
      throw ApiError.invalid(
          "prompt",
          "prompt has "
              + tokens.length
              + " tokens; expected at most "
              + limit
              + ", because the context of the model here is "
              + maxContext
              + " tokens.");
    }
    return tokens;
  }

  /** An array of token ids of the vocabulary. */
  static int[] tokens(String name, JsonNode array, Tokenizer tokenizer) {
    int[] tokens = new int[array.size()];
    for (int i = 0; i < tokens.length; i++) {
      JsonNode node = array.get(i);
      if (!node.isIntegralNumber()
          || !node.canConvertToInt()
          || node.intValue() < 0
          || node.intValue() >= tokenizer.size()) {
        throw ApiError.invalid(
            name,
            name
                + "["
                + i
                + "] is "
                + Fields.describe(node)
                + "; expected a token id from 0 to "
                + (tokenizer.size() - 1)
                + ".");
      }
      tokens[i] = node.intValue();
    }
    return tokens;
  }

  private Sampling sampling(Fields fields) {
    Sampling absent = SAMPLING.stream().anyMatch(fields::has) ? neutral() : defaults;
    return new Sampling(
        fields.number("temperature", absent.temperature(), 0, MAX_TEMPERATURE),
        fields.integer("top_k", absent.topK(), 0, Integer.MAX_VALUE),
        fields.positive("top_p", absent.topP(), 1),
        fields.number("min_p", absent.minP(), 0, 1),
        fields.positive("repetition_penalty", absent.repetitionPenalty(), MAX_REPETITION_PENALTY),
        fields.number("presence_penalty", absent.presencePenalty(), -MAX_PENALTY, MAX_PENALTY),
        fields.number("frequency_penalty", absent.frequencyPenalty(), -MAX_PENALTY, MAX_PENALTY));
  }

  private static Sampling neutral() {
    return new Sampling(1f, 0, 1f, 0f, 1f, 0f, 0f);
  }

  private static List<String> stops(Fields fields) {
    JsonNode node = fields.get("stop").orElse(null);
    List<String> stops = new ArrayList<>();
    if (node == null) {
      return stops;
    }
    String expected = "a string or an array of up to " + MAX_STOPS + " strings, none empty";
    if (!node.isTextual() && !(node.isArray() && node.size() <= MAX_STOPS)) {
      throw fields.wrong("stop", node, expected);
    }
    for (JsonNode stop : node.isTextual() ? List.of(node) : node) {
      if (!stop.isTextual() || stop.textValue().isEmpty()) {
        throw ApiError.invalid(
            "stop", "stop holds " + Fields.describe(stop) + "; expected " + expected + ".");
      }
      if (stop.textValue().length() > MAX_STOP_CHARACTERS) {
        throw ApiError.invalid(
            "stop",
            "stop holds a string of "
                + stop.textValue().length()
                + " characters; expected at most "
                + MAX_STOP_CHARACTERS
                + ".");
      }
      stops.add(stop.textValue());
    }
    return stops;
  }

  private static boolean cancelOnDisconnect(Fields fields) {
    String wanted = fields.string("on_disconnect").orElse("continue");
    if (!wanted.equals("continue") && !wanted.equals("cancel")) {
      throw fields.wrong(
          "on_disconnect", fields.get("on_disconnect").orElseThrow(), "\"continue\" or \"cancel\"");
    }
    return wanted.equals("cancel");
  }
}
