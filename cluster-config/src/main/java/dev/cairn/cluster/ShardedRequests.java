package dev.cairn.cluster;

import dev.cairn.actors.AdmissionGate;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RejectedException.Kind;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.RequestViews;
import dev.cairn.actors.Requests;
import dev.cairn.actors.ViewRelay;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestSpec;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityRef;

/** Requests as sharded entities, on whichever node each of them lives. */
final class ShardedRequests implements Requests {
  /** How often one call asks again because the request was on the move. */
  private static final int MAX_MOVES = 8;

  /**
   * What the requests of a gateway are bounded by.
   *
   * @param maxContext longest sequence, in tokens
   * @param maxHandOver most tokens that a device hands over at once
   * @param maxMessageBytes most that a message between nodes may hold
   * @param maxAsked submissions that may wait for their answer
   * @param askTimeout longest wait for an answer
   * @param askAgain when what has no answer is asked again
   */
  record Limits(
      int maxContext,
      int maxHandOver,
      long maxMessageBytes,
      int maxAsked,
      Duration askTimeout,
      Duration askAgain) {}

  private final Function<String, EntityRef<RequestActor.Command>> entities;
  private final RequestViews views;
  private final ActorRef<ViewRelay.Command> relay;
  private final Optional<AdmissionGate> alone;
  private final Limits limits;
  private final BooleanSupplier storageFull;
  private final Supplier<Optional<String>> journalAway;
  private final DrainSwitch draining;
  private final Executor executor;
  private final AtomicInteger asked = new AtomicInteger();
  private volatile boolean closed;

  /**
   * @param alone the gate of this node, where all requests live here
   * @param storageFull whether the journal has no room
   */
  ShardedRequests(
      Function<String, EntityRef<RequestActor.Command>> entities,
      RequestViews views,
      ActorRef<ViewRelay.Command> relay,
      Optional<AdmissionGate> alone,
      Limits limits,
      BooleanSupplier storageFull,
      Supplier<Optional<String>> journalAway,
      DrainSwitch draining,
      Executor executor) {
    this.entities = entities;
    this.views = views;
    this.relay = relay;
    this.alone = alone;
    this.limits = limits;
    this.storageFull = storageFull;
    this.journalAway = journalAway;
    this.draining = draining;
    this.executor = executor;
  }

  @Override
  public CompletionStage<RequestView> submit(RequestSpec spec) {
    return submit(spec, "");
  }

  @Override
  public CompletionStage<RequestView> submit(RequestSpec spec, String traceParent) {
    String parent = spec.scheduling().parent();
    if (closed || parent.isEmpty()) {
      return submitPlaced(spec, traceParent);
    }
    return ask(parent, RequestActor.AskPlace::new)
        .thenComposeAsync(reply -> submitPlaced(placed(spec, reply), traceParent), executor);
  }

  /** A parent that nobody knows, or that is another tenant's, leaves a request a root. */
  private static RequestSpec placed(RequestSpec spec, RequestActor.Reply reply) {
    if (reply instanceof RequestActor.Place place
        && place.tenant().equals(spec.scheduling().tenant())) {
      return spec.toBuilder()
          .scheduling(spec.scheduling().withPlace(place.depth(), place.rootSubmittedAtMillis()))
          .build();
    }
    return spec;
  }

  @Override
  public CompletionStage<Optional<Waiting>> whyWaiting(String requestId) {
    return ask(requestId, RequestActor.AskPending::new)
        .thenApply(
            reply ->
                reply instanceof RequestActor.Pending pending && !pending.code().isEmpty()
                    ? Optional.of(new Waiting(pending.code(), pending.text()))
                    : Optional.empty());
  }

  private CompletionStage<RequestView> submitPlaced(RequestSpec spec, String traceParent) {
    if (closed) {
      return rejected(Kind.UNAVAILABLE, "the server is stopping");
    }
    if (draining.isOn()) {
      return rejected(Kind.UNAVAILABLE, "the node is being drained; another one takes requests");
    }
    if (storageFull.getAsBoolean()) {
      return CompletableFuture.failedFuture(full());
    }
    Optional<String> away = journalAway.get();
    if (away.isPresent()) {
      return rejected(Kind.UNAVAILABLE, away.get());
    }
    int wanted = spec.promptTokens().length + (spec.maxTokens() > 0 ? 1 : 0);
    if (wanted > limits.maxContext()) {
      return rejected(
          Kind.TOO_LONG,
          "the prompt has "
              + spec.promptTokens().length
              + " tokens, expected at most "
              + (limits.maxContext() - 1)
              + " so that one more fits into the context of "
              + limits.maxContext());
    }
    Optional<String> tooLarge = MessageSize.refusal(spec, limits);
    if (tooLarge.isPresent()) {
      return rejected(Kind.TOO_LONG, tooLarge.get());
    }
    if (alone.isPresent()) {
      String tenant = spec.scheduling().tenant();
      AdmissionGate.Entry entry = alone.get().look(spec.id(), tenant);
      if (entry == AdmissionGate.Entry.FULL) {
        return rejected(Kind.QUEUE_FULL, AdmissionGate.full(alone.get().limit()));
      }
      if (entry == AdmissionGate.Entry.TENANT_FULL) {
        return rejected(
            Kind.TENANT_QUEUE_FULL,
            AdmissionGate.tenantFull(tenant, alone.get().maxQueued(tenant)));
      }
    }
    if (asked.incrementAndGet() > limits.maxAsked()) {
      asked.decrementAndGet();
      return rejected(
          Kind.QUEUE_FULL,
          limits.maxAsked() + " submissions wait for the journal, as many as this gateway takes");
    }
    return find(
            spec.id(), replyTo -> new RequestActor.Submit(spec, replyTo, traceParent), MAX_MOVES)
        .whenComplete((view, failure) -> asked.decrementAndGet())
        .thenApply(Optional::orElseThrow);
  }

