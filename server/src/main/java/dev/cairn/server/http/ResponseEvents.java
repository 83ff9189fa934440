package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import dev.cairn.server.chat.ToolCallReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.util.ByteString;

/**
 * Turns the snapshots of one request into the events of a response's stream. An event's sequence
 * number follows from the tokens alone: 0 to 3 before the text, 3 + n for the text up to token n,
 * and behind the last token's number what ends the response. So a reader that comes back with the
 * last number it saw gets exactly the rest, from any server and after any restart.
 *
 * <p>Not safe for several threads; one for each stream.
 */
final class ResponseEvents {
  private static final int BEFORE_TEXT = 3;

  private final RequestSpec spec;
  private final ResponseObject response;
  private final OutputPieces stream;
  private final ToolCallReader reader;
  private final StringBuilder text = new StringBuilder();
  private final List<ToolCallReader.Part> parts = new ArrayList<>();
  private final StringBuilder pending = new StringBuilder();
  private int after = -1;
  private boolean begun;
  private boolean hasMessage;
  private List<ByteString> events = new ArrayList<>();

  ResponseEvents(RequestSpec spec, Tokenizer tokenizer) {
    this.spec = spec;
    this.response = new ResponseObject(spec, tokenizer);
    this.stream = new OutputPieces(spec, tokenizer);
    this.reader = new ToolCallReader(AnswerContext.of(spec).tools());
  }

  /**
   * Goes on behind the event of this number.
   *
   * @throws ApiError where no event can have had it
   */
  void startAfter(int number, Snapshot snapshot) {
    int size = snapshot.tokens().size();
    int most = snapshot.finish().isPresent() ? Integer.MAX_VALUE : BEFORE_TEXT + size;
    if (number < 0 || number > most) {
      throw ApiError.invalid(
          "starting_after",
          "starting_after is " + number + "; expected a sequence number from 0 to " + most + ".");
    }
    after = number;
    int position = Math.min(number - BEFORE_TEXT, size);
    if (position > 0) {
      take(ResumePoint.resume(stream, "starting_after", BEFORE_TEXT, position, snapshot));
      hasMessage = text.length() > 0;
      pending.setLength(0);
    }
  }

  /** The events that a snapshot adds to those rendered before; perhaps none. */
  List<ByteString> render(Snapshot snapshot) {
    events = new ArrayList<>(4);
    if (!begun) {
      begun = true;
      event(0, "response.created", wrapped("response", response.base("queued")));
      event(1, "response.in_progress", wrapped("response", response.base("in_progress")));
    }
    Optional<OutputPieces.Piece> piece = stream.next(snapshot);
    piece.ifPresent(
        next -> {
          take(next.text());
          if (next.finish().isPresent()) {
            add(reader.finish());
          }
          if (pending.length() > 0 && (next.finish().isPresent() || reader.isClean())) {
            delta(next.to());
          }
          if (next.finish().isPresent()) {
            end(snapshot);
          }
        });
    return events;
  }

  private void take(String more) {
    add(reader.take(more));
  }

  private void add(List<ToolCallReader.Part> more) {
    for (ToolCallReader.Part part : more) {
      parts.add(part);
      if (part instanceof ToolCallReader.Text written) {
        text.append(written.text());
        pending.append(written.text());
      }
    }
  }

  private void delta(int position) {
    beginMessage();
    ObjectNode out = inMessage();
    out.put("delta", pending.toString());
    out.putArray("logprobs");
    event(BEFORE_TEXT + position, "response.output_text.delta", out);
    pending.setLength(0);
  }

  private void beginMessage() {
    if (hasMessage) {
      return;
    }
    hasMessage = true;
    ObjectNode item = wrapped("item", response.message("", "in_progress"));
    event(2, "response.output_item.added", item.put("output_index", 0));
    ObjectNode part = inMessage();
    part.set("part", ResponseObject.part(""));
    event(BEFORE_TEXT, "response.content_part.added", part);
  }

  private ObjectNode inMessage() {
    return Json.object()
        .put("item_id", "msg_" + spec.id())
        .put("output_index", 0)
        .put("content_index", 0);
  }

  private void end(Snapshot snapshot) {
    int number = BEFORE_TEXT + snapshot.tokens().size() + 1;
    String status = ResponseObject.status(snapshot);
    List<ObjectNode> items = response.items(parts, status);
    for (int i = 0; i < items.size(); i++) {
      ObjectNode item = items.get(i);
      if (item.get("type").asText().equals("message")) {
        beginMessage();
        ObjectNode done = inMessage();
        done.put("text", text.toString()).putArray("logprobs");
        event(number++, "response.output_text.done", done);
        ObjectNode part = inMessage();
        part.set("part", ResponseObject.part(text.toString()));
        event(number++, "response.content_part.done", part);
      } else {
        ObjectNode added = item.deepCopy().put("status", "in_progress").put("arguments", "");
        event(
            number++, "response.output_item.added", wrapped("item", added).put("output_index", i));
        for (String kind : List.of("delta", "done")) {
          ObjectNode arguments = Json.object();
          arguments.set("item_id", item.get("id"));
          arguments.put("output_index", i);
          if (kind.equals("done")) {
            arguments.set("name", item.get("name"));
          }
          arguments.set(kind.equals("delta") ? "delta" : "arguments", item.get("arguments"));
          event(number++, "response.function_call_arguments." + kind, arguments);
        }
      }
      event(number++, "response.output_item.done", wrapped("item", item).put("output_index", i));
    }
    String kind =
        switch (status) {
          case "completed" -> "response.completed";
          case "failed" -> "response.failed";
          default -> "response.incomplete";
        };
    event(number, kind, wrapped("response", response.of(snapshot)));
  }

  private static ObjectNode wrapped(String name, ObjectNode value) {
    ObjectNode out = Json.object();
    out.set(name, value);
    return out;
  }

  private void event(int number, String type, ObjectNode data) {
    if (number > after) {
      data.put("type", type).put("sequence_number", number);
      events.add(
          ByteString.fromString(
              "event: " + type + "\nid: " + number + "\ndata: " + Json.write(data) + "\n\n"));
    }
  }
}
