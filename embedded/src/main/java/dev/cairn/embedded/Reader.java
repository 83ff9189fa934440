package dev.cairn.embedded;

import dev.cairn.actors.RequestView;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * One reader's way through a generation. It listens only while it waits, so that a reader who is
 * forgotten holds nothing. Not safe for several threads.
 */
final class Reader {
  private final RequestView view;
  private final OutputPieces pieces;
  private final StringBuilder text = new StringBuilder();
  private long seen = -1;
  private RequestView.Subscription listening = () -> {};

  /**
   * @param from a {@link Piece#next()}, or 0
   */
  Reader(RequestView view, Tokenizer tokenizer, int from) {
    this.view = view;
    this.pieces = new OutputPieces(view.spec(), tokenizer);
    if (from != 0) {
      text.append(pieces.resumeAfter(from, view.snapshot()));
    }
  }

  /**
   * What has been written since the last call; empty where nothing has.
   *
   * @throws GenerationException at the end of a generation that failed, once its text was given
   */
  Optional<Piece> poll() {
    Snapshot now = view.snapshot();
    seen = now.version();
    if (!pieces.hasEnded()) {
      Optional<OutputPieces.Piece> piece = pieces.next(now);
      if (piece.isPresent() && !piece.get().text().isEmpty()) {
        text.append(piece.get().text());
        return Optional.of(new Piece(piece.get().text(), piece.get().to()));
      }
    }
    if (pieces.hasEnded()) {
      result();
    }
    return Optional.empty();
  }

  /** Whether {@link #poll} has given everything. */
  boolean hasEnded() {
    return pieces.hasEnded();
  }

  /**
   * How an ended generation ended.
   *
   * @throws GenerationException if it could not be completed
   */
  Result result() {
    Snapshot end = view.snapshot();
    Snapshot.Finish finish = end.finish().orElseThrow();
    Result result =
        new Result(view.spec().id(), text.toString(), end.tokens().toArray(), finish.reason());
    if (finish.reason() == FinishReason.ERROR) {
      throw new GenerationException(finish.detail(), result);
    }
    return result;
  }

  /** Completes when {@link #poll} may give more than it last did. */
  CompletionStage<Void> changed() {
    CompletableFuture<Void> changed = new CompletableFuture<>();
    RequestView.Subscription subscription = view.subscribe(() -> changed.complete(null));
    listening = subscription;
    if (view.snapshot().version() != seen) {
      changed.complete(null);
    }
    return changed.whenComplete((done, failure) -> subscription.cancel());
  }

  /** Waits no longer. */
  void close() {
    listening.cancel();
  }
}