  @Override
  public CompletionStage<Optional<RequestView>> find(String requestId) {
    Optional<RequestView> here = views.owned(requestId);
    if (here.isPresent()) {
      return CompletableFuture.completedFuture(here);
    }
    return find(requestId, RequestActor.Find::new, MAX_MOVES);
  }

  @Override
  public CompletionStage<Optional<RequestView>> cancel(String requestId) {
    return find(requestId, RequestActor.Cancel::new, MAX_MOVES);
  }

  @Override
  public CompletionStage<Boolean> delete(String requestId) {
    return delete(requestId, MAX_MOVES);
  }

  private CompletionStage<Boolean> delete(String requestId, int moves) {
    return ask(requestId, RequestActor.Delete::new)
        .thenComposeAsync(
            reply -> {
              if (reply instanceof RequestActor.Deleted || reply instanceof RequestActor.Unknown) {
                return CompletableFuture.completedFuture(reply instanceof RequestActor.Deleted);
              }
              if (moves == 0) {
                return moved(requestId);
              }
              return reply instanceof RequestActor.Known
                  ? cancel(requestId)
                      .thenComposeAsync(ended -> delete(requestId, moves - 1), executor)
                  : delete(requestId, moves - 1);
            },
            executor);
  }

  @Override
  public CompletionStage<Optional<RequestView>> pause(String requestId) {
    return find(requestId, RequestActor.Pause::new, MAX_MOVES);
  }

  @Override
  public CompletionStage<Optional<RequestView>> resume(String requestId) {
    return find(requestId, RequestActor.Resume::new, MAX_MOVES);
  }

  @Override
  public CompletionStage<Optional<RequestView>> prioritize(String requestId, Band band) {
    return find(requestId, replyTo -> new RequestActor.SetPriority(band, replyTo), MAX_MOVES);
  }

  @Override
  public CompletionStage<Optional<RequestActor.Explanation>> explain(String requestId) {
    return ask(requestId, RequestActor.Explain::new)
        .thenApplyAsync(
            reply ->
                reply instanceof RequestActor.Explanation explanation
                    ? Optional.of(explanation)
                    : Optional.empty(),
            executor);
  }

  /** Brings a request back to life where it is unfinished. */
  CompletionStage<RequestActor.Reply> wake(String requestId) {
    return ask(requestId, RequestActor.Find::new);
  }

  /** Takes no more requests. */
  void close() {
    closed = true;
  }

  /** Asks a request's actor, and finds the view of what it answers. */
  private CompletionStage<Optional<RequestView>> find(
      String requestId,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command,
      int moves) {
    return ask(requestId, command)
        .thenComposeAsync(reply -> answered(requestId, command, reply, moves), executor);
  }

  private CompletionStage<Optional<RequestView>> answered(
      String requestId,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command,
      RequestActor.Reply reply,
      int moves) {
    if (reply instanceof RequestActor.Known known) {
      Optional<RequestView> view = views.owned(requestId);
      if (view.isPresent()) {
        return CompletableFuture.completedFuture(view);
      }
      if (!known.relay().equals(relay)) {
        return elsewhere(known)
            .thenApply(Optional::of)
            .exceptionallyComposeAsync(
                failure -> notShown(requestId, command, failure, moves), executor);
      }
    } else if (reply instanceof RequestActor.Unknown) {
      return CompletableFuture.completedFuture(Optional.empty());
    } else if (reply instanceof RequestActor.NotAccepted) {
      return CompletableFuture.failedFuture(
          storageFull.getAsBoolean()
              ? full()
              : new RejectedException(Kind.UNAVAILABLE, "the journal does not take requests"));
    } else if (reply instanceof RequestActor.Conflict) {
      return rejected(
          Kind.CONFLICT,
          "there is a request " + requestId + " already, which asks for something else");
    } else if (reply instanceof RequestActor.Deleted) {
      return rejected(
          Kind.CONFLICT,
          "the request " + requestId + " was deleted, and its key stands for no other one");
    } else if (reply instanceof RequestActor.Full node) {
      return rejected(Kind.QUEUE_FULL, AdmissionGate.full(node.limit()));
    } else if (reply instanceof RequestActor.TenantFull full) {
      return rejected(
          Kind.TENANT_QUEUE_FULL, AdmissionGate.tenantFull(full.tenant(), full.limit()));
    }
    return moves > 0 ? find(requestId, command, moves - 1) : moved(requestId);
  }

