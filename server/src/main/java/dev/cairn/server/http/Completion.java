package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.Snapshot;
import dev.cairn.server.chat.ToolCallReader;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The committed state of a call's requests as the JSON objects of the API. */
final class Completion {
  private final List<RequestSpec> requests;
  private final RequestSpec first;
  private final Tokenizer tokenizer;

  Completion(List<RequestSpec> requests, Tokenizer tokenizer) {
    this.requests = requests;
    this.first = requests.get(0);
    this.tokenizer = tokenizer;
  }

  /** The whole answer: OpenAI's {@code text_completion} or {@code chat.completion}. */
  ObjectNode answer(List<Snapshot> snapshots) {
    boolean chat = first.answer().form() != Answer.Form.COMPLETION;
    ObjectNode out = begun(chat ? "chat.completion" : "text_completion");
    ArrayNode choices = out.putArray("choices");
    int tokens = 0;
    for (int i = 0; i < requests.size(); i++) {
      RequestSpec spec = requests.get(i);
      Snapshot snapshot = snapshots.get(i);
      ObjectNode choice = choices.addObject();
      if (chat) {
        chat(choice, spec, snapshot);
      } else {
        text(choice, spec, snapshot);
      }
      choice.put("index", AnswerContext.of(spec).choice());
      tokens += snapshot.tokens().size();
    }
    out.set("usage", usage(tokens));
    return out;
  }

  private void text(ObjectNode choice, RequestSpec spec, Snapshot snapshot) {
    String prompt = spec.echo() ? text(tokenizer, spec.promptTokens()) : "";
    choice.put("text", prompt + text(spec, snapshot));
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
  }

  private void chat(ObjectNode choice, RequestSpec spec, Snapshot snapshot) {
    ObjectNode message = choice.putObject("message");
    message.put("role", "assistant");
    StringBuilder content = new StringBuilder();
    List<ObjectNode> calls = new ArrayList<>();
    for (ToolCallReader.Part part : parts(spec, snapshot)) {
      if (part instanceof ToolCallReader.Text text) {
        content.append(text.text());
      } else if (part instanceof ToolCallReader.Call call) {
        calls.add(ChatChunks.call(spec, calls.size(), call));
      }
    }
    if (calls.isEmpty() || content.length() > 0) {
      message.put("content", content.toString());
    } else {
      message.putNull("content");
    }
    message.putNull("refusal");
    if (!calls.isEmpty()) {
      message.putArray("tool_calls").addAll(calls);
    }
    if (spec.logprobs() >= 0) {
      choice.set(
          "logprobs",
          ChatLogprobs.of(
              tokenizer, spec.logprobs(), snapshot.tokens(), 0, snapshot.tokens().size()));
    } else {
      choice.putNull("logprobs");
    }
    choice.put(
        "finish_reason",
        snapshot.finish().map(f -> ChatChunks.reason(f.reason(), !calls.isEmpty())).orElse(null));
  }

  /** Text and tool calls of an output so far. */
  List<ToolCallReader.Part> parts(RequestSpec spec, Snapshot snapshot) {
    ToolCallReader reader = new ToolCallReader(AnswerContext.of(spec).tools());
    List<ToolCallReader.Part> parts = new ArrayList<>(reader.take(text(spec, snapshot)));
    if (snapshot.finish().isPresent()) {
      parts.addAll(reader.finish());
    }
    return parts;
  }

  /** What {@code GET /v1/requests/{id}} says. */
  ObjectNode status(Snapshot snapshot) {
    ObjectNode out = begun("cairn.request");
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
    out.put("seed", first.seed());
    out.put("max_tokens", first.maxTokens());
    out.put("prompt_tokens", first.promptTokens().length);
    out.put("completion_tokens", snapshot.tokens().size());
    out.put("text", text(first, snapshot));
    return out;
  }

  /** An object with the fields that every one begins with. */
  ObjectNode begun(String object) {
    ObjectNode out = Json.object();
    out.put("id", first.id());
    out.put("object", object);
    out.put("created", createdSeconds(first));
    out.put("model", first.model());
    return out;
  }

  /** What chunks of this call's stream are called. */
  String chunkObject() {
    return first.answer().form() == Answer.Form.COMPLETION
        ? "text_completion"
        : "chat.completion.chunk";
  }

  /** A chunk as far as all chunks of a stream are the same, without an end. */
  static String head(String id, String object, RequestSpec spec) {
    StringBuilder out = new StringBuilder("{\"id\":");
    Json.quote(id, out);
    out.append(",\"object\":\"").append(object).append("\",\"created\":");
    out.append(createdSeconds(spec)).append(",\"model\":");
    Json.quote(spec.model(), out);
    return out.toString();
  }

  /** Counts of tokens; a prompt of several choices counts once. */
  ObjectNode usage(int completionTokens) {
    int prompts = 0;
    for (RequestSpec spec : requests) {
      String group = spec.scheduling().group();
      prompts += group.isEmpty() || group.equals(spec.id()) ? spec.promptTokens().length : 0;
    }
    ObjectNode usage = Json.object();
    usage.put("prompt_tokens", prompts);
    usage.put("completion_tokens", completionTokens);
    usage.put("total_tokens", prompts + completionTokens);
    return usage;
  }

  private static long createdSeconds(RequestSpec spec) {
    return spec.submittedAtMillis() / 1000;
  }

  /** Lower case, or null while the request runs. */
  static String finishReason(Snapshot snapshot) {
    return snapshot.finish().map(f -> reason(f.reason())).orElse(null);
  }

  static String reason(FinishReason reason) {
    return reason.name().toLowerCase(Locale.ROOT);
  }

  static String text(Tokenizer tokenizer, int[] tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int token : tokens) {
      bytes.writeBytes(tokenizer.bytes(token));
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** The output's text as far as it is safe to show. */
  String text(RequestSpec spec, Snapshot snapshot) {
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
