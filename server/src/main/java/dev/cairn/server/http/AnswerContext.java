package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.chat.ToolForm;
import java.nio.charset.StandardCharsets;

/**
 * What the journal keeps of a call beside its requests, so that its reply can be given again.
 *
 * @param choice number of the request among those of its call
 * @param choices requests of the call
 * @param tools how the model writes tool calls, where they are looked for
 * @param call what else the route needs, as JSON; empty where it needs nothing
 */
record AnswerContext(int choice, int choices, ToolForm tools, ObjectNode call) {
  AnswerContext(int choice, int choices) {
    this(choice, choices, ToolForm.NONE, Json.object());
  }

  Answer of(Answer.Form form) {
    ObjectNode out = Json.object();
    if (choices > 1) {
      out.put("choice", choice).put("choices", choices);
    }
    if (tools != ToolForm.NONE) {
      out.put("tools", tools.name());
    }
    if (!call.isEmpty()) {
      out.set("call", call);
    }
    return new Answer(form, out.isEmpty() ? "" : Json.write(out));
  }

  /** Whether a request has ended whose call asked that nobody be shown it afterwards. */
  static boolean isHidden(RequestView view) {
    return view.snapshot().finish().isPresent() && !isStored(view.spec());
  }

  static boolean isStored(RequestSpec spec) {
    return spec.answer().form() != Answer.Form.RESPONSE
        || of(spec).call().path("store").asBoolean(true);
  }

  static AnswerContext of(RequestSpec spec) {
    String text = spec.answer().context();
    if (text.isEmpty()) {
      return new AnswerContext(0, 1);
    }
    ObjectNode in = Json.parseObject(text.getBytes(StandardCharsets.UTF_8));
    return new AnswerContext(
        in.path("choice").asInt(0),
        in.path("choices").asInt(1),
        in.has("tools") ? ToolForm.valueOf(in.get("tools").asText()) : ToolForm.NONE,
        in.has("call") ? (ObjectNode) in.get("call") : Json.object());
  }
}
