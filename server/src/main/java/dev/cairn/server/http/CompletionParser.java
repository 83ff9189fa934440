package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.NodeHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Reads the body of {@code POST /v1/completions}. Fields that it does not know are ignored, but
 * those that would change the output and are not supported are refused.
 */
public final class CompletionParser implements CallParser {
  private static final int DEFAULT_MAX_TOKENS = 16;
  private static final String PROMPT_FORMS =
      "a string, an array of token ids, or an array that holds up to %d of these";

  private static final List<String> UNSUPPORTED =
      List.of(
          "json_schema",
          "guided_json",
          "guided_regex",
          "guided_choice",
          "guided_grammar",
          "min_tokens",
          "stop_token_ids");

  private final RequestParameters parameters;
  private final Tokenizer tokenizer;

  public CompletionParser(
      NodeHandle node, HttpSettings settings, RequestIds ids, LongSupplier clockMillis) {
    this(new RequestParameters(node, settings, ids, clockMillis));
  }

  CompletionParser(RequestParameters parameters) {
    this.parameters = parameters;
    this.tokenizer = parameters.tokenizer();
  }

  @Override
  public CompletionCall parse(ObjectNode body, Optional<String> idempotencyKey) {
    Fields fields = new Fields(body);
    parameters.checkModel(fields);
    RequestParameters.refuse(fields, UNSUPPORTED);
    refuseSuffixAndBestOf(fields);
    int choices = parameters.choices(fields);
    boolean echo = fields.bool("echo", false);
    int maxTokens = fields.integer("max_tokens", DEFAULT_MAX_TOKENS, 0, parameters.maxContext());
    if (maxTokens == 0 && !echo) {
      throw ApiError.invalid(
          "max_tokens", "max_tokens is 0; expected at least 1 in a request without echo.");
    }
    int logprobs = fields.integer("logprobs", -1, 0, TokenLogprobs.MAX_TOP);
    List<int[]> prompts = prompts(fields, maxTokens);
    if ((long) prompts.size() * choices > parameters.maxChoices()) {
      throw ApiError.invalid(
          "n",
          prompts.size()
              + " prompts and n of "
              + choices
              + " make "
              + (long) prompts.size() * choices
              + " choices; expected at most "
              + parameters.maxChoices()
              + ".");
    }
    List<RequestSpec> requests = new ArrayList<>();
    OutputFormat format = parameters.format();
    String grammar = format.checked(fields, format.ofRequest(fields), "grammar");
    Sampling sampling = parameters.sampling(fields, grammar);
    for (RequestSpec each :
        parameters.requests(fields, idempotencyKey, prompts, choices, sampling)) {
      requests.add(
          each.toBuilder()
              .maxTokens(maxTokens)
              .logprobs(logprobs)
              .echo(echo)
              .promptLogprobs(echo && logprobs >= 0)
              .answer(
                  new AnswerContext(requests.size(), prompts.size() * choices)
                      .of(Answer.Form.COMPLETION))
              .build());
    }
    return new CompletionCall(
        requests, fields.bool("stream", false), RequestParameters.includesUsage(fields));
  }

  private void refuseSuffixAndBestOf(Fields fields) {
    fields
        .string("suffix")
        .filter(suffix -> !suffix.isEmpty())
        .ifPresent(
            suffix -> {
              throw ApiError.invalid(
                  "suffix",
                  "suffix is not supported, because the model continues a text and does not fill a"
                      + " gap in one; expected a request without it.");
            });
    int bestOf = fields.integer("best_of", 1, 1, parameters.maxChoices());
    if (bestOf != 1) {
      throw ApiError.invalid(
          "best_of",
          "best_of is "
              + bestOf
              + ", but nothing is generated here that nobody sees; expected 1, with n for more"
              + " choices and logprobs to compare them.");
    }
  }

  private List<int[]> prompts(Fields fields, int maxTokens) {
    String forms = String.format(PROMPT_FORMS, parameters.maxChoices());
    JsonNode node =
        fields
            .get("prompt")
            .orElseThrow(
                () -> ApiError.invalid("prompt", "prompt is missing; expected " + forms + "."));
    boolean several = node.isArray() && !node.isEmpty() && !node.get(0).isNumber();
    if (several && node.size() > parameters.maxChoices()) {
      throw ApiError.invalid(
          "prompt",
          "prompt holds "
              + node.size()
              + " prompts; expected at most "
              + parameters.maxChoices()
              + ".");
    }
    List<int[]> prompts = new ArrayList<>();
    for (JsonNode each : several ? node : List.of(node)) {
      String name = several && node.size() > 1 ? "prompt[" + prompts.size() + "]" : "prompt";
      prompts.add(prompt(fields, name, each, forms, maxTokens));
    }
    return prompts;
  }

  private int[] prompt(Fields fields, String name, JsonNode node, String forms, int maxTokens) {
    int[] tokens;
    if (node.isTextual()) {
      tokens =
          node.textValue().isEmpty() ? new int[0] : tokenizer.encode(node.textValue(), true, true);
    } else if (node.isArray()) {
      tokens = tokens(name, node, tokenizer);
    } else {
      throw fields.wrong(name, node, forms);
    }
    if (tokens.length == 0) {
      throw ApiError.invalid("prompt", name + " is empty; expected at least one token.");
    }
    parameters.checkLength(name, tokens.length, maxTokens);
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
            name.substring(0, (name + "[").indexOf('[')),
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
}
