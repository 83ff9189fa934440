package dev.cairn.embedded;

import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.model.Tokenizer;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;

/**
 * A durable request and what it has written. Any number of readers may follow it at a time, each at
 * its own pace and from wherever it likes; none of them holds it up, and it goes on without any.
 * Safe for any number of threads.
 */
public final class Generation {
  private final RequestView view;
  private final Requests requests;
  private final Tokenizer tokenizer;
  private final Executor executor;

  Generation(RequestView view, Requests requests, Tokenizer tokenizer, Executor executor) {
    this.view = view;
    this.requests = requests;
    this.tokenizer = tokenizer;
    this.executor = executor;
  }

  /** Names it for {@link Cairn#find}, also in an engine that is started later. */
  public String id() {
    return view.spec().id();
  }

  /**
   * What it writes, from the beginning, for a loop in the thread of whoever reads. The iterator
   * waits for text that is not there yet; interrupting its thread ends that with a {@link
   * CancellationException}, and a generation that fails with a {@link GenerationException}.
   */
  public Iterable<Piece> pieces() {
    return pieces(0);
  }

  /**
   * The same behind a piece.
   *
   * @param next of the last {@link Piece} that the reader has
   */
  public Iterable<Piece> pieces(int next) {
    return () -> new Pieces(new Reader(view, tokenizer, next));
  }

  /** What it writes, from the beginning, as a source that any number may run. */
  public Source<Piece, NotUsed> source() {
    return source(0);
  }

  /**
   * The same behind a piece.
   *
   * @param next of the last {@link Piece} that the reader has
   */
  public Source<Piece, NotUsed> source(int next) {
    return Source.unfoldResourceAsync(
        () -> CompletableFuture.completedFuture(new Reader(view, tokenizer, next)),
        this::nextPiece,
        reader -> {
          reader.close();
          return CompletableFuture.completedFuture(Done.done());
        });
  }

  /** How it ended, once it has. */
  public CompletionStage<Result> result() {
    Reader reader = new Reader(view, tokenizer, 0);
    return rest(reader).thenApply(done -> reader.result());
  }

  /**
   * Waits for its end.
   *
   * @throws GenerationException if it could not be completed
   */
  public Result await() throws InterruptedException {
    return wait(result());
  }

  /**
   * Ends it with what there is.
   *
   * @return how it ended, once that is durable
   */
  public CompletionStage<Result> cancel() {
    return requests.cancel(id()).thenCompose(ended -> result());
  }

  /**
   * Halts it until it is resumed, over restarts as well.
   *
   * @return done once that is durable
   */
  public CompletionStage<Void> pause() {
    return requests.pause(id()).thenAccept(paused -> {});
  }

  /** Lets it go on where it is paused. */
  public CompletionStage<Void> resume() {
    return requests.resume(id()).thenAccept(resumed -> {});
  }

  private CompletionStage<Optional<Piece>> nextPiece(Reader reader) {
    Optional<Piece> piece = reader.poll();
    return piece.isPresent() || reader.hasEnded()
        ? CompletableFuture.completedFuture(piece)
        : reader.changed().thenComposeAsync(done -> nextPiece(reader), executor);
  }

  private CompletionStage<Void> rest(Reader reader) {
    return nextPiece(reader)
        .thenComposeAsync(
            piece ->
                piece.isPresent() ? rest(reader) : CompletableFuture.<Void>completedFuture(null),
            executor);
  }

  static <T> T wait(CompletionStage<T> stage) throws InterruptedException {
    try {
      return stage.toCompletableFuture().get();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      while (cause instanceof CompletionException && cause.getCause() != null) {
        cause = cause.getCause();
      }
      if (cause instanceof RuntimeException known) {
        throw known;
      }
      throw new CompletionException(cause);
    }
  }

  private static final class Pieces implements Iterator<Piece> {
    private final Reader reader;
    private Optional<Piece> next = Optional.empty();

    Pieces(Reader reader) {
      this.reader = reader;
    }

    @Override
    public boolean hasNext() {
      while (next.isEmpty()) {
        next = reader.poll();
        if (next.isEmpty()) {
          if (reader.hasEnded()) {
            return false;
          }
          await();
        }
      }
      return true;
    }

    private void await() {
      try {
        Generation.wait(reader.changed());
      } catch (InterruptedException e) {
        reader.close();
        Thread.currentThread().interrupt();
        throw new CancellationException("interrupted while waiting for text");
      }
    }

    @Override
    public Piece next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the generation has ended");
      }
      Piece piece = next.orElseThrow();
      next = Optional.empty();
      return piece;
    }
  }
}
