package dev.cairn.actors;

import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.Handover;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * Owner of one request: of its token list, of which no other writable form exists. Tokens come as
 * {@link Generated}, match (epoch, index) exactly or are dropped, are journaled, and only then
 * published to the request's {@link RequestView} and acknowledged to the scheduler.
 *
 * <p>After a restart of any kind the journal is replayed, a new epoch fences off whatever is still
 * under way, and the rest is generated again from the committed tokens.
 */
public final class RequestActor
    extends EventSourcedBehavior<RequestActor.Command, RequestEvent, RequestState> {
  /** What a request understands. */
  public sealed interface Command {}

  /** Accept this request, or join it where it exists. */
  public record Submit(RequestSpec spec, ActorRef<Reply> replyTo) implements Command {}

  /** Is there such a request? Brings it back to life where it is unfinished. */
  public record Find(ActorRef<Reply> replyTo) implements Command {}

  /** End it; answered when the device has let go and the end is durable. */
  public record Cancel(ActorRef<Reply> replyTo) implements Command {}

  /** Tokens from a scheduler. */
  public record Generated(Handover handover) implements Command {}

  /** A scheduler no longer holds anything of an epoch. */
  public record Released(int epoch) implements Command {}

  /** The device lost an epoch; it has to run again. */
  public record DeviceLost(int epoch) implements Command {}

  /** The shard wants the actor to stop; what is unfinished goes on when it is started again. */
  public enum Stop implements Command {
    INSTANCE
  }

  private enum Unneeded implements Command {
    INSTANCE
  }

  private enum Assign implements Command {
    INSTANCE
  }

  /** Answers. */
  public sealed interface Reply {}

  /** The request exists; its view is in this node's {@link RequestViews}. */
  public record Known(String requestId) implements Reply {}

  /** There is no such request. */
  public record Unknown(String requestId) implements Reply {}

  /** The journal did not take the request; nothing of it is left. */
  public record NotAccepted(String requestId) implements Reply {}

  /** The id names a request with other content. */
  public record Conflict(String requestId) implements Reply {}

  /**
   * What a request needs of its node.
   *
   * @param maxDeviceLosses attempts lost to device failures before a request ends with an error
   * @param linger how long a finished request's actor stays for readers
   * @param retryAssign pause before looking again for a device where none serves the model
   */
  public record Environment(
      Placement placement,
      RequestViews views,
      AdmissionGate gate,
      Tokenizer tokenizer,
      Telemetry telemetry,
      LongSupplier nanoTime,
      int maxDeviceLosses,
      Duration linger,
      Duration retryAssign) {}

  private final String requestId;
  private final Environment env;
  private final Consumer<ActorRef<Command>> passivate;
  private final ActorContext<Command> context;
  private final TimerScheduler<Command> timers;
  private final List<ActorRef<Reply>> cancellers = new ArrayList<>();
  private Optional<RequestView> view = Optional.empty();
  private Optional<ActorRef<SchedulerActor.Command>> scheduler = Optional.empty();

  private Optional<StopStrings> stopStrings = Optional.empty();

  /** Who waits for this request to become durable. */
  private Optional<ActorRef<Reply>> submitter = Optional.empty();

  private boolean assigning;
  private int deviceLosses;
  private long lastCommitNanos;

  /**
   * @param passivate asks the actor's shard to stop it, because nobody needs it
   */
  public static Behavior<Command> create(
      String requestId, Environment env, Consumer<ActorRef<Command>> passivate) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> new RequestActor(requestId, env, passivate, context, timers)));
  }

  /** Persistence id of a request. */
  public static PersistenceId persistenceId(String requestId) {
    return PersistenceId.ofUniqueId(requestId);
  }

  private RequestActor(
      String requestId,
      Environment env,
      Consumer<ActorRef<Command>> passivate,
      ActorContext<Command> context,
      TimerScheduler<Command> timers) {
    super(persistenceId(requestId));
    this.requestId = requestId;
    this.env = env;
    this.passivate = passivate;
    this.context = context;
    this.timers = timers;
    this.lastCommitNanos = env.nanoTime().getAsLong();
  }

  @Override
  public RequestState emptyState() {
    return RequestState.NONE;
  }

  @Override
  public EventHandler<RequestState, RequestEvent> eventHandler() {
    return RequestState::apply;
  }

  @Override
  public SignalHandler<RequestState> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::onRecovered)
        .onSignal(PostStop.instance(), this::onStopped)
        .build();
  }

  @Override
  public CommandHandler<Command, RequestEvent, RequestState> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(Generated.class, this::onGenerated)
        .onCommand(Submit.class, this::onSubmit)
        .onCommand(Find.class, this::onFind)
        .onCommand(Cancel.class, this::onCancel)
        .onCommand(Released.class, this::onReleased)
        .onCommand(DeviceLost.class, this::onDeviceLost)
        .onCommand(Assign.class, (state, assign) -> onAssign(state))
        .onCommand(Unneeded.class, (state, unneeded) -> onUnneeded())
        .onCommand(Stop.class, (state, stop) -> Effect().stop())
        .build();
  }

  private void onRecovered(RequestState state) {
    state.spec().ifPresent(spec -> open(spec, state));
    if (state.isUnfinished()) {
      env.gate().readmit(requestId);
      assignSoon();
    } else if (state.spec().isPresent()) {
      linger();
    }
  }

  private void onStopped(RequestState state) {
    view.ifPresent(v -> env.views().remove(requestId, v));
    if (state.spec().isEmpty()) {
      env.gate().leave(requestId);
    }
    submitter.ifPresent(s -> s.tell(new NotAccepted(requestId)));
  }

  private void open(RequestSpec spec, RequestState state) {
    RequestView opened = new RequestView(spec, state.snapshot());
    view = Optional.of(opened);
    env.views().add(requestId, opened);
    stopStrings = Optional.of(new StopStrings(spec, env.tokenizer(), state.tokens()));
  }

  private Effect<RequestEvent, RequestState> onSubmit(RequestState state, Submit submit) {
    if (state.spec().isPresent()) {
      boolean same = state.spec().get().isSameRequest(submit.spec());
      return Effect()
          .none()
          .thenReply(submit.replyTo(), s -> same ? new Known(requestId) : new Conflict(requestId));
    }
    RequestSpec spec = submit.spec();
    List<RequestEvent> events = new ArrayList<>();
    events.add(new RequestEvent.Accepted(spec));
    // One write for both where a device is known: a request costs one commit before it runs.
    Optional<Placement.Target> target = env.placement().choose(spec);
    target.ifPresent(t -> events.add(assigned(1, 0, t)));
    lastCommitNanos = env.nanoTime().getAsLong();
    submitter = Optional.of(submit.replyTo());
    return Effect()
        .persist(events)
        .thenRun(
            (RequestState next) -> {
              env.gate().readmit(requestId);
              open(spec, next);
              env.telemetry().accepted(spec.promptTokens().length);
              submitter = Optional.empty();
              submit.replyTo().tell(new Known(requestId));
              target.ifPresentOrElse(t -> admit(next, t), this::assignLater);
            });
  }

  private Effect<RequestEvent, RequestState> onFind(RequestState state, Find find) {
    if (state.spec().isEmpty()) {
      passivate.accept(context.getSelf());
      return Effect().none().thenReply(find.replyTo(), s -> new Unknown(requestId));
    }
    return Effect().none().thenReply(find.replyTo(), s -> new Known(requestId));
  }

  private Effect<RequestEvent, RequestState> onCancel(RequestState state, Cancel cancel) {
    if (state.spec().isEmpty()) {
      passivate.accept(context.getSelf());
      return Effect().none().thenReply(cancel.replyTo(), s -> new Unknown(requestId));
    }
    if (state.finish().isPresent()) {
      return Effect().none().thenReply(cancel.replyTo(), s -> new Known(requestId));
    }
    cancellers.add(cancel.replyTo());
    if (scheduler.isEmpty()) {
      return finish(state, FinishReason.CANCELLED, "cancelled before it ran");
    }
    scheduler.get().tell(new SchedulerActor.Cancel(requestId, context.getSelf(), state.epoch()));
    return Effect().none();
  }

  private Effect<RequestEvent, RequestState> onReleased(RequestState state, Released released) {
    if (!state.isUnfinished() || released.epoch() != state.epoch()) {
      return Effect().none();
    }
    return finish(state, FinishReason.CANCELLED, "cancelled");
  }

  private Effect<RequestEvent, RequestState> onDeviceLost(RequestState state, DeviceLost lost) {
    if (!state.isUnfinished() || lost.epoch() != state.epoch()) {
      return Effect().none();
    }
    scheduler = Optional.empty();
    if (!cancellers.isEmpty()) {
      return finish(state, FinishReason.CANCELLED, "cancelled");
    }
    if (++deviceLosses > env.maxDeviceLosses()) {
      return finish(
          state,
          FinishReason.ERROR,
          "the device failed " + deviceLosses + " times while it ran this request");
    }
    return assign(state);
  }

  private Effect<RequestEvent, RequestState> onAssign(RequestState state) {
    assigning = false;
    return state.isUnfinished() && scheduler.isEmpty() ? assign(state) : Effect().none();
  }

  private Effect<RequestEvent, RequestState> assign(RequestState state) {
    RequestSpec spec = state.spec().orElseThrow();
    Optional<Placement.Target> target = env.placement().choose(spec);
    if (target.isEmpty()) {
      assignLater();
      return Effect().none();
    }
    int known = spec.promptTokens().length + state.tokens().size();
    if (known > target.get().maxContext()) {
      return finish(
          state,
          FinishReason.ERROR,
          "the request has "
              + known
              + " tokens, more than the "
              + target.get().maxContext()
              + " that the device takes now");
    }
    return Effect()
        .persist((RequestEvent) assigned(state.epoch() + 1, state.tokens().size(), target.get()))
        .thenRun(
            (RequestState next) -> {
              publish(next);
              admit(next, target.get());
            });
  }

  private RequestEvent.Assigned assigned(int epoch, int index, Placement.Target target) {
    return new RequestEvent.Assigned(
        requestId, epoch, index, target.device(), target.numericsVersion());
  }

  private void admit(RequestState state, Placement.Target target) {
    scheduler = Optional.of(target.scheduler());
    target.scheduler().tell(new SchedulerActor.Admit(state.admission(), context.getSelf()));
  }

  private void assignSoon() {
    assigning = true;
    context.getSelf().tell(Assign.INSTANCE);
  }

  private void assignLater() {
    if (!assigning) {
      assigning = true;
      timers.startSingleTimer(Assign.INSTANCE, env.retryAssign());
    }
  }

  private Effect<RequestEvent, RequestState> onGenerated(RequestState state, Generated generated) {
    Handover handover = generated.handover();
    if (!state.isNext(handover)) {
      dropStale(state, handover);
      return Effect().none();
    }
    int kept = stopStrings.orElseThrow().take(handover.tokens());
    List<RequestEvent> events = state.commit(handover, kept, stopStrings.get().found());
    return Effect().persist(events).thenRun(next -> onCommitted(next, handover, kept));
  }

  private void onCommitted(RequestState state, Handover handover, int kept) {
    ActorRef<SchedulerActor.Command> from = scheduler.orElseThrow();
    if (kept == handover.tokens().length
        && state.finish().isPresent() == handover.end().isPresent()) {
      from.tell(new SchedulerActor.Committed(requestId, state.epoch(), state.tokens().size()));
    } else {
      from.tell(new SchedulerActor.Release(requestId, state.epoch()));
    }
    measure(handover.firstIndex(), kept);
    publish(state);
    if (state.finish().isPresent()) {
      onFinished();
    }
  }

  private void measure(int firstIndex, int tokens) {
    long now = env.nanoTime().getAsLong();
    long elapsed = now - lastCommitNanos;
    lastCommitNanos = now;
    if (tokens > 0) {
      env.telemetry().tokensCommitted(tokens);
      if (firstIndex == 0) {
        env.telemetry().firstToken(elapsed);
      } else {
        env.telemetry().interToken(elapsed / tokens, tokens);
      }
    }
  }

  private void dropStale(RequestState state, Handover handover) {
    env.telemetry().staleResult();
    if (state.contradicts(handover)) {
      context
          .getLog()
          .error(
              "request {} was given other tokens than it has committed, epoch {} index {}; they are"
                  + " dropped",
              requestId,
              handover.epoch(),
              handover.firstIndex());
    } else {
      context
          .getLog()
          .warn(
              "request {} dropped {} tokens of epoch {} from index {}; it is at epoch {} index {}{}",
              requestId,
              handover.tokens().length,
              handover.epoch(),
              handover.firstIndex(),
              state.epoch(),
              state.tokens().size(),
              state.finish().isPresent() ? " and finished" : "");
    }
  }

  private Effect<RequestEvent, RequestState> finish(
      RequestState state, FinishReason reason, String detail) {
    RequestEvent event =
        new RequestEvent.Finished(requestId, state.epoch(), state.tokens().size(), reason, detail);
    return Effect()
        .persist(event)
        .thenRun(
            (RequestState next) -> {
              publish(next);
              onFinished();
            });
  }

  private void onFinished() {
    cancellers.forEach(canceller -> canceller.tell(new Known(requestId)));
    cancellers.clear();
    scheduler = Optional.empty();
    stopStrings = Optional.empty();
    linger();
  }

  private void publish(RequestState state) {
    // Who reads of the end may count on the room, and on having been counted.
    state
        .finish()
        .ifPresent(
            finish -> {
              env.gate().leave(requestId);
              env.telemetry().finished(finish.reason());
            });
    view.orElseThrow().publish(state.snapshot(), context.getLog());
  }

  private void linger() {
    timers.startSingleTimer(Unneeded.INSTANCE, env.linger());
  }

  private Effect<RequestEvent, RequestState> onUnneeded() {
    passivate.accept(context.getSelf());
    return Effect().none();
  }
}
