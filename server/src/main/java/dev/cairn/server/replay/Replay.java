package dev.cairn.server.replay;

import dev.cairn.actors.RequestView;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.request.Snapshot;
import dev.cairn.server.LocalNode;
import dev.cairn.server.replay.ReplayResult.Verdict;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * Computes journaled requests once more and compares token by token, log-probabilities included: an
 * audit of what a server has said. Requests run batched, a bounded number at a time; results come
 * in the journal's order.
 */
public final class Replay {
  private static final int PAGE = 256;

  private final LocalNode node;
  private final JournalReader journal;
  private final int window;
  private final Consumer<ReplayResult> results;
  private final Deque<CompletableFuture<ReplayResult>> running = new ArrayDeque<>();

  /**
   * @param node computes; its own journal is not the one that is read
   * @param window most requests that run at the same time
   * @param results told of each request
   */
  public Replay(LocalNode node, JournalReader journal, int window, Consumer<ReplayResult> results) {
    this.node = node;
    this.journal = journal;
    this.window = window;
    this.results = results;
  }

  /** Replays every request of the journal. */
  public void all() throws IOException {
    List<String> ids = journal.persistenceIds("", PAGE);
    while (!ids.isEmpty()) {
      for (String id : ids) {
        Optional<JournaledRequest> request = JournaledRequest.read(journal, id);
        request.ifPresent(this::start);
      }
      ids = journal.persistenceIds(ids.get(ids.size() - 1), PAGE);
    }
    finish();
  }

  /**
   * Replays one request.
   *
   * @return whether the journal has it
   */
  public boolean one(String id) throws IOException {
    Optional<JournaledRequest> request = JournaledRequest.read(journal, id);
    request.ifPresent(this::start);
    finish();
    return request.isPresent();
  }

  private void start(JournaledRequest request) {
    if (running.size() >= window) {
      results.accept(running.removeFirst().join());
    }
    running.addLast(replay(request));
  }

  private void finish() {
    while (!running.isEmpty()) {
      results.accept(running.removeFirst().join());
    }
  }

  private CompletableFuture<ReplayResult> replay(JournaledRequest request) {
    Optional<String> obstacle = obstacle(request);
    if (obstacle.isPresent()) {
      return CompletableFuture.completedFuture(
          new ReplayResult(request.spec().id(), Verdict.SKIPPED, 0, obstacle.get()));
    }
    return node.requests()
        .submit(request.again())
        .thenCompose(Replay::end)
        .thenApply(end -> compare(request, end))
        .toCompletableFuture();
  }

  /** Why a request cannot be compared. */
  private Optional<String> obstacle(JournaledRequest request) {
    if (!request.spec().modelFingerprint().equals(node.model().fingerprint())) {
      return Optional.of("it ran on another model file, \"" + request.spec().model() + "\"");
    }
    String here = node.deviceInfo().numericsVersion();
    if (request.numericsVersions().stream().anyMatch(version -> !version.equals(here))) {
      return Optional.of(
          "it ran under numerics " + request.numericsVersions() + ", this device has " + here);
    }
    if (request.reason().filter(r -> r == FinishReason.ERROR).isPresent()) {
      return Optional.of("it ended with an error");
    }
    if (request.tokens().length == 0 && request.promptLogprobs().isEmpty()) {
      return Optional.of("nothing of it is committed");
    }
    int length = request.spec().promptTokens().length + request.tokens().length;
    return length > node.maxContext()
        ? Optional.of("it has " + length + " tokens, the device takes " + node.maxContext())
        : Optional.empty();
  }

  private static CompletionStage<Snapshot> end(RequestView view) {
    CompletableFuture<Snapshot> end = new CompletableFuture<>();
    Runnable look =
        () -> {
          Snapshot now = view.snapshot();
          if (now.finish().isPresent()) {
            end.complete(now);
          }
        };
    RequestView.Subscription subscription = view.subscribe(look);
    look.run();
    return end.whenComplete((snapshot, failure) -> subscription.cancel());
  }

  static ReplayResult compare(JournaledRequest request, Snapshot end) {
    String id = request.spec().id();
    int[] was = request.tokens();
    int[] is = end.tokens().toArray();
    int parts = Arrays.mismatch(was, is);
    String difference = "";
    if (parts >= 0) {
      difference =
          "token "
              + parts
              + " is "
              + (parts < was.length ? was[parts] : "absent")
              + " in the journal and "
              + (parts < is.length ? is[parts] : "absent")
              + " here";
    } else if (!equal(request.logprobs(), end)) {
      difference = "the log-probabilities of its tokens are others";
    } else if (!equal(request.promptLogprobs(), end.promptLogprobs())) {
      difference = "the log-probabilities of its prompt are others";
    } else if (request.isWhole() && !request.reason().equals(end.finish().map(f -> f.reason()))) {
      difference =
          "it ended by "
              + request.reason().orElseThrow()
              + " and ends by "
              + end.finish().orElseThrow().reason()
              + " here";
    }
    return new ReplayResult(
        id, difference.isEmpty() ? Verdict.EQUAL : Verdict.DIFFERENT, was.length, difference);
  }

  private static boolean equal(List<TokenLogprobs> was, Snapshot end) {
    for (int i = 0; i < was.size(); i++) {
      if (!equal(was.get(i), end.tokens().logprobs(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean equal(List<TokenLogprobs> was, List<TokenLogprobs> is) {
    if (was.size() != is.size()) {
      return false;
    }
    for (int i = 0; i < was.size(); i++) {
      if (!equal(was.get(i), is.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Bit for bit. */
  private static boolean equal(TokenLogprobs was, TokenLogprobs is) {
    return is != null
        && Float.floatToRawIntBits(was.logprob()) == Float.floatToRawIntBits(is.logprob())
        && Arrays.equals(was.topTokens(), is.topTokens())
        && Arrays.equals(was.topLogprobs(), is.topLogprobs());
  }
}
