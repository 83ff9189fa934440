package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import dev.cairn.server.chat.ToolCallReader;
import java.util.ArrayList;
import java.util.List;

/** Chunks of {@code /v1/chat/completions}: one with the role, the answer, one that ends it. */
final class ChatChunks implements ChunkWriter {
  private final RequestSpec spec;
  private final Tokenizer tokenizer;
  private final ToolCallReader reader;
  private final String head;
  private final List<ToolCallReader.Part> pending = new ArrayList<>();
  private boolean begun;
  private int calls;
  private int written;

  ChatChunks(String id, RequestSpec spec, int choice, Tokenizer tokenizer) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.reader = new ToolCallReader(AnswerContext.of(spec).tools());
    this.head =
        Completion.head(id, "chat.completion.chunk", spec)
            + ",\"choices\":[{\"index\":"
            + choice
            + ",\"delta\":";
  }

  @Override
  public boolean hasBegun() {
    return begun;
  }

  @Override
  public List<String> begin(Snapshot snapshot) {
    begun = true;
    return List.of(chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null", null));
  }

  @Override
  public List<String> write(OutputPieces.Piece piece, Snapshot snapshot) {
    pending.addAll(reader.take(piece.text()));
    piece.finish().ifPresent(finish -> pending.addAll(reader.finish()));
    // A reader comes back behind a chunk with its id alone: no chunk may leave something held back.
    if (piece.finish().isEmpty() && !reader.isClean()) {
      return List.of();
    }
    String logprobs = "null";
    if (spec.logprobs() >= 0) {
      logprobs =
          Json.write(
              ChatLogprobs.of(tokenizer, spec.logprobs(), snapshot.tokens(), written, piece.to()));
    }
    List<String> chunks = new ArrayList<>(2);
    if (!pending.isEmpty() || (spec.logprobs() >= 0 && written < piece.to())) {
      chunks.add(chunk(Json.write(delta(pending)), logprobs, null));
      pending.clear();
    }
    written = piece.to();
    piece
        .finish()
        .ifPresent(finish -> chunks.add(chunk("{}", "null", reason(finish.reason(), calls > 0))));
    return chunks;
  }

  @Override
  public void skip(String text, int tokens, Snapshot snapshot) {
    begun = true;
    written = tokens;
    delta(reader.take(text));
    if (snapshot.finish().isPresent() && tokens == snapshot.tokens().size()) {
      delta(reader.finish());
    }
  }

  /** How an answer ended, as OpenAI says it. */
  static String reason(FinishReason reason, boolean called) {
    return called && reason == FinishReason.STOP ? "tool_calls" : Completion.reason(reason);
  }

  private ObjectNode delta(List<ToolCallReader.Part> parts) {
    ObjectNode delta = Json.object();
    StringBuilder content = new StringBuilder();
    for (ToolCallReader.Part part : parts) {
      if (part instanceof ToolCallReader.Text text) {
        content.append(text.text());
      } else if (part instanceof ToolCallReader.Call call) {
        ObjectNode out = call(spec, calls, call);
        out.put("index", calls++);
        delta.withArray("tool_calls").add(out);
      }
    }
    if (content.length() > 0) {
      delta.put("content", content.toString());
    }
    return delta;
  }

  /** A tool call as OpenAI writes it. */
  static ObjectNode call(RequestSpec spec, int number, ToolCallReader.Call call) {
    ObjectNode out = Json.object();
    out.put("id", "call_" + spec.id() + "_" + number);
    out.put("type", "function");
    out.putObject("function").put("name", call.name()).put("arguments", call.arguments());
    return out;
  }

  private String chunk(String delta, String logprobs, String finishReason) {
    return head
        + delta
        + ",\"logprobs\":"
        + logprobs
        + ",\"finish_reason\":"
        + (finishReason == null ? "null" : "\"" + finishReason + "\"")
        + "}]}";
  }
}
