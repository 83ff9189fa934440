package dev.cairn.server.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.chat.ChatPrompts;
import dev.cairn.server.chat.ChatTemplateException;
import dev.cairn.server.chat.ToolForm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Reads the body of {@code POST /v1/chat/completions}. Fields that it does not know are ignored,
 * but those that would change the output and are not supported are refused.
 */
public final class ChatParser implements CallParser {
  private static final Set<String> ROLES =
      Set.of("system", "developer", "user", "assistant", "tool");

  private static final List<String> UNSUPPORTED =
      List.of(
          "functions",
          "function_call",
          "audio",
          "prediction",
          "web_search_options",
          "json_schema",
          "guided_json",
          "guided_regex",
          "guided_choice",
          "guided_grammar",
          "min_tokens",
          "stop_token_ids");

  private final RequestParameters parameters;
  private final ChatPrompts prompts;

  public ChatParser(
      NodeHandle node, HttpSettings settings, RequestIds ids, LongSupplier clockMillis) {
    this(
        new RequestParameters(node, settings, ids, clockMillis),
        new ChatPrompts(node.chatTemplate(), node.tokenizer(), settings.chatTemplate()));
  }

  ChatParser(RequestParameters parameters, ChatPrompts prompts) {
    this.parameters = parameters;
    this.prompts = prompts;
  }

  @Override
  public CompletionCall parse(ObjectNode body, Optional<String> idempotencyKey) {
    Fields fields = new Fields(body);
    parameters.checkModel(fields);
    RequestParameters.refuse(fields, UNSUPPORTED);
    int choices = parameters.choices(fields);
    JsonNode messages =
        fields
            .get("messages")
            .orElseThrow(
                () ->
                    ApiError.invalid(
                        "messages", "messages is missing; expected an array of messages."));
    List<RequestSpec> requests =
        chats(
            fields,
            idempotencyKey,
            messages,
            new Shape(
                choices,
                "max_completion_tokens",
                tools(fields),
                parameters.format().ofRequest(fields),
                Answer.Form.CHAT),
            Json.object());
    return new CompletionCall(
        requests, fields.bool("stream", false), RequestParameters.includesUsage(fields));
  }

  /**
   * What a route asks of a chat.
   *
   * @param maxTokens name of the field that bounds the answer
   * @param tools that the model may call
   * @param format grammar of an answer, or empty
   */
  record Shape(
      int choices, String maxTokens, ToolChoice tools, Optional<String> format, Answer.Form form) {}

  /**
   * The requests of a chat.
   *
   * @param call what its route keeps of the call
   */
  List<RequestSpec> chats(
      Fields fields,
      Optional<String> idempotencyKey,
      JsonNode messages,
      Shape shape,
      ObjectNode call) {
    List<JsonNode> tools = shape.tools().tools();
    int[] prompt = prompt(fields, messages, tools);
    int room = Math.max(1, parameters.maxContext() - prompt.length);
    parameters.checkLength("messages", prompt.length, 1);
    int maxTokens =
        fields.integer(
            shape.maxTokens(),
            fields.integer("max_tokens", room, 1, parameters.maxContext()),
            1,
            parameters.maxContext());
    int logprobs = logprobs(fields);
    ToolForm toolForm = tools.isEmpty() ? ToolForm.NONE : prompts.tools();
    String grammar =
        parameters
            .format()
            .checked(
                fields,
                shape.tools().grammar(toolForm, shape.format()),
                shape.format().isPresent() ? "grammar" : "tools");
    Sampling sampling = parameters.sampling(fields, grammar);
    List<RequestSpec> requests = new ArrayList<>();
    for (RequestSpec each :
        parameters.requests(fields, idempotencyKey, List.of(prompt), shape.choices(), sampling)) {
      List<String> stops = new ArrayList<>(each.stop());
      stops.addAll(prompts.stops());
      AnswerContext context = new AnswerContext(requests.size(), shape.choices(), toolForm, call);
      requests.add(
          each.toBuilder()
              .maxTokens(maxTokens)
              .logprobs(logprobs)
              .stop(stops)
              .answer(context.of(shape.form()))
              .build());
    }
    return requests;
  }

  private static int logprobs(Fields fields) {
    boolean wanted = fields.bool("logprobs", false);
    int top = fields.integer("top_logprobs", 0, 0, TokenLogprobs.MAX_TOP);
    if (top > 0 && !wanted) {
      throw ApiError.invalid(
          "top_logprobs", "top_logprobs is " + top + "; expected logprobs to be true with it.");
    }
    return wanted ? top : -1;
  }

