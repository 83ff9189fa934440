package dev.cairn.server.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells tool calls from text in what a model writes, while it writes. What may turn out to be a
 * call is held back until it is one or is none; what is none is text. The parts depend on the text
 * alone, not on the pieces it comes in. Not safe for several threads.
 */
public final class ToolCallReader {
  private static final Logger LOG = LoggerFactory.getLogger(ToolCallReader.class);
  private static final String OPEN = "<tool_call>";
  private static final String CLOSE = "</tool_call>";
  private static final JsonMapper JSON = new JsonMapper();

  /** Part of an output. */
  public sealed interface Part {}

  /** Text, never empty. */
  public record Text(String text) implements Part {}

  /**
   * A tool to call.
   *
   * @param arguments JSON
   */
  public record Call(String name, String arguments) implements Part {}

  private final ToolForm form;
  private final StringBuilder held = new StringBuilder();
  private boolean inCall;

  /** Where the call begins in what is held; space may stand before it. */
  private int open;

  private boolean called;
  private boolean plain;

  public ToolCallReader(ToolForm form) {
    this.form = form;
  }

  /** Whether nothing is held back. */
  public boolean isClean() {
    return held.length() == 0;
  }

  /** Takes the next text. */
  public List<Part> take(String text) {
    held.append(text);
    return switch (form) {
      case NONE -> text(held.length());
      case HERMES -> hermes();
      case LLAMA3 -> llama3();
    };
  }

  /** The output has ended: what was held back. */
  public List<Part> finish() {
    List<Part> parts = new ArrayList<>();
    if (form == ToolForm.LLAMA3 && !plain && held.length() > 0) {
      Optional<List<Part>> calls = calls(held.toString());
      if (calls.isPresent()) {
        held.setLength(0);
        return calls.get();
      }
    }
    if (form == ToolForm.HERMES && inCall) {
      call(held.substring(open + OPEN.length()))
          .ifPresent(
              call -> {
                parts.add(call);
                held.setLength(0);
              });
    }
    if (called && held.toString().isBlank()) {
      held.setLength(0);
    }
    parts.addAll(text(held.length()));
    return parts;
  }

  private List<Part> text(int length) {
    if (length == 0) {
      return List.of();
    }
    Text part = new Text(held.substring(0, length));
    held.delete(0, length);
    return List.of(part);
  }

  private List<Part> hermes() {
    List<Part> parts = new ArrayList<>();
    while (true) {
      if (!inCall) {
        int begin = held.indexOf(OPEN);
        if (begin < 0) {
          parts.addAll(text(withoutSpace(held.length() - beginning())));
          return parts;
        }
        parts.addAll(text(withoutSpace(begin)));
        open = held.indexOf(OPEN);
        inCall = true;
      }
      int end = held.indexOf(CLOSE, open);
      if (end < 0) {
        return parts;
      }
      inCall = false;
      Optional<Call> call = call(held.substring(open + OPEN.length(), end));
      if (call.isPresent()) {
        parts.add(call.get());
        held.delete(0, end + CLOSE.length());
        called = true;
      } else {
        parts.addAll(text(end + CLOSE.length()));
      }
    }
  }

  /** Space at the end may stand before a call, where it says nothing. */
  private int withoutSpace(int length) {
    int end = length;
    while (end > 0 && Character.isWhitespace(held.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  /** Characters at the end that may begin a call. */
  private int beginning() {
    for (int n = Math.min(OPEN.length() - 1, held.length()); n > 0; n--) {
      if (OPEN.startsWith(held.substring(held.length() - n))) {
        return n;
      }
    }
    return 0;
  }

  private List<Part> llama3() {
    if (!plain) {
      String begun = held.toString().stripLeading();
      if (begun.isEmpty() || begun.charAt(0) == '{') {
        return List.of();
      }
      plain = true;
    }
    return text(held.length());
  }

  /** All calls of a text that consists of calls, separated by semicolons. */
  private static Optional<List<Part>> calls(String text) {
    List<Part> calls = new ArrayList<>();
    for (String each : text.strip().split(";\\s*(?=\\{)")) {
      Optional<Call> call = call(each);
      if (call.isEmpty()) {
        return Optional.empty();
      }
      calls.add(call.get());
    }
    return Optional.of(calls);
  }

  private static Optional<Call> call(String text) {
    try {
      JsonNode node = JSON.readTree(text);
      JsonNode name = node == null ? null : node.get("name");
      if (name == null || !name.isTextual()) {
        return noCall(text, "JSON without the name of a function");
      }
      JsonNode arguments = node.has("arguments") ? node.get("arguments") : node.get("parameters");
      if (arguments != null && arguments.isTextual()) {
        return Optional.of(new Call(name.textValue(), arguments.textValue()));
      }
      return arguments == null || arguments.isObject()
          ? Optional.of(new Call(name.textValue(), arguments == null ? "{}" : arguments.toString()))
          : noCall(text, "JSON whose arguments are no object");
    } catch (JsonProcessingException e) {
      return noCall(text, "no JSON");
    }
  }

  /** What it was, and never what it said: outputs are private. */
  private static Optional<Call> noCall(String text, String found) {
    LOG.info(
        "a model's tool call of {} characters is {}; expected name and arguments, and it is shown as"
            + " text",
        text.length(),
        found);
    return Optional.empty();
  }
}
