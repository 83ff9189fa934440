package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.RequestSpec;
import java.util.List;
import java.util.Optional;

/**
 * Reads the body of {@code POST /v1/responses}: the same chats, said in another way. Fields that it
 * does not know are ignored, but those that would change the output and are not supported are
 * refused.
 */
final class ResponseParser implements CallParser {
  private static final int MAX_METADATA = 16;
  private static final int MAX_METADATA_CHARACTERS = 512;

  private static final List<String> UNSUPPORTED =
      List.of("conversation", "prompt", "top_logprobs", "max_tool_calls");

  private final RequestParameters parameters;
  private final ChatParser chats;

  ResponseParser(RequestParameters parameters, ChatParser chats) {
    this.parameters = parameters;
    this.chats = chats;
  }

  @Override
  public CompletionCall parse(ObjectNode body, Optional<String> idempotencyKey) {
    return parse(body, idempotencyKey, Json.MAPPER.createArrayNode());
  }

  /**
   * The same, for a call whose input continues a conversation.
   *
   * @param before messages of it
   */
  CallParser after(ArrayNode before) {
    return (body, idempotencyKey) -> parse(body, idempotencyKey, before.deepCopy());
  }

  private CompletionCall parse(
      ObjectNode body, Optional<String> idempotencyKey, ArrayNode conversation) {
    Fields fields = new Fields(body);
    parameters.checkModel(fields);
    RequestParameters.refuse(fields, UNSUPPORTED);
    input(fields, conversation);
    ObjectNode call = call(fields);
    Conversation.keep(conversation, call);
    ArrayNode messages = Json.MAPPER.createArrayNode();
    fields
        .string("instructions")
        .ifPresent(text -> messages.addObject().put("role", "system").put("content", text));
    messages.addAll(conversation);
    ObjectNode nested = body.deepCopy();
    nested.set("tools", nestedTools(fields));
    ToolChoice tools = chats.tools(new Fields(nested));
    List<RequestSpec> requests =
        chats.chats(
            fields,
            idempotencyKey,
            messages,
            new ChatParser.Shape(
                1,
                "max_output_tokens",
                tools,
                parameters.format().ofResponse(fields),
                Answer.Form.RESPONSE),
            call);
    return new CompletionCall(requests, fields.bool("stream", false), false);
  }

  /** Whether the reply does not wait for the answer. */
  static boolean isBackground(RequestSpec spec) {
    return AnswerContext.of(spec).call().path("background").asBoolean(false);
  }

  /** What of the call its response repeats. */
  private static ObjectNode call(Fields fields) {
    ObjectNode call = Json.object();
    boolean background = fields.bool("background", false);
    if (background) {
      call.put("background", true);
    }
    if (!fields.bool("store", true)) {
      if (background) {
        throw ApiError.invalid(
            "store",
            "store is false with background true; expected a response in the background to be"
                + " stored, for its output is read later.");
      }
      call.put("store", false);
    }
    fields.string("instructions").ifPresent(text -> call.put("instructions", text));
    fields
        .string("previous_response_id")
        .ifPresent(previous -> call.put("previous_response_id", previous));
    for (String repeated : List.of("tools", "tool_choice", "parallel_tool_calls", "text")) {
      fields.get(repeated).ifPresent(given -> call.set(repeated, given));
    }
    fields
        .get("metadata")
        .ifPresent(
            node -> {
              boolean fits = node.isObject() && node.size() <= MAX_METADATA;
              for (JsonNode value : node) {
                fits &= value.isTextual() && value.textValue().length() <= MAX_METADATA_CHARACTERS;
              }
              if (!fits) {
                throw fields.wrong(
                    "metadata",
                    node,
                    "an object of up to "
                        + MAX_METADATA
                        + " strings of up to "
                        + MAX_METADATA_CHARACTERS
                        + " characters");
              }
              call.set("metadata", node);
            });
    return call;
  }

  private static void input(Fields fields, ArrayNode messages) {
    JsonNode input =
        fields
            .get("input")
            .orElseThrow(
                () ->
                    ApiError.invalid(
                        "input", "input is missing; expected a string or an array of items."));
    if (input.isTextual()) {
      messages.addObject().put("role", "user").set("content", input);
      return;
    }
    if (!input.isArray() || input.isEmpty()) {
      throw fields.wrong("input", input, "a string or an array of items");
    }
    int number = 0;
    for (JsonNode item : input) {
      item("input[" + number++ + "]", item, messages);
    }
  }

  /** Adds an item of an input or output to the messages that it is part of. */
  static void item(String name, JsonNode item, ArrayNode messages) {
    switch (item.path("type").asText("message")) {
      case "message" -> messages.add(item);
      case "reasoning" -> {
        // what a model thought is no part of the next prompt
      }
      case "function_call" -> {
        JsonNode last = messages.isEmpty() ? null : messages.get(messages.size() - 1);
        ObjectNode message =
            last != null && last.has("tool_calls")
                ? (ObjectNode) last
                : messages.addObject().put("role", "assistant");
        ObjectNode call = message.withArray("tool_calls").addObject();
        call.put("id", item.path("call_id").asText()).put("type", "function");
        ObjectNode function = call.putObject("function");
        function.set("name", item.path("name"));
        function.set("arguments", item.path("arguments"));
      }
      case "function_call_output" ->
          messages
              .addObject()
              .put("role", "tool")
              .put("tool_call_id", item.path("call_id").asText())
              .put(
                  "content",
                  item.path("output").isTextual()
                      ? item.path("output").textValue()
                      : item.path("output").toString());
      default ->
          throw ApiError.invalid(
              "input",
              name
                  + ".type is "
                  + Fields.describe(item.path("type"))
                  + "; expected \"message\", \"function_call\", \"function_call_output\" or"
                  + " \"reasoning\".");
    }
  }

  /** Tools here stand flat; templates know them nested. */
  private static JsonNode nestedTools(Fields fields) {
    JsonNode tools = fields.get("tools").orElse(Json.MAPPER.nullNode());
    if (!tools.isArray()) {
      return tools;
    }
    ArrayNode nested = Json.MAPPER.createArrayNode();
    for (JsonNode tool : tools) {
      ObjectNode function = tool.isObject() ? ((ObjectNode) tool).deepCopy() : Json.object();
      ObjectNode out = nested.addObject();
      out.set("type", tool.path("type"));
      function.remove("type");
      out.set("function", function);
    }
    return nested;
  }
}
