package dev.cairn.actors;

import dev.cairn.actors.CrashPoint.Boundary;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Attempt;
import dev.cairn.request.Decision;
import dev.cairn.request.Effects;
import dev.cairn.request.LetGo;
import dev.cairn.request.Placement;
import dev.cairn.request.RequestProtocol;
import dev.cairn.request.RequestState;
import dev.cairn.request.Snapshot;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.BackoffSupervisorStrategy;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.BehaviorInterceptor;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.TypedActorContext;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.persistence.typed.EventRejectedException;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.RecoveryFailed;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * Owner of one request: of its token list, of which no other writable form exists. A shell round
 * the {@link RequestProtocol}: it journals the events of each decision, and only then publishes to
 * the request's {@link RequestView} and tells the scheduler.
 *
 * <p>After a restart of any kind the journal is replayed. A scheduler that still runs the request
 * goes on with it; otherwise a new epoch fences off whatever is still under way, and the rest is
 * generated again from the committed tokens.
 */
public final class RequestActor
    extends EventSourcedBehavior<RequestActor.Command, RequestEvent, RequestState>
    implements Effects<ActorRef<RequestActor.Reply>, ActorRef<SchedulerActor.Command>> {
  /** What a request understands. */
  public sealed interface Command extends ClusterMessage {}

  /**
   * Accept this request, or join it where it exists.
   *
   * @param traceParent trace that the client follows, as HTTP's {@code traceparent} names it;
   *     empty: none. Not journaled
   */
  public record Submit(RequestSpec spec, ActorRef<Reply> replyTo, String traceParent)
      implements Command {
    /** Of a client that follows no trace. */
    public Submit(RequestSpec spec, ActorRef<Reply> replyTo) {
      this(spec, replyTo, "");
    }
  }

  /** Is there such a request? Brings it back to life where it is unfinished. */
  public record Find(ActorRef<Reply> replyTo) implements Command {}

  /** End it; answered when the device has let go and the end is durable. */
  public record Cancel(ActorRef<Reply> replyTo) implements Command {}

  /**
   * Delete it, which has to have ended; answered with {@link Deleted} when that is durable, and
   * with {@link Known} where it has not ended.
   */
  public record Delete(ActorRef<Reply> replyTo) implements Command {}

  /** Halt it; answered when the device has let go and the pause is durable. */
  public record Pause(ActorRef<Reply> replyTo) implements Command {}

  /** Let it go on where it is paused; answered when that is durable. */
  public record Resume(ActorRef<Reply> replyTo) implements Command {}

  /** Change its urgency; answered when that is durable. */
  public record SetPriority(Band band, ActorRef<Reply> replyTo) implements Command {
    public SetPriority {
      Objects.requireNonNull(band, "a SetPriority without its band");
    }
  }

  /** Why is it where it is? Answered with an {@link Explanation}. */
  public record Explain(ActorRef<Reply> replyTo) implements Command {}

  /**
   * Where in its tree would a request be that names this one as its parent? Answered with {@link
   * Place}.
   */
  public record AskPlace(ActorRef<Reply> replyTo) implements Command {}

  /** A request that has not ended is part of this one. */
  public record ChildJoined(String child) implements Command {}

  /** A request that was part of this one has ended. */
  public record ChildLeft(String child) implements Command {}

  /** The parent was cancelled; answered when this request has ended, or at once where it stays. */
  public record CancelWithParent(ActorRef<Reply> replyTo) implements Command {}

  /** Why does it wait? Answered with {@link Pending}. */
  public record AskPending(ActorRef<Reply> replyTo) implements Command {}

  /** Tokens from a scheduler. */
  public record Generated(Handover handover, ActorRef<SchedulerActor.Command> from)
      implements Command {}

  /** A scheduler no longer holds anything of an epoch. */
  public record Released(int epoch, LetGo why) implements Command {}

  /** The device lost an epoch; it has to run again. */
  public record DeviceLost(int epoch) implements Command {}

  /** A scheduler that is to be emptied asks an epoch to run elsewhere, if it can. */
  public record Move(int epoch, ActorRef<SchedulerActor.Command> from) implements Command {}

  /** A scheduler gave an epoch's slot to others; it has to be admitted again. */
  public record Evicted(int epoch) implements Command {}

  /** A scheduler goes on with an epoch for this owner. */
  public record Adopted(int epoch) implements Command {}

  /** A scheduler has nothing of an epoch. */
  public record NotHeld(int epoch) implements Command {}

  /** The shard wants the actor to stop; what is unfinished goes on when it is started again. */
  public enum Stop implements Command {
    INSTANCE
  }

  private record SchedulerGone(ActorRef<SchedulerActor.Command> scheduler) implements Command {}

  private record SchedulerAway(ActorRef<SchedulerActor.Command> scheduler) implements Command {}

  private enum Unneeded implements Command {
    INSTANCE
  }

  private enum Assign implements Command {
    INSTANCE
  }

  private enum Check implements Command {
    INSTANCE
  }

  private enum TimeOver implements Command {
    INSTANCE
  }

  private enum NoProgress implements Command {
    INSTANCE
  }

  /** Answers. */
  public sealed interface Reply extends ClusterMessage {}

  /**
   * The request exists.
   *
   * @param version of the snapshot that its owner shows by now
   * @param relay of the node where it lives, whose {@link RequestViews} have its view
   */
  public record Known(String requestId, long version, ActorRef<ViewRelay.Command> relay)
      implements Reply {}

  /** There is no such request. */
  public record Unknown(String requestId) implements Reply {}

  /** The journal did not take the request; nothing of it is left. */
  public record NotAccepted(String requestId) implements Reply {}

  /** The id names a request with other content. */
  public record Conflict(String requestId) implements Reply {}

  /** The request was deleted, now or before; its id stands for it until it would be forgotten. */
  public record Deleted(String requestId) implements Reply {}

  /** The request's actor is about to stop; the next one answers. */
  public record Again(String requestId) implements Reply {}

  /**
   * The node where the request would live has no place for it.
   *
   * @param limit unfinished requests that it takes
   */
  public record Full(String requestId, int limit) implements Reply {}

  /**
   * The request's tenant has as many requests without a token as it may, on the node where the
   * request would live.
   *
   * @param limit that it may have
   */
  public record TenantFull(String requestId, String tenant, int limit) implements Reply {}

  /**
   * The place of a child in the tree of a request.
   *
   * @param tenant whose the tree is
   * @param depth how far below the root
   * @param rootSubmittedAtMillis when the root was submitted, milliseconds since the epoch
   */
  public record Place(String requestId, String tenant, int depth, long rootSubmittedAtMillis)
      implements Reply {}

  /**
   * Why a request waits.
   *
   * @param code for programs; empty: it does not wait
   * @param text for people
   */
  public record Pending(String requestId, String code, String text) implements Reply {}

  /**
   * Why a request is where it is.
   *
   * @param attempts the newest of them, in order
   * @param decision what the device of the newest attempt was chosen from, the best first; empty
   *     where this actor did not choose it
   * @param now what a device would be chosen from now, the best first; empty when it has ended
   */
  public record Explanation(
      String requestId,
      Snapshot.State state,
      Band band,
      List<Attempt> attempts,
      List<Verdict> decision,
      List<Verdict> now)
      implements Reply {}

  /**
   * What a request needs of its node.
   *
   * @param relay of this node
   * @param clockMillis milliseconds since the epoch
   * @param peers has another request told something
   * @param maxDeviceLosses attempts lost to device failures before a request ends with an error
   * @param linger how long a finished request's actor stays for readers
   * @param retryAssign pause before looking again for a device where none serves the model
   * @param adoptTimeout wait for a scheduler to say whether it still runs a request
   * @param checkInterval how often a request that gets no tokens asks its scheduler whether it
   *     still runs it
   * @param minRestart pause before an actor that failed starts again, doubled with each failure
   * @param maxRestart longest such pause
   * @param journalMayReturn whether a journal that fails may work again later, as a database does
   * @param crashPoint where a test lets the process die
   */
  public record Environment(
      Placement<ActorRef<SchedulerActor.Command>> placement,
      RequestViews views,
      ActorRef<ViewRelay.Command> relay,
      AdmissionGate gate,
      Tokenizer tokenizer,
      Telemetry telemetry,
      LongSupplier nanoTime,
      LongSupplier clockMillis,
      BiConsumer<String, Command> peers,
      int maxDeviceLosses,
      Duration linger,
      Duration retryAssign,
      Duration adoptTimeout,
      Duration checkInterval,
      Duration minRestart,
      Duration maxRestart,
      boolean journalMayReturn,
      CrashPoint crashPoint) {}

  private final String requestId;
  private final Environment env;
  private final Consumer<ActorRef<Command>> passivate;
  private final ActorContext<Command> context;
  private final TimerScheduler<Command> timers;

  /** Where those answer that are part of this request and were told to end. */
  private final ActorRef<Reply> children;

  /** Commands of clients that have no answer yet: a journal that fails may take some of them. */
  private final Map<ActorRef<Reply>, Command> unanswered = new LinkedHashMap<>();

  private RequestProtocol<ActorRef<Reply>, ActorRef<SchedulerActor.Command>> protocol;
  private Optional<RequestView> view = Optional.empty();
  private Optional<ActorRef<SchedulerActor.Command>> watched = Optional.empty();
  private Runnable unfollow = () -> {};
  private long lastCommitNanos;
  private RequestObserver observer = RequestObserver.NONE;
  private String traceParent = "";

  /** Whether the shard was asked to stop this actor. */
  private boolean stopping;

  /**
   * @param passivate asks the actor's shard to stop it, because nobody needs it
   */
  public static Behavior<Command> create(
      String requestId, Environment env, Consumer<ActorRef<Command>> passivate) {
    Behavior<Command> request =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers -> {
                      RequestActor actor =
                          new RequestActor(requestId, env, passivate, context, timers);
                      return Behaviors.intercept(() -> new Overtake(actor), actor);
                    }));
    // A journal that refuses stops the actor, and so does one that fails for good; anything else
    // may
    // be over when it starts again.
    return Behaviors.supervise(
            Behaviors.supervise(request)
                .onFailure(EventRejectedException.class, SupervisorStrategy.stop()))
        .onFailure(SupervisorStrategy.restartWithBackoff(env.minRestart(), env.maxRestart(), 0.2));
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
    super(persistenceId(requestId), onPersistFailure(env));
    this.requestId = requestId;
    this.env = env;
    this.passivate = passivate;
    this.context = context;
    this.timers = timers;
    this.protocol = newProtocol();
    this.lastCommitNanos = env.nanoTime().getAsLong();
    this.children =
        context.messageAdapter(
            Reply.class,
            reply ->
                new ChildLeft(
                    reply instanceof Known known
                        ? known.requestId()
                        : ((Unknown) reply).requestId()));
  }

  /**
   * Whether a write that failed is in the journal is unknown, so that the actor has to replay
   * before anything else. Null: the journal has failed for good, and the actor stops.
   */
  private static BackoffSupervisorStrategy onPersistFailure(Environment env) {
    return env.journalMayReturn()
        ? SupervisorStrategy.restartWithBackoff(env.minRestart(), env.maxRestart(), 0.2)
            // The journal says why, once for all requests.
            .withLoggingEnabled(false)
        : null;
  }

  private RequestProtocol<ActorRef<Reply>, ActorRef<SchedulerActor.Command>> newProtocol() {
    return new RequestProtocol<>(
        requestId, env.placement(), env.tokenizer(), env.maxDeviceLosses());
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
        .onSignal(PreRestart.instance(), state -> onRestart())
        .onSignal(RecoveryFailed.class, this::onRecoveryFailed)
        .onSignal(PostStop.instance(), this::onStopped)
        .build();
  }

  @Override
  public CommandHandler<Command, RequestEvent, RequestState> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(Generated.class, this::onGenerated)
        .onCommand(Submit.class, this::onSubmit)
        .onCommand(Find.class, (s, c) -> perform(s, protocol.find(s, c.replyTo())))
        .onCommand(Cancel.class, this::onCancel)
        .onCommand(Delete.class, this::onDelete)
        .onCommand(Pause.class, this::onPause)
        .onCommand(Resume.class, this::onResume)
        .onCommand(Released.class, (s, c) -> perform(s, protocol.released(s, c.epoch(), c.why())))
        .onCommand(Evicted.class, (s, c) -> perform(s, protocol.evicted(s, c.epoch())))
        .onCommand(DeviceLost.class, (s, c) -> perform(s, protocol.deviceLost(s, c.epoch())))
        .onCommand(
            SchedulerGone.class, (s, c) -> perform(s, protocol.schedulerGone(s, c.scheduler())))
        .onCommand(
            SchedulerAway.class, (s, c) -> perform(s, protocol.schedulerAway(s, c.scheduler())))
        .onCommand(Move.class, (s, c) -> perform(s, protocol.move(s, c.from(), c.epoch())))
        .onCommand(SetPriority.class, this::onSetPriority)
        .onCommand(Explain.class, (s, c) -> perform(s, protocol.explain(s, c.replyTo())))
        .onCommand(Adopted.class, (s, c) -> perform(s, protocol.adopted(s, c.epoch())))
        .onCommand(NotHeld.class, (s, c) -> perform(s, protocol.notHeld(s, c.epoch())))
        .onCommand(Assign.class, (s, c) -> perform(s, protocol.assignDue(s)))
        .onCommand(AskPlace.class, (s, c) -> perform(s, protocol.place(s, c.replyTo())))
        .onCommand(ChildJoined.class, (s, c) -> perform(s, protocol.childJoined(s, c.child())))
        .onCommand(ChildLeft.class, (s, c) -> perform(s, protocol.childLeft(s, c.child())))
        .onCommand(
            CancelWithParent.class, (s, c) -> perform(s, protocol.cancelWithParent(s, c.replyTo())))
        .onCommand(AskPending.class, (s, c) -> perform(s, protocol.pendingReason(s, c.replyTo())))
        .onCommand(NoProgress.class, (s, c) -> perform(s, protocol.noProgress(s)))
        .onCommand(Check.class, (s, c) -> perform(s, protocol.check(s)))
        .onCommand(TimeOver.class, (s, c) -> perform(s, protocol.deadline(s)))
        .onCommand(Unneeded.class, (s, c) -> onUnneeded())
        .onCommand(Stop.class, (s, c) -> Effect().stop())
        .build();
  }

  private void onRestart() {
    unwatch();
    observer.stopped();
  }

  private Effect<RequestEvent, RequestState> onGenerated(RequestState state, Generated command) {
    env.crashPoint().reached(Boundary.AFTER_GENERATE);
    Decision<ActorRef<Reply>, ActorRef<SchedulerActor.Command>> decision =
        protocol.generated(state, command.from(), command.handover());
    if (decision.events().isEmpty()) {
      return perform(state, decision);
    }
    observer.generated(command.handover().tokens().length, command.handover().timing());
    return perform(
        state,
        new Decision<>(
            decision.events(),
            (next, to) -> {
              env.crashPoint().reached(Boundary.AFTER_COMMIT);
              decision.whenDurable().accept(next, to);
              env.crashPoint().reached(Boundary.AFTER_PUBLISH);
            }));
  }

  private Effect<RequestEvent, RequestState> onSubmit(RequestState state, Submit submit) {
    env.crashPoint().reached(Boundary.BEFORE_ACCEPT);
    lastCommitNanos = env.nanoTime().getAsLong();
    if (state.spec().isEmpty() && stopping) {
      submit.replyTo().tell(new Again(requestId));
      return Effect().none();
    }
    if (state.spec().isEmpty() && !state.isDeleted()) {
      String tenant = submit.spec().scheduling().tenant();
      AdmissionGate.Entry entry = env.gate().enter(requestId, tenant);
      if (entry == AdmissionGate.Entry.FULL) {
        submit.replyTo().tell(new Full(requestId, env.gate().limit()));
        return onUnneeded();
      }
      if (entry == AdmissionGate.Entry.TENANT_FULL) {
        submit.replyTo().tell(new TenantFull(requestId, tenant, env.gate().maxQueued(tenant)));
        return onUnneeded();
      }
    }
    unanswered.put(submit.replyTo(), submit);
    traceParent = submit.traceParent();
    long now = env.clockMillis().getAsLong();
    return perform(state, protocol.submit(state, submit.spec(), submit.replyTo(), now));
  }

  private Effect<RequestEvent, RequestState> onCancel(RequestState state, Cancel cancel) {
    unanswered.put(cancel.replyTo(), cancel);
    return perform(state, protocol.cancel(state, cancel.replyTo()));
  }

  private Effect<RequestEvent, RequestState> onDelete(RequestState state, Delete delete) {
    unanswered.put(delete.replyTo(), delete);
    return perform(state, protocol.delete(state, delete.replyTo()));
  }

  private Effect<RequestEvent, RequestState> onPause(RequestState state, Pause pause) {
    unanswered.put(pause.replyTo(), pause);
    return perform(state, protocol.pause(state, pause.replyTo()));
  }

  private Effect<RequestEvent, RequestState> onResume(RequestState state, Resume resume) {
    unanswered.put(resume.replyTo(), resume);
    return perform(state, protocol.resume(state, resume.replyTo()));
  }

  private Effect<RequestEvent, RequestState> onSetPriority(RequestState state, SetPriority set) {
    unanswered.put(set.replyTo(), set);
    return perform(state, protocol.prioritize(state, set.band(), set.replyTo()));
  }

  /**
   * The journal was read, at the start or after a write that failed. What the protocol held beside
   * the state is of before that write, so it begins anew, and who has no answer asks again.
   */
  private void onRecovered(RequestState state) {
    timers.cancelAll();
    protocol = newProtocol();
    countUnseen(state);
    if (state.isUnfinished()) {
      observe(state, true, 0);
    }
    protocol.recovered(state, env.clockMillis().getAsLong()).whenDurable().accept(state, this);
    List<Command> again = List.copyOf(unanswered.values());
    unanswered.clear();
    again.forEach(context.getSelf()::tell);
  }

  private void observe(RequestState state, boolean isRecovered, long sinceNanos) {
    observer =
        env.telemetry()
            .observe(
                new RequestObserver.Beginning(
                    state.spec().orElseThrow(),
                    traceParent,
                    isRecovered,
                    sinceNanos,
                    state.tokens().size()));
  }

  private void onRecoveryFailed(RequestState state, RecoveryFailed failed) {
    context
        .getLog()
        .atWarn()
        .addKeyValue("request_id", requestId)
        .log(
            "request {} cannot be read from the journal: {}",
            requestId,
            failed.getFailure().getMessage());
  }

  /** A write that failed and is in the journal nevertheless has had none of its effects. */
  private void countUnseen(RequestState state) {
    if (view.isPresent()) {
      Snapshot seen = view.get().snapshot();
      int tokens = state.tokens().size() - seen.tokens().size();
      if (tokens > 0) {
        env.telemetry().tokensCommitted(tokens);
      }
      if (seen.finish().isEmpty() && state.finish().isPresent()) {
        env.gate().leave(requestId);
        env.telemetry().finished(state.finish().get().reason());
      }
    } else if (unanswered.values().stream().anyMatch(Submit.class::isInstance)) {
      state.spec().ifPresent(spec -> env.telemetry().accepted(spec.promptTokens().length));
    }
  }

  private void onStopped(RequestState state) {
    observer.stopped();
    unfollow.run();
    view.ifPresent(env.views()::disown);
    env.gate().leave(requestId);
    protocol.submitter().ifPresent(s -> s.tell(new NotAccepted(requestId)));
  }

  private Effect<RequestEvent, RequestState> perform(
      RequestState state, Decision<ActorRef<Reply>, ActorRef<SchedulerActor.Command>> decision) {
    if (decision.events().isEmpty()) {
      decision.whenDurable().accept(state, this);
      return Effect().none();
    }
    return Effect()
        .persist(decision.events())
        .thenRun((RequestState next) -> decision.whenDurable().accept(next, this));
  }

  @Override
  public void reply(ActorRef<Reply> client, Answer answer) {
    unanswered.remove(client);
    client.tell(
        switch (answer) {
          case KNOWN -> new Known(requestId, view.orElseThrow().snapshot().version(), env.relay());
          case UNKNOWN -> new Unknown(requestId);
          case CONFLICT -> new Conflict(requestId);
          case DELETED -> new Deleted(requestId);
        });
  }

  @Override
  public void open(RequestState state) {
    if (state.isUnfinished()) {
      env.gate()
          .readmit(
              requestId,
              state.spec().orElseThrow().scheduling().tenant(),
              state.tokens().size() > 0);
    }
    // Readers that were here before find that their view goes on.
    view = Optional.of(env.views().own(state.spec().orElseThrow(), state.snapshot()));
    timers.startTimerWithFixedDelay(Check.INSTANCE, env.checkInterval());
  }

  @Override
  public void forget() {
    view.ifPresent(env.views()::disown);
    view = Optional.empty();
    timers.startSingleTimer(Unneeded.INSTANCE, env.linger());
  }

  @Override
  public void accepted(RequestState state) {
    env.crashPoint().reached(Boundary.AFTER_ACCEPT);
    env.telemetry().accepted(state.spec().orElseThrow().promptTokens().length);
    observe(state, false, env.nanoTime().getAsLong() - lastCommitNanos);
  }

  @Override
  public void publish(RequestState state) {
    // Who reads of the end may count on the room, and on having been counted.
    state
        .finish()
        .ifPresent(
            finish -> {
              env.gate().leave(requestId);
              env.telemetry().finished(finish.reason());
              observer.ended(finish.reason(), state.tokens().size());
            });
    if (state.paused()) {
      observer.paused();
    }
    if (!view.orElseThrow().publish(state.snapshot(), context.getLog())) {
      env.telemetry().contradiction();
    }
  }

  @Override
  public void admit(ActorRef<SchedulerActor.Command> scheduler, Admission admission) {
    watch(scheduler);
    env.crashPoint().reached(Boundary.AFTER_ASSIGN);
    observer.admitted(admission.epoch(), device());
    scheduler.tell(new SchedulerActor.Admit(admission, context.getSelf()));
  }

  /** Name of the newest attempt's device. */
  private String device() {
    List<Attempt> attempts = view.orElseThrow().snapshot().attempts();
    return attempts.isEmpty() ? "" : attempts.get(attempts.size() - 1).device();
  }

  @Override
  public void adopt(
      ActorRef<SchedulerActor.Command> scheduler, int epoch, int nextIndex, Band band) {
    watch(scheduler);
    timers.startSingleTimer(new NotHeld(epoch), env.adoptTimeout());
    scheduler.tell(new SchedulerActor.Adopt(requestId, epoch, nextIndex, band, context.getSelf()));
  }

  @Override
  public void prioritize(ActorRef<SchedulerActor.Command> scheduler, int epoch, Band band) {
    scheduler.tell(new SchedulerActor.Prioritize(requestId, epoch, band));
  }

  @Override
  public void explain(
      ActorRef<Reply> client, RequestState state, List<Verdict> last, List<Verdict> now) {
    client.tell(
        new Explanation(
            requestId, state.snapshot().state(), state.band(), state.attempts(), last, now));
  }

  private void watch(ActorRef<SchedulerActor.Command> scheduler) {
    if (!watched.equals(Optional.of(scheduler))) {
      unwatch();
      watched = Optional.of(scheduler);
      context.watchWith(scheduler, new SchedulerGone(scheduler));
      ActorRef<Command> self = context.getSelf();
      unfollow = env.placement().whenAway(scheduler, () -> self.tell(new SchedulerAway(scheduler)));
    }
  }

  private void unwatch() {
    watched.ifPresent(context::unwatch);
    watched = Optional.empty();
    unfollow.run();
    unfollow = () -> {};
  }

  @Override
  public void acknowledge(ActorRef<SchedulerActor.Command> scheduler, int epoch, int nextIndex) {
    scheduler.tell(new SchedulerActor.Committed(requestId, epoch, nextIndex));
  }

  @Override
  public void release(ActorRef<SchedulerActor.Command> scheduler, int epoch) {
    scheduler.tell(new SchedulerActor.Release(requestId, epoch));
  }

  @Override
  public void leave(ActorRef<SchedulerActor.Command> scheduler, int epoch, LetGo why) {
    scheduler.tell(new SchedulerActor.Leave(requestId, context.getSelf(), epoch, why));
  }

  @Override
  public void assignNow() {
    context.getSelf().tell(Assign.INSTANCE);
  }

  @Override
  public void assignLater() {
    timers.startSingleTimer(Assign.INSTANCE, env.retryAssign());
  }

  @Override
  public void deadlineIn(long millis) {
    timers.startSingleTimer(TimeOver.INSTANCE, Duration.ofMillis(millis));
  }

  @Override
  public void progressWithin(long millis) {
    if (millis == 0) {
      timers.cancel(NoProgress.INSTANCE);
    } else {
      timers.startSingleTimer(NoProgress.INSTANCE, Duration.ofMillis(millis));
    }
  }

  @Override
  public void joined(ActorRef<Reply> client, String tenant, int depth, long rootSubmittedAtMillis) {
    client.tell(new Place(requestId, tenant, depth, rootSubmittedAtMillis));
  }

  @Override
  public void joinParent(String parent) {
    env.peers().accept(parent, new ChildJoined(requestId));
  }

  @Override
  public void leaveParent(String parent) {
    env.peers().accept(parent, new ChildLeft(requestId));
  }

  @Override
  public void cancelChild(String child) {
    env.peers().accept(child, new CancelWithParent(children));
  }

  @Override
  public void pending(ActorRef<Reply> client, String code, String text) {
    client.tell(new Pending(requestId, code, text));
  }

  @Override
  public void askPending(ActorRef<SchedulerActor.Command> scheduler, ActorRef<Reply> client) {
    scheduler.tell(new SchedulerActor.AskPending(requestId, client));
  }

  @Override
  public void ended() {
    timers.cancelAll();
    unwatch();
    timers.startSingleTimer(Unneeded.INSTANCE, env.linger());
  }

  @Override
  public void unneeded() {
    stopping = true;
    passivate.accept(context.getSelf());
  }

  @Override
  public void measure(int firstIndex, int tokens) {
    long now = env.nanoTime().getAsLong();
    long elapsed = now - lastCommitNanos;
    lastCommitNanos = now;
    observer.committed(tokens);
    if (tokens > 0) {
      env.telemetry().tokensCommitted(tokens);
      if (firstIndex == 0) {
        env.gate().started(requestId);
        env.telemetry().firstToken(elapsed);
      } else {
        env.telemetry().interToken(elapsed / tokens, tokens);
      }
    }
  }

  @Override
  public void stale(RequestState state, Handover handover, boolean contradicts) {
    env.telemetry().staleResult();
    if (contradicts) {
      context
          .getLog()
          .atError()
          .addKeyValue("request_id", requestId)
          .log(
              "request {} was given other tokens than it has committed, epoch {} index {}; they are"
                  + " dropped",
              requestId,
              handover.epoch(),
              handover.firstIndex());
    } else {
      context
          .getLog()
          .atWarn()
          .addKeyValue("request_id", requestId)
          .log(
              "request {} dropped {} tokens of epoch {} from index {}; it is at epoch {} index"
                  + " {}{}",
              requestId,
              handover.tokens().length,
              handover.epoch(),
              handover.firstIndex(),
              state.epoch(),
              state.tokens().size(),
              state.finish().isPresent() ? " and finished" : "");
    }
  }

  /**
   * Commands are put aside while the request writes. That a device is to let go must not wait for a
   * disk, so it hears of it when the command comes.
   */
  private static final class Overtake extends BehaviorInterceptor<Command, Command> {
    private final RequestActor actor;

    Overtake(RequestActor actor) {
      super(Command.class);
      this.actor = actor;
    }

    @Override
    public Behavior<Command> aroundReceive(
        TypedActorContext<Command> context, Command command, ReceiveTarget<Command> target) {
      if (command instanceof Cancel) {
        actor.leaveNow(LetGo.CANCEL);
      } else if (command instanceof Pause) {
        actor.leaveNow(LetGo.PAUSE);
      }
      return target.apply(context, command);
    }
  }

  private void leaveNow(LetGo why) {
    watched.ifPresent(scheduler -> scheduler.tell(new SchedulerActor.LeaveNow(requestId, why)));
  }

  private Effect<RequestEvent, RequestState> onUnneeded() {
    if (protocol.children() > 0) {
      // Who cancels this request wants those that are part of it to end.
      timers.startSingleTimer(Unneeded.INSTANCE, env.linger());
      return Effect().none();
    }
    unneeded();
    return Effect().none();
  }
}
