package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.server.NodeHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/** The fields that all routes share which make requests, and what a request is made of. */
final class RequestParameters {
  private static final int MAX_STOPS = 16;
  private static final int MAX_STOP_CHARACTERS = 1000;
  private static final int MAX_BIASES = 1024;
  private static final int MAX_BIAS = 100;
  private static final double MAX_TEMPERATURE = 100;
  private static final double MAX_REPETITION_PENALTY = 100;
  private static final double MAX_PENALTY = 2;
  private static final long SEED_STEP = 0x9E3779B97F4A7C15L;

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

  private final ModelSpec model;
  private final ModelNames names;
  private final Tokenizer tokenizer;
  private final int maxContext;
  private final int maxChoices;
  private final Sampling defaults;
  private final OutputFormat format;
  private final RequestIds ids;
  private final LongSupplier clockMillis;

  RequestParameters(
      NodeHandle node, HttpSettings settings, RequestIds ids, LongSupplier clockMillis) {
    this.model = node.model();
    this.names = new ModelNames(model);
    this.tokenizer = node.tokenizer();
    this.maxContext = node.maxContext();
    this.maxChoices = settings.maxChoices();
    this.defaults = settings.sampling();
    this.format = new OutputFormat(node.languages());
    this.ids = ids;
    this.clockMillis = clockMillis;
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  int maxContext() {
    return maxContext;
  }

  int choices(Fields fields) {
    return fields.integer("n", 1, 1, maxChoices);
  }

  int maxChoices() {
    return maxChoices;
  }

  void checkModel(Fields fields) {
    fields
        .string("model")
        .filter(name -> !names.has(name))
        .ifPresent(
            name -> {
              StringBuilder message = new StringBuilder("model is ");
              Json.quote(name.length() > 80 ? name.substring(0, 80) : name, message);
              message.append(", which is not served here; expected \"");
              throw ApiError.invalid(
                  "model", message.append(model.name()).append("\".").toString());
            });
  }

  /** Known elsewhere, not supported here, and harmful to ignore. */
  static void refuse(Fields fields, List<String> unsupported) {
    for (String name : unsupported) {
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

  /** Whether a stream ends with an event that counts tokens. */
  static boolean includesUsage(Fields fields) {
    return fields
        .object("stream_options")
        .map(options -> options.bool("include_usage", false))
        .orElse(false);
  }

  /** What names a call: of its client's idempotency key where it has one. */
  String id(Optional<String> idempotencyKey) {
    return idempotencyKey.map(RequestIds::ofKey).orElseGet(ids::next);
  }

  /**
   * The requests of a call, one for each of its choices. The first has the call's own id, the
   * others are numbered behind it. Choices of one prompt are a group, and the seed of each follows
   * from that of the first.
   *
   * @param prompts one or more
   * @param choices of each prompt
   * @param sampling as the fields and the route have it
   */
  List<RequestSpec> requests(
      Fields fields,
      Optional<String> idempotencyKey,
      List<int[]> prompts,
      int choices,
      Sampling sampling) {
    String id = id(idempotencyKey);
    long seed =
        fields
            .bits64("seed")
            .or(() -> idempotencyKey.map(RequestIds::seedOfKey))
            .orElseGet(ids::seed);
    long now = clockMillis.getAsLong();
    List<RequestSpec> requests = new ArrayList<>(prompts.size() * choices);
    for (int[] prompt : prompts) {
      String first = numbered(id, requests.size());
      Scheduling alone = SchedulingFields.read(fields);
      Scheduling scheduling = choices == 1 ? alone : alone.withGroup(first, choices);
      for (int i = 0; i < choices; i++) {
        requests.add(
            RequestSpec.of(numbered(id, requests.size()), model.name(), model.fingerprint(), prompt)
                .submittedAtMillis(now)
                .sampling(sampling)
                .seed(seed + i * SEED_STEP)
                .stop(stops(fields))
                .ignoreEos(fields.bool("ignore_eos", false))
                .cancelOnDisconnect(cancelOnDisconnect(fields))
                .timeoutMillis(fields.integer("timeout_ms", 0, 1, Integer.MAX_VALUE))
                .constraints(PlacementFields.constraints(fields, model))
                .scheduling(scheduling)
                .build());
      }
    }
    return requests;
  }

  /** The id of one choice of a call. */
  static String numbered(String id, int choice) {
    return choice == 0 ? id : id + "-" + choice;
  }

  /** Refuses a prompt that leaves no room. */
  void checkLength(String name, int tokens, int maxTokens) {
    int limit = maxTokens == 0 ? maxContext : maxContext - 1;
    if (tokens > limit) {
      throw ApiError.tooLong(
          name,
          name
              + " has "
              + tokens
              + " tokens; expected at most "
              + limit
              + ", because the context of the model here is "
              + maxContext
              + " tokens.");
    }
  }

  /** What an output has to look like. */
  OutputFormat format() {
    return format;
  }

  /**
   * @param grammar that the output has to be of; empty: any
   */
  Sampling sampling(Fields fields, String grammar) {
    Sampling absent = SAMPLING.stream().anyMatch(fields::has) ? neutral() : defaults;
    return new Sampling(
        fields.number("temperature", absent.temperature(), 0, MAX_TEMPERATURE),
        fields.integer("top_k", absent.topK(), 0, Integer.MAX_VALUE),
        fields.positive("top_p", absent.topP(), 1),
        fields.number("min_p", absent.minP(), 0, 1),
        fields.positive("repetition_penalty", absent.repetitionPenalty(), MAX_REPETITION_PENALTY),
        fields.number("presence_penalty", absent.presencePenalty(), -MAX_PENALTY, MAX_PENALTY),
        fields.number("frequency_penalty", absent.frequencyPenalty(), -MAX_PENALTY, MAX_PENALTY),
        logitBias(fields),
        grammar);
  }

  private static Sampling neutral() {
    return new Sampling(1f, 0, 1f, 0f, 1f, 0f, 0f);
  }

  private Map<Integer, Float> logitBias(Fields fields) {
    Map<Integer, Float> biases = new HashMap<>();
    JsonNode node = fields.get("logit_bias").orElse(null);
    if (node == null) {
      return biases;
    }
    String expected =
        "an object of up to "
            + MAX_BIASES
            + " token ids, each with a number from -"
            + MAX_BIAS
            + " to "
            + MAX_BIAS;
    if (!node.isObject() || node.size() > MAX_BIASES) {
      throw fields.wrong("logit_bias", node, expected);
    }
    for (Map.Entry<String, JsonNode> each : node.properties()) {
      int token = token(each.getKey());
      double bias = each.getValue().isNumber() ? each.getValue().doubleValue() : Double.NaN;
      if (token < 0 || !(Math.abs(bias) <= MAX_BIAS)) {
        StringBuilder message = new StringBuilder("logit_bias has ");
        Json.quote(each.getKey().substring(0, Math.min(40, each.getKey().length())), message);
        throw ApiError.invalid(
            "logit_bias",
            message
                .append(" with ")
                .append(Fields.describe(each.getValue()))
                .append("; expected a token id from 0 to ")
                .append(tokenizer.size() - 1)
                .append(" with a number from -100 to 100.")
                .toString());
      }
      biases.put(token, (float) bias);
    }
    return biases;
  }

  private int token(String text) {
    try {
      int token = Integer.parseInt(text);
      return token < tokenizer.size() ? token : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
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
