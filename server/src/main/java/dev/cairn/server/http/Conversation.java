package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.request.Snapshot;
import java.util.List;

/**
 * The chat that responses continue. The journal keeps with each response the messages that it
 * answered, instructions left out, so that the next one needs no other response than the last: the
 * earlier ones may be gone.
 */
final class Conversation {
  private static final String MESSAGES = "messages";
  private static final List<String> KEPT =
      List.of("role", "content", "name", "tool_calls", "tool_call_id");

  private Conversation() {}

  /** Puts messages in what the journal keeps of a call: of each what a template may need. */
  static void keep(ArrayNode messages, ObjectNode call) {
    ArrayNode kept = call.putArray(MESSAGES);
    for (JsonNode message : messages) {
      ObjectNode copy = kept.addObject();
      for (String name : KEPT) {
        if (message.has(name)) {
          copy.set(name, name.equals("content") ? text(message.get(name)) : message.get(name));
        }
      }
    }
  }

  /** Parts of text as one text; what is no text is refused elsewhere. */
  private static JsonNode text(JsonNode content) {
    if (!content.isArray()) {
      return content;
    }
    StringBuilder text = new StringBuilder();
    content.forEach(part -> text.append(part.path("text").asText()));
    return Json.MAPPER.getNodeFactory().textNode(text.toString());
  }

  /**
   * The messages up to the end of a response, its own output last.
   *
   * @throws ApiError where it has not ended, or did with an error
   */
  static ArrayNode after(RequestView view, Tokenizer tokenizer) {
    String id = view.spec().id();
    Snapshot snapshot = view.snapshot();
    if (snapshot.finish().isEmpty()) {
      throw ApiError.conflict(
          "previous_response_id",
          "The response " + id + " has not ended; expected one that has. Ask again when it has.");
    }
    if (snapshot.finish().get().reason() == FinishReason.ERROR) {
      throw ApiError.conflict(
          "previous_response_id",
          "The response " + id + " failed; expected one that has an output.");
    }
    JsonNode before = AnswerContext.of(view.spec()).call().path(MESSAGES);
    if (!before.isArray()) {
      throw ApiError.conflict(
          "previous_response_id",
          "The response "
              + id
              + " was made when servers did not keep what responses answer; expected a later one.");
    }
    ArrayNode messages = before.deepCopy();
    for (JsonNode item : new ResponseObject(view.spec(), tokenizer).of(snapshot).get("output")) {
      ResponseParser.item("output", item, messages);
    }
    return messages;
  }
}
