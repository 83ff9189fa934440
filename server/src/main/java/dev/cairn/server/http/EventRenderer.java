package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.Snapshot;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.util.ByteString;

/**
 * Turns the snapshots of one request into server-sent events. The id of an event is the index after
 * its last token, and its text is exactly that of the tokens since the event before: so a reader
 * that comes back with the last id it saw gets exactly the rest.
 *
 * <p>Not safe for several threads; one for each stream.
 */
final class EventRenderer {
  private final RequestSpec spec;
  private final Tokenizer tokenizer;
  private final Completion completion;
  private final boolean includeUsage;
  private TextStream text;
  private final LogprobsWriter logprobs;
  private final String head;
  private boolean promptPending;
  private int base;
  private int appended;
  private int shown;

  /**
   * @param includeUsage whether the stream ends with an event that counts tokens
   */
  EventRenderer(RequestSpec spec, Tokenizer tokenizer, boolean includeUsage) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.completion = new Completion(spec, tokenizer);
    this.includeUsage = includeUsage;
    this.text = new TextStream(tokenizer, spec.stop());
    this.logprobs = spec.logprobs() < 0 ? null : new LogprobsWriter(tokenizer, spec.logprobs());
    this.promptPending = spec.echo();
    this.head = head(spec, completion);
  }

  /**
   * Goes on behind the event of this id instead of at the beginning.
   *
   * @throws ApiError where no event can have had this id
   */
  void resumeAfter(int id, Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    if (id < 0 || id > tokens.size()) {
      throw ApiError.invalid(
          "after",
          "after is "
              + id
              + "; expected an index from 0 to "
              + tokens.size()
              + ", the number of tokens committed so far.");
    }
    int lower = boundaryAtMost(id, snapshot);
    if (lower != id) {
      throw ApiError.invalid(
          "after",
          "after is " + id + ", where no event ends; the nearest lower index is " + lower + ".");
    }
    text = new TextStream(tokenizer, spec.stop());
    base = id;
    appended = id;
    shown = id;
    promptPending = false;
    if (logprobs != null) {
      if (spec.echo()) {
        skip(spec.promptTokens());
      }
      for (int i = 0; i < id; i++) {
        logprobs.skip(tokens.get(i));
      }
    }
  }

  /** The events that a snapshot adds to those rendered before; perhaps none. */
  List<ByteString> render(Snapshot snapshot) {
    List<ByteString> events = new ArrayList<>(4);
    boolean ended = snapshot.finish().isPresent();
    if (promptPending) {
      if (spec.promptLogprobs()
          && spec.promptTokens().length > 1
          && snapshot.promptLogprobs().isEmpty()
          && !ended) {
        return events;
      }
      promptPending = false;
      if (logprobs != null) {
        logprobs.addPrompt(spec.promptTokens(), snapshot.promptLogprobs());
      }
      events.add(chunk(0, completion.promptText(), null));
    }
    append(snapshot.tokens());
    if (ended) {
      end(snapshot, events);
    } else if (base + text.boundary() > shown) {
      addLogprobs(snapshot.tokens(), base + text.boundary());
      events.add(chunk(shown, text.drain(), null));
    }
    return events;
  }

  private void end(Snapshot snapshot, List<ByteString> events) {
    Snapshot.Finish finish = snapshot.finish().orElseThrow();
    int size = snapshot.tokens().size();
    text.finish();
    addLogprobs(snapshot.tokens(), size);
    events.add(chunk(size, text.drain(), Completion.finishReason(snapshot)));
    if (finish.reason() == FinishReason.ERROR) {
      events.add(event(size, Json.write(Errors.body(ApiError.failed(finish.detail())))));
    }
    if (includeUsage) {
      ObjectNode usage = Json.object();
      usage.put("id", spec.id());
      usage.put("object", "text_completion");
      usage.put("created", completion.createdSeconds());
      usage.put("model", spec.model());
      usage.putArray("choices");
      usage.set("usage", completion.usage(size));
      events.add(event(size, Json.write(usage)));
    }
    events.add(event(size, "[DONE]"));
  }

  private void append(CommittedTokens tokens) {
    while (appended < tokens.size() && !text.stopped()) {
      text.append(tokens.get(appended++));
    }
  }

  /**
   * The last index not above a given one at which an event may have ended. Whether one may depends
   * on the tokens that follow as well: they show that no stop string begins before it.
   */
  private int boundaryAtMost(int index, Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    TextStream all = new TextStream(tokenizer, spec.stop());
    int lower = 0;
    while (all.tokens() < tokens.size() && !all.stopped() && all.boundary() <= index) {
      lower = all.boundary();
      all.append(tokens.get(all.tokens()));
    }
    if (snapshot.finish().isPresent() && !all.stopped() && all.tokens() == tokens.size()) {
      lower = all.boundary() <= index ? all.boundary() : lower;
      all.finish();
    }
    return all.boundary() <= index ? all.boundary() : lower;
  }

  /** Adds the log-probabilities of the tokens up to an index, which is shown from now on. */
  private void addLogprobs(CommittedTokens tokens, int end) {
    if (logprobs != null) {
      for (int i = shown; i < end; i++) {
        logprobs.add(tokens.get(i), tokens.logprobs(i));
      }
    }
    shown = end;
  }

  private void skip(int[] tokens) {
    for (int token : tokens) {
      logprobs.skip(token);
    }
  }

  private ByteString chunk(int id, String delta, String finishReason) {
    StringBuilder out = new StringBuilder(head.length() + delta.length() + 96);
    out.append("id: ").append(id).append("\ndata: ").append(head);
    Json.quote(delta, out);
    out.append(",\"index\":0,\"logprobs\":");
    if (logprobs == null) {
      out.append("null");
    } else {
      out.append(Json.write(logprobs.take()));
    }
    out.append(",\"finish_reason\":");
    if (finishReason == null) {
      out.append("null");
    } else {
      Json.quote(finishReason, out);
    }
    return ByteString.fromString(out.append("}]}\n\n").toString());
  }

  private static ByteString event(int id, String data) {
    return ByteString.fromString("id: " + id + "\ndata: " + data + "\n\n");
  }

  /** A chunk up to its text. Chunks are many: what is the same in all is written once. */
  private static String head(RequestSpec spec, Completion completion) {
    StringBuilder out = new StringBuilder("{\"id\":");
    Json.quote(spec.id(), out);
    out.append(",\"object\":\"text_completion\",\"created\":").append(completion.createdSeconds());
    out.append(",\"model\":");
    Json.quote(spec.model(), out);
    return out.append(",\"choices\":[{\"text\":").toString();
  }
}
