package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.Snapshot;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A request's committed state as the JSON objects of the API. */
final class Completion {
  private final RequestSpec spec;
  private final Tokenizer tokenizer;

  Completion(RequestSpec spec, Tokenizer tokenizer) {
    this.spec = spec;
    this.tokenizer = tokenizer;
  }

  /** The whole answer: an OpenAI {@code text_completion}. The request has ended. */
  ObjectNode answer(Snapshot snapshot) {
    ObjectNode out = Json.object();
    out.put("id", spec.id());
    out.put("object", "text_completion");
    out.put("created", createdSeconds());
    out.put("model", spec.model());
    ObjectNode choice = out.putArray("choices").addObject();
    choice.put("text", (spec.echo() ? promptText() : "") + text(snapshot));
    choice.put("index", 0);
    if (spec.logprobs() >= 0) {
      LogprobsWriter writer = new LogprobsWriter(tokenizer, spec.logprobs());
      if (spec.echo()) {
        writer.addPrompt(spec.promptTokens(), snapshot.promptLogprobs());
      }
      CommittedTokens tokens = snapshot.tokens();
      for (int i = 0; i < tokens.size(); i++) {
        writer.add(tokens.get(i), tokens.logprobs(i));
      }
      choice.set("logprobs", writer.take());
    } else {
      choice.putNull("logprobs");
    }
    choice.put("finish_reason", finishReason(snapshot));
    out.set("usage", usage(snapshot.tokens().size()));
    return out;
  }

  /** What {@code GET /v1/requests/{id}} says. */
  ObjectNode status(Snapshot snapshot) {
    ObjectNode out = Json.object();
    out.put("id", spec.id());
    out.put("object", "cairn.request");
    out.put("created", createdSeconds());
    out.put("model", spec.model());
    out.put("state", snapshot.state().name().toLowerCase(Locale.ROOT));
    out.put("finish_reason", finishReason(snapshot));
    out.put("detail", snapshot.finish().map(Snapshot.Finish::detail).orElse(""));
    out.put("epoch", snapshot.epoch());
    out.put("band", snapshot.band().name().toLowerCase(Locale.ROOT));
    ArrayNode attempts = out.putArray("attempts");
    for (Attempt attempt : snapshot.attempts()) {
      attempts
          .addObject()
          .put("epoch", attempt.epoch())
          .put("first_index", attempt.firstIndex())
          .put("device", attempt.device())
          .put("numerics", attempt.numericsVersion());
    }
    out.put("seed", spec.seed());
    out.put("max_tokens", spec.maxTokens());
    out.put("prompt_tokens", spec.promptTokens().length);
    out.put("completion_tokens", snapshot.tokens().size());
    out.put("text", text(snapshot));
    return out;
  }

  ObjectNode usage(int completionTokens) {
    ObjectNode usage = Json.object();
    usage.put("prompt_tokens", spec.promptTokens().length);
    usage.put("completion_tokens", completionTokens);
    usage.put("total_tokens", spec.promptTokens().length + completionTokens);
    return usage;
  }

  /** The prompt as text, from its tokens. */
  String promptText() {
    return text(tokenizer, spec.promptTokens());
  }

  long createdSeconds() {
    return spec.submittedAtMillis() / 1000;
  }

  /** Lower case, or null while the request runs. */
  static String finishReason(Snapshot snapshot) {
    return snapshot.finish().map(f -> f.reason().name().toLowerCase(Locale.ROOT)).orElse(null);
  }

  static String text(Tokenizer tokenizer, int[] tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int token : tokens) {
      bytes.writeBytes(tokenizer.bytes(token));
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** The output's text as far as it is safe to show. */
  private String text(Snapshot snapshot) {
    TextStream stream = new TextStream(tokenizer, spec.stop());
    CommittedTokens tokens = snapshot.tokens();
    for (int i = 0; i < tokens.size() && !stream.stopped(); i++) {
      stream.append(tokens.get(i));
    }
    if (snapshot.finish().isPresent()) {
      stream.finish();
    }
    return stream.drain();
  }
}
