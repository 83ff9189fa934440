package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import dev.cairn.server.chat.ToolCallReader;
import java.util.List;
import java.util.Optional;

/** A request's committed state as the {@code response} object of OpenAI's API. */
final class ResponseObject {
  private final RequestSpec spec;
  private final ObjectNode call;
  private final Completion completion;

  ResponseObject(RequestSpec spec, Tokenizer tokenizer) {
    this.spec = spec;
    this.call = AnswerContext.of(spec).call();
    this.completion = new Completion(List.of(spec), tokenizer);
  }

  /** With everything that is committed. */
  ObjectNode of(Snapshot snapshot) {
    ObjectNode out = base(status(snapshot));
    snapshot
        .finish()
        .ifPresent(
            finish -> {
              ArrayNode output = (ArrayNode) out.get("output");
              items(completion.parts(spec, snapshot), status(snapshot)).forEach(output::add);
              end(out, finish);
              out.set("usage", usage(snapshot.tokens().size()));
            });
    return out;
  }

  /** As it is before anything is generated. */
  ObjectNode base(String status) {
    ObjectNode out = Json.object();
    out.put("id", spec.id());
    out.put("object", "response");
    out.put("created_at", spec.submittedAtMillis() / 1000);
    out.put("status", status);
    out.put("background", call.path("background").asBoolean(false));
    out.putNull("error");
    out.putNull("incomplete_details");
    out.set("instructions", call.has("instructions") ? call.get("instructions") : null);
    out.put("max_output_tokens", spec.maxTokens());
    out.put("model", spec.model());
    out.putArray("output");
    out.put("parallel_tool_calls", call.path("parallel_tool_calls").asBoolean(true));
    out.set(
        "previous_response_id",
        call.has("previous_response_id") ? call.get("previous_response_id") : null);
    out.put("store", call.path("store").asBoolean(true));
    out.put("temperature", spec.sampling().temperature());
    ObjectNode text = call.path("text").isObject() ? call.get("text").deepCopy() : Json.object();
    if (!text.has("format")) {
      text.putObject("format").put("type", "text");
    }
    out.set("text", text);
    out.set(
        "tool_choice",
        call.has("tool_choice") ? call.get("tool_choice") : Json.MAPPER.valueToTree("auto"));
    out.set("tools", call.has("tools") ? call.get("tools") : Json.MAPPER.createArrayNode());
    out.put("top_p", spec.sampling().topP());
    out.put("truncation", "disabled");
    out.putNull("usage");
    out.set("metadata", call.has("metadata") ? call.get("metadata") : Json.object());
    return out;
  }

  /** The items of an output: its text as a message, where it has any, and its calls. */
  List<ObjectNode> items(List<ToolCallReader.Part> parts, String status) {
    StringBuilder text = new StringBuilder();
    List<ObjectNode> items = new java.util.ArrayList<>();
    for (ToolCallReader.Part part : parts) {
      if (part instanceof ToolCallReader.Text more) {
        text.append(more.text());
      } else if (part instanceof ToolCallReader.Call made) {
        items.add(call(items.size(), made));
      }
    }
    if (text.length() > 0 || items.isEmpty()) {
      items.add(0, message(text.toString(), status.equals("completed") ? status : "incomplete"));
    }
    return items;
  }

  ObjectNode message(String text, String status) {
    ObjectNode message = Json.object();
    message.put("id", "msg_" + spec.id());
    message.put("type", "message");
    message.put("status", status);
    message.put("role", "assistant");
    ArrayNode content = message.putArray("content");
    if (!status.equals("in_progress")) {
      content.add(part(text));
    }
    return message;
  }

  static ObjectNode part(String text) {
    ObjectNode part = Json.object();
    part.put("type", "output_text");
    part.put("text", text);
    part.putArray("annotations");
    part.putArray("logprobs");
    return part;
  }

  private ObjectNode call(int number, ToolCallReader.Call made) {
    ObjectNode out = Json.object();
    out.put("id", "fc_" + spec.id() + "_" + number);
    out.put("type", "function_call");
    out.put("status", "completed");
    out.put("call_id", "call_" + spec.id() + "_" + number);
    out.put("name", made.name());
    out.put("arguments", made.arguments());
    return out;
  }

  private static void end(ObjectNode out, Snapshot.Finish finish) {
    if (finish.reason() == FinishReason.ERROR) {
      out.putObject("error").put("code", "server_error").put("message", finish.detail());
    } else if (finish.reason() == FinishReason.LENGTH) {
      out.putObject("incomplete_details").put("reason", "max_output_tokens");
    } else if (finish.reason() == FinishReason.TIMEOUT) {
      out.putObject("incomplete_details").put("reason", "timeout");
    }
  }

  private ObjectNode usage(int outputTokens) {
    ObjectNode usage = Json.object();
    usage.put("input_tokens", spec.promptTokens().length);
    usage.putObject("input_tokens_details").put("cached_tokens", 0);
    usage.put("output_tokens", outputTokens);
    usage.putObject("output_tokens_details").put("reasoning_tokens", 0);
    usage.put("total_tokens", spec.promptTokens().length + outputTokens);
    return usage;
  }

  static String status(Snapshot snapshot) {
    Optional<Snapshot.Finish> finish = snapshot.finish();
    if (finish.isEmpty()) {
      return snapshot.state() == Snapshot.State.ASSIGNED ? "in_progress" : "queued";
    }
    return switch (finish.get().reason()) {
      case STOP -> "completed";
      case LENGTH, TIMEOUT -> "incomplete";
      case CANCELLED -> "cancelled";
      case ERROR -> "failed";
    };
  }
}
