package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.pekko.util.ByteString;

/**
 * Turns the snapshots of a call's requests into server-sent events. The id of an event holds for
 * each choice the index after its last token, separated by commas, and the text of an event is
 * exactly that of the tokens since the event before: so a reader that comes back with the last id
 * it saw gets exactly the rest.
 *
 * <p>Not safe for several threads; one for each stream.
 */
final class EventRenderer {
  private final Completion completion;
  private final boolean includeUsage;
  private final List<OutputPieces> streams = new ArrayList<>();
  private final List<ChunkWriter> writers = new ArrayList<>();

  /** What was shown of each choice, as a client has it. */
  private final int[] sent;

  private int running;

  /**
   * @param requests of one call, in order
   * @param includeUsage whether the stream ends with an event that counts tokens
   */
  EventRenderer(List<RequestSpec> requests, Tokenizer tokenizer, boolean includeUsage) {
    this.completion = new Completion(requests, tokenizer);
    this.includeUsage = includeUsage;
    this.running = requests.size();
    this.sent = new int[running];
    String id = requests.get(0).id();
    for (RequestSpec spec : requests) {
      int choice = AnswerContext.of(spec).choice();
      streams.add(new OutputPieces(spec, tokenizer));
      writers.add(
          spec.answer().form() == Answer.Form.COMPLETION
              ? new CompletionChunks(id, spec, choice, tokenizer)
              : new ChatChunks(id, spec, choice, tokenizer));
    }
  }

  /**
   * Goes on behind the event of this id instead of at the beginning.
   *
   * @param snapshots one for each choice
   * @throws ApiError where no event can have had this id
   */
  void resumeAfter(String id, List<Snapshot> snapshots) {
    String[] positions = id.split(",", -1);
    if (positions.length != streams.size()) {
      throw ApiError.invalid(
          "after",
          "The index to go on from is "
              + positions.length
              + " numbers; expected the id of an event, "
              + streams.size()
              + " of them here.");
    }
    for (int i = 0; i < positions.length; i++) {
      int index;
      try {
        index = Integer.parseInt(positions[i]);
      } catch (NumberFormatException e) {
        throw ApiError.invalid(
            "after", "The index to go on from is not a number; expected the id of an event.");
      }
      String before = ResumePoint.resume(streams.get(i), "after", 0, index, snapshots.get(i));
      writers.get(i).skip(before, index, snapshots.get(i));
      sent[i] = index;
    }
  }

  /** The events that a snapshot of one choice adds to those rendered before; perhaps none. */
  List<ByteString> render(int choice, Snapshot snapshot) {
    List<ByteString> events = new ArrayList<>(4);
    OutputPieces stream = streams.get(choice);
    ChunkWriter writer = writers.get(choice);
    if (!writer.hasBegun()) {
      writer.begin(snapshot).forEach(chunk -> events.add(event(chunk)));
      if (!writer.hasBegun()) {
        return events;
      }
    }
    Optional<OutputPieces.Piece> piece = stream.next(snapshot);
    if (piece.isEmpty()) {
      return events;
    }
    List<String> chunks = writer.write(piece.get(), snapshot);
    sent[choice] = chunks.isEmpty() ? sent[choice] : stream.position();
    chunks.forEach(chunk -> events.add(event(chunk)));
    piece
        .get()
        .finish()
        .filter(finish -> finish.reason() == FinishReason.ERROR)
        .ifPresent(
            finish -> events.add(event(Json.write(Errors.body(ApiError.failed(finish.detail()))))));
    if (piece.get().finish().isPresent() && --running == 0) {
      if (includeUsage) {
        events.add(event(Json.write(usage())));
      }
      events.add(event("[DONE]"));
    }
    return events;
  }

  private ObjectNode usage() {
    ObjectNode usage = completion.begun(completion.chunkObject());
    usage.putArray("choices");
    usage.set("usage", completion.usage(streams.stream().mapToInt(OutputPieces::position).sum()));
    return usage;
  }

  private ByteString event(String data) {
    String id =
        sent.length == 1
            ? Integer.toString(sent[0])
            : Arrays.stream(sent).mapToObj(Integer::toString).collect(Collectors.joining(","));
    return ByteString.fromString("id: " + id + "\ndata: " + data + "\n\n");
  }
}
