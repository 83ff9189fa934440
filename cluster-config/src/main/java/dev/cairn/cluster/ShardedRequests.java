package dev.cairn.cluster;

import dev.cairn.actors.AdmissionGate;
import dev.cairn.actors.AdmissionGate.Entry;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RejectedException.Kind;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.RequestViews;
import dev.cairn.actors.Requests;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.LetGo;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityRef;

/** Requests as sharded entities. */
final class ShardedRequests implements Requests {
  private final Function<String, EntityRef<RequestActor.Command>> entities;
  private final Optional<ActorRef<SchedulerActor.Command>> scheduler;
  private final AdmissionGate gate;
  private final RequestViews views;
  private final int maxContext;
  private final Duration askTimeout;
  private final BooleanSupplier storageFull;
  private final Executor executor;
  private volatile boolean closed;

  ShardedRequests(
      Function<String, EntityRef<RequestActor.Command>> entities,
      Optional<ActorRef<SchedulerActor.Command>> scheduler,
      AdmissionGate gate,
      RequestViews views,
      int maxContext,
      Duration askTimeout,
      BooleanSupplier storageFull,
      Executor executor) {
    this.entities = entities;
    this.scheduler = scheduler;
    this.gate = gate;
    this.views = views;
    this.maxContext = maxContext;
    this.askTimeout = askTimeout;
    this.storageFull = storageFull;
    this.executor = executor;
  }

  @Override
  public CompletionStage<RequestView> submit(RequestSpec spec) {
    if (closed) {
      return rejected(Kind.UNAVAILABLE, "the server is stopping");
    }
    if (storageFull.getAsBoolean()) {
      return CompletableFuture.failedFuture(full());
    }
    int wanted = spec.promptTokens().length + (spec.maxTokens() > 0 ? 1 : 0);
    if (wanted > maxContext) {
      return rejected(
          Kind.TOO_LONG,
          "the prompt has "
              + spec.promptTokens().length
              + " tokens, expected at most "
              + (maxContext - 1)
              + " so that one more fits into the context of "
              + maxContext);
    }
    Entry entry = gate.enter(spec.id());
    if (entry == Entry.FULL) {
      return rejected(
          Kind.QUEUE_FULL,
          "the server has " + gate.limit() + " unfinished requests, as many as it takes");
    }
    return ask(spec.id(), replyTo -> new RequestActor.Submit(spec, replyTo))
        .thenApplyAsync(reply -> submitted(spec.id(), reply, entry), executor);
  }

  private RequestView submitted(String requestId, RequestActor.Reply reply, Entry entry) {
    if (reply instanceof RequestActor.Known) {
      RequestView view = view(requestId);
      if (view.snapshot().finish().isPresent()) {
        gate.leave(requestId);
      }
      return view;
    }
    if (entry == Entry.NEW) {
      gate.leave(requestId);
    }
    if (reply instanceof RequestActor.NotAccepted) {
      throw storageFull.getAsBoolean()
          ? full()
          : new RejectedException(Kind.UNAVAILABLE, "the journal does not take requests");
    }
    throw new RejectedException(
        Kind.CONFLICT,
        "there is a request " + requestId + " already, which asks for something else");
  }

  @Override
  public CompletionStage<Optional<RequestView>> find(String requestId) {
    Optional<RequestView> here = views.find(requestId);
    if (here.isPresent()) {
      return CompletableFuture.completedFuture(here);
    }
    return ask(requestId, RequestActor.Find::new)
        .thenApplyAsync(reply -> existing(requestId, reply), executor);
  }

  @Override
  public CompletionStage<Optional<RequestView>> cancel(String requestId) {
    return leave(requestId, LetGo.CANCEL, RequestActor.Cancel::new);
  }

  @Override
  public CompletionStage<Optional<RequestView>> pause(String requestId) {
    return leave(requestId, LetGo.PAUSE, RequestActor.Pause::new);
  }

  @Override
  public CompletionStage<Optional<RequestView>> resume(String requestId) {
    return ask(requestId, RequestActor.Resume::new)
        .thenApplyAsync(reply -> existing(requestId, reply), executor);
  }

  private CompletionStage<Optional<RequestView>> leave(
      String requestId,
      LetGo why,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command) {
    // The request does not read its mailbox while it writes, so the device hears of it here as
    // well.
    scheduler.ifPresent(own -> own.tell(new SchedulerActor.LeaveNow(requestId, why)));
    return ask(requestId, command).thenApplyAsync(reply -> existing(requestId, reply), executor);
  }

  /** Brings a request back to life where it is unfinished. */
  CompletionStage<?> wake(String requestId) {
    return ask(requestId, RequestActor.Find::new);
  }

  /** Takes no more requests. */
  void close() {
    closed = true;
  }

  private Optional<RequestView> existing(String requestId, RequestActor.Reply reply) {
    return reply instanceof RequestActor.Known ? Optional.of(view(requestId)) : Optional.empty();
  }

  private RequestView view(String requestId) {
    return views
        .find(requestId)
        .orElseThrow(
            () ->
                new RejectedException(
                    Kind.UNAVAILABLE, "request " + requestId + " moved while it was looked up"));
  }

  private CompletionStage<RequestActor.Reply> ask(
      String requestId, Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command) {
    CompletableFuture<RequestActor.Reply> reply = new CompletableFuture<>();
    CompletionStage<RequestActor.Reply> asked =
        entities.apply(requestId).ask(command::apply, askTimeout);
    asked.whenComplete((r, failure) -> complete(reply, r, failure));
    return reply;
  }

  private void complete(
      CompletableFuture<RequestActor.Reply> reply, RequestActor.Reply r, Throwable failure) {
    if (failure == null) {
      reply.complete(r);
      return;
    }
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    reply.completeExceptionally(
        cause instanceof TimeoutException
            ? new RejectedException(
                Kind.UNAVAILABLE,
                "the journal did not answer within " + askTimeout.toSeconds() + " seconds")
            : cause);
  }

  private static RejectedException full() {
    return new RejectedException(Kind.STORAGE_FULL, "the disk of the journal is full");
  }

  private static <T> CompletionStage<T> rejected(Kind kind, String message) {
    return CompletableFuture.failedFuture(new RejectedException(kind, message));
  }
}
