package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.request.Snapshot.State;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a node that does not own a request knows of it, for its readers: a copy that grows by {@link
 * Update}s and that nothing is ever written back from. Whatever was lost, repeated or overtaken on
 * the way, it only ever shows what was committed, and never less than it showed before.
 */
public final class RequestCopy {
  private static final Snapshot NOTHING =
      new Snapshot(
          0,
          State.ACCEPTED,
          Scheduling.DEFAULT.band(),
          List.of(),
          CommittedTokens.EMPTY,
          List.of(),
          Optional.empty());

  /** What came of an update. */
  public enum Taken {
    /** There is more to show. */
    GREW,
    /** There is nothing to show that was not shown. */
    KNOWN,
    /** Something before it is missing: the reader asks again from where it is. */
    GAP,
    /** It takes back or changes what was shown; nothing of it is kept. */
    CONTRADICTION
  }

  private final String requestId;
  private Optional<RequestSpec> spec = Optional.empty();
  private Snapshot snapshot = NOTHING;

  /** What came so far, of {@link #seen} or older versions; shown when it is whole. */
  private CommittedTokens tokens = CommittedTokens.EMPTY;

  private final List<TokenLogprobs> promptLogprobs = new ArrayList<>();
  private long seen;

  /** A copy that knows nothing yet. */
  public RequestCopy(String requestId) {
    this.requestId = requestId;
  }

  /** A copy that goes on from what was shown. */
  public RequestCopy(RequestSpec spec, Snapshot shown) {
    this.requestId = spec.id();
    this.spec = Optional.of(spec);
    this.snapshot = shown;
    // Whoever grew the list before may still hold it: the copy gets storage of its own.
    CommittedTokens before = shown.tokens();
    List<TokenLogprobs> logprobs = new ArrayList<>();
    for (int i = 0; i < before.size() && before.logprobs(i) != null; i++) {
      logprobs.add(before.logprobs(i));
    }
    this.tokens = CommittedTokens.EMPTY.append(before.toArray(), logprobs);
    this.promptLogprobs.addAll(shown.promptLogprobs());
    this.seen = shown.version();
  }

  /** What was asked for; empty before it came. */
  public Optional<RequestSpec> spec() {
    return spec;
  }

  /** A snapshot that the owner showed, the newest that came whole. */
  public Snapshot snapshot() {
    return snapshot;
  }

  /** What it lacks. */
  public Want want() {
    return new Want(
        requestId, spec.isEmpty(), snapshot.version(), promptLogprobs.size(), tokens.size());
  }

  /** Takes an update. */
  public Taken take(Update update) {
    if ((spec.isEmpty() && update.spec().isEmpty())
        || update.firstPromptLogprob() > promptLogprobs.size()
        || update.firstIndex() > tokens.size()) {
      return Taken.GAP;
    }
    if (contradicts(update)) {
      return Taken.CONTRADICTION;
    }
    boolean shows =
        update.whole() && update.version() >= seen && update.version() > snapshot.version();
    if (shows && update.head().isEmpty() && update.headSince() > snapshot.version()) {
      return Taken.GAP;
    }
    if (spec.isEmpty()) {
      spec = update.spec();
    }
    grow(update);
    seen = Math.max(seen, update.version());
    if (shows) {
      show(update);
    }
    return shows ? Taken.GREW : Taken.KNOWN;
  }

  private boolean contradicts(Update update) {
    int end = update.firstIndex() + update.tokens().length;
    for (int i = update.firstIndex(); i < Math.min(end, tokens.size()); i++) {
      if (tokens.get(i) != update.tokens()[i - update.firstIndex()]) {
        return true;
      }
    }
    boolean shrinks = update.whole() && update.version() >= seen && end < tokens.size();
    boolean goesOn = snapshot.finish().isPresent() && update.version() > snapshot.version();
    return shrinks || goesOn;
  }

  private void grow(Update update) {
    List<TokenLogprobs> prompt = update.promptLogprobs();
    int knownPrompt = promptLogprobs.size() - update.firstPromptLogprob();
    if (knownPrompt < prompt.size()) {
      promptLogprobs.addAll(prompt.subList(knownPrompt, prompt.size()));
    }
    int known = tokens.size() - update.firstIndex();
    if (known < update.tokens().length) {
      List<TokenLogprobs> logprobs = update.logprobs();
      tokens =
          tokens.append(
              Arrays.copyOfRange(update.tokens(), known, update.tokens().length),
              logprobs.isEmpty() ? logprobs : logprobs.subList(known, logprobs.size()));
    }
  }

  private void show(Update update) {
    Update.Head head = update.head().orElseGet(() -> Update.Head.of(snapshot));
    List<TokenLogprobs> shown =
        promptLogprobs.size() == snapshot.promptLogprobs().size()
            ? snapshot.promptLogprobs()
            : List.copyOf(promptLogprobs);
    snapshot =
        new Snapshot(
            update.version(),
            head.state(),
            head.band(),
            head.attempts(),
            tokens,
            shown,
            head.finish());
  }
}