  private static <T> CompletionStage<T> moved(String requestId) {
    return rejected(Kind.UNAVAILABLE, "request " + requestId + " moved while it was looked up");
  }

  /** The view of a request that lives on another node, once it shows what its owner did. */
  private CompletionStage<RequestView> elsewhere(RequestActor.Known known) {
    CompletableFuture<RequestView> followed = new CompletableFuture<>();
    relay.tell(new ViewRelay.Follow(known.requestId(), known.relay(), followed));
    return followed
        .orTimeout(showWithin(), TimeUnit.NANOSECONDS)
        .thenComposeAsync(view -> shows(view, known.version()), executor);
  }

  /** A node may die, or the request may come to live here, between its answer and its news. */
  private CompletionStage<Optional<RequestView>> notShown(
      String requestId,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command,
      Throwable failure,
      int moves) {
    Throwable cause = cause(failure);
    if (cause instanceof TimeoutException && moves > 0) {
      return find(requestId, command, moves - 1);
    }
    return CompletableFuture.failedFuture(
        cause instanceof TimeoutException
            ? new RejectedException(
                Kind.UNAVAILABLE,
                "the node where request "
                    + requestId
                    + " lives did not show it within "
                    + TimeUnit.NANOSECONDS.toSeconds(showWithin())
                    + " seconds")
            : cause);
  }

  private long showWithin() {
    return Math.min(limits.askTimeout().toNanos(), 3 * limits.askAgain().toNanos());
  }

  private CompletableFuture<RequestView> shows(RequestView view, long version) {
    CompletableFuture<RequestView> shown = new CompletableFuture<>();
    Runnable look =
        () -> {
          if (view.snapshot().version() >= version) {
            shown.complete(view);
          }
        };
    RequestView.Subscription subscription = view.subscribe(look);
    look.run();
    return shown
        .orTimeout(showWithin(), TimeUnit.NANOSECONDS)
        .whenComplete((done, failure) -> subscription.cancel());
  }

  /**
   * Asks until there is an answer: what is sent to a node that has just died is lost. Whoever is
   * asked twice does the same as once.
   */
  private CompletionStage<RequestActor.Reply> ask(
      String requestId, Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command) {
    CompletableFuture<RequestActor.Reply> reply = new CompletableFuture<>();
    // A clock of its own: a node that is put out of its cluster answers nothing any more.
    reply.orTimeout(limits.askTimeout().toNanos(), TimeUnit.NANOSECONDS);
    send(requestId, command, reply);
    askAgain(requestId, command, reply);
    return reply.handle(this::reply);
  }

  private void send(
      String requestId,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command,
      CompletableFuture<RequestActor.Reply> reply) {
    CompletionStage<RequestActor.Reply> asked =
        entities.apply(requestId).ask(command::apply, limits.askTimeout());
    asked.whenComplete(
        (r, failure) -> {
          if (failure == null) {
            reply.complete(r);
          } else if (!(cause(failure) instanceof TimeoutException)) {
            reply.completeExceptionally(cause(failure));
          }
        });
  }

  private void askAgain(
      String requestId,
      Function<ActorRef<RequestActor.Reply>, RequestActor.Command> command,
      CompletableFuture<RequestActor.Reply> reply) {
    reply
        .copy()
        .orTimeout(limits.askAgain().toNanos(), TimeUnit.NANOSECONDS)
        .whenCompleteAsync(
            (r, late) -> {
              if (late != null && !reply.isDone()) {
                send(requestId, command, reply);
                askAgain(requestId, command, reply);
              }
            },
            executor);
  }

  private RequestActor.Reply reply(RequestActor.Reply reply, Throwable failure) {
    if (failure == null) {
      return reply;
    }
    Throwable cause = cause(failure);
    throw cause instanceof TimeoutException
        ? new RejectedException(
            Kind.UNAVAILABLE,
            "the journal did not answer within " + limits.askTimeout().toSeconds() + " seconds")
        : new CompletionException(cause);
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  private static RejectedException full() {
    return new RejectedException(Kind.STORAGE_FULL, "the disk of the journal is full");
  }

  private static <T> CompletionStage<T> rejected(Kind kind, String message) {
    return CompletableFuture.failedFuture(new RejectedException(kind, message));
  }
}