  private int[] prompt(Fields fields, JsonNode messages, List<JsonNode> tools) {
    List<Object> chat = messages(fields, messages);
    List<Object> described = new ArrayList<>();
    for (JsonNode tool : tools) {
      ObjectNode told = tool.deepCopy();
      // How closely calls are held to their schema is no business of the model.
      ((ObjectNode) told.get("function")).remove("strict");
      described.add(Json.MAPPER.convertValue(told, Object.class));
    }
    @SuppressWarnings("unchecked") // A JSON object is a map with texts for keys.
    Map<String, Object> more =
        fields
            .get("chat_template_kwargs")
            .map(
                node -> {
                  if (!node.isObject()) {
                    throw fields.wrong("chat_template_kwargs", node, "an object");
                  }
                  return (Map<String, Object>) Json.MAPPER.convertValue(node, Map.class);
                })
            .orElse(Map.of());
    try {
      return prompts.tokens(chat, described, more);
    } catch (ChatTemplateException e) {
      throw ApiError.invalid("messages", e.getMessage());
    }
  }

  /** The tools of a request, and whether they have to be called. */
  ToolChoice tools(Fields fields) {
    return ToolChoice.read(fields, prompts.tools());
  }

  private static List<Object> messages(Fields fields, JsonNode node) {
    if (!node.isArray() || node.isEmpty()) {
      throw fields.wrong("messages", node, "an array of at least one message");
    }
    List<Object> messages = new ArrayList<>();
    for (JsonNode each : node) {
      messages.add(message("messages[" + messages.size() + "]", each));
    }
    return messages;
  }

  private static Object message(String name, JsonNode node) {
    if (!(node instanceof ObjectNode given)) {
      throw ApiError.invalid(
          "messages", name + " is " + Fields.describe(node) + "; expected an object.");
    }
    String role = given.path("role").asText("");
    if (!ROLES.contains(role)) {
      throw ApiError.invalid(
          "messages",
          name
              + ".role is "
              + Fields.describe(given.path("role"))
              + "; expected \"system\", \"developer\", \"user\", \"assistant\" or \"tool\".");
    }
    ObjectNode message = given.deepCopy();
    message.put("role", role.equals("developer") ? "system" : role);
    boolean calls = given.path("tool_calls").isArray() && !given.path("tool_calls").isEmpty();
    message.put("content", content(name, given.path("content"), calls));
    if (calls) {
      parseArguments(name, (ArrayNode) message.get("tool_calls"));
    } else {
      message.remove("tool_calls");
    }
    return Json.MAPPER.convertValue(message, Object.class);
  }

  private static String content(String name, JsonNode content, boolean optional) {
    if (content.isTextual()) {
      return content.textValue();
    }
    if (optional && (content.isNull() || content.isMissingNode())) {
      return "";
    }
    if (!content.isArray()) {
      throw ApiError.invalid(
          "messages",
          name
              + ".content is "
              + (content.isMissingNode() ? "missing" : Fields.describe(content))
              + "; expected a string or an array of text parts.");
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      if (!part.path("type").asText().matches("text|input_text|output_text")
          || !part.path("text").isTextual()) {
        throw ApiError.invalid(
            "messages",
            name
                + ".content has a part of type "
                + Fields.describe(part.path("type"))
                + "; expected text parts alone, because the model here reads text.");
      }
      text.append(part.get("text").textValue());
    }
    return text.toString();
  }

  /** Clients send the arguments of earlier calls as text; templates want them as JSON. */
  private static void parseArguments(String name, ArrayNode calls) {
    for (JsonNode call : calls) {
      if (!(call.path("function") instanceof ObjectNode function)
          || !function.path("name").isTextual()) {
        throw ApiError.invalid(
            "messages",
            name + ".tool_calls has a call without a function; expected one with a name.");
      }
      JsonNode arguments = function.path("arguments");
      if (arguments.isTextual()) {
        try {
          JsonNode parsed = Json.MAPPER.readTree(arguments.textValue());
          if (parsed != null && parsed.isObject()) {
            function.set("arguments", parsed);
          }
        } catch (JsonProcessingException e) {
          throw ApiError.invalid(
              "messages",
              name + ".tool_calls has arguments that are not JSON; expected a JSON object.");
        }
      }
    }
  }
}
