package dev.cairn.server.http;

import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import java.util.List;

/** Chunks of {@code /v1/completions}. */
final class CompletionChunks implements ChunkWriter {
  private final RequestSpec spec;
  private final Tokenizer tokenizer;
  private final LogprobsWriter logprobs;
  private final String head;
  private final String tail;
  private boolean begun;

  CompletionChunks(String id, RequestSpec spec, int choice, Tokenizer tokenizer) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.logprobs = spec.logprobs() < 0 ? null : new LogprobsWriter(tokenizer, spec.logprobs());
    this.begun = !spec.echo();
    // Chunks are many: what is the same in all is written once.
    this.head = Completion.head(id, "text_completion", spec) + ",\"choices\":[{\"text\":";
    this.tail = ",\"index\":" + choice + ",\"logprobs\":";
  }

  @Override
  public boolean hasBegun() {
    return begun;
  }

  @Override
  public List<String> begin(Snapshot snapshot) {
    if (spec.promptLogprobs()
        && spec.promptTokens().length > 1
        && snapshot.promptLogprobs().isEmpty()
        && snapshot.finish().isEmpty()) {
      return List.of();
    }
    begun = true;
    if (logprobs != null) {
      logprobs.addPrompt(spec.promptTokens(), snapshot.promptLogprobs());
    }
    return List.of(chunk(Completion.text(tokenizer, spec.promptTokens()), null));
  }

  @Override
  public List<String> write(OutputPieces.Piece piece, Snapshot snapshot) {
    if (logprobs != null) {
      CommittedTokens tokens = snapshot.tokens();
      for (int i = piece.from(); i < piece.to(); i++) {
        logprobs.add(tokens.get(i), tokens.logprobs(i));
      }
    }
    return List.of(
        chunk(piece.text(), piece.finish().map(f -> Completion.reason(f.reason())).orElse(null)));
  }

  @Override
  public void skip(String text, int tokens, Snapshot snapshot) {
    begun = true;
    if (logprobs != null) {
      for (int token : spec.echo() ? spec.promptTokens() : new int[0]) {
        logprobs.skip(token);
      }
      for (int i = 0; i < tokens; i++) {
        logprobs.skip(snapshot.tokens().get(i));
      }
    }
  }

  private String chunk(String delta, String finishReason) {
    StringBuilder out = new StringBuilder(head.length() + delta.length() + 96);
    out.append(head);
    Json.quote(delta, out);
    out.append(tail);
    out.append(logprobs == null ? "null" : Json.write(logprobs.take()));
    out.append(",\"finish_reason\":");
    if (finishReason == null) {
      out.append("null");
    } else {
      Json.quote(finishReason, out);
    }
    return out.append("}]}").toString();
  }
}
