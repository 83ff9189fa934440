package dev.cairn.actors;

import dev.cairn.persistence.PauseEvent;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * Keeps which tenants and devices of a cluster are paused: one of its kind, on whichever gateway.
 * What it is told becomes durable first; then it tells every scheduler that is found, and answers
 * when all of them have confirmed that nothing runs any more that is paused. It tells again until
 * they have, and tells each that comes later.
 *
 * <p>Where a split cluster has two of them for a while, the journal takes the events of one; what
 * the other says carries an older version, which schedulers do not follow.
 */
public final class PauseActor extends EventSourcedBehavior<PauseActor.Command, PauseEvent, Pauses> {
  /** No request has such an id. */
  private static final PersistenceId ID = PersistenceId.ofUniqueId("cairn|pauses");

  /** By how much pauses before a restart vary. */
  private static final double RANDOM_FACTOR = 0.2;

  /** What it understands. */
  public sealed interface Command extends ClusterMessage {}

  /** Pause a tenant, or let it go on; answered with {@link State}. */
  public record SetTenant(String tenant, boolean paused, ActorRef<State> replyTo)
      implements Command {
    public SetTenant {
      Objects.requireNonNull(tenant, "a SetTenant without its tenant");
    }
  }

  /** Pause a device, or let it go on; answered with {@link State}. */
  public record SetDevice(String device, boolean paused, ActorRef<State> replyTo)
      implements Command {
    public SetDevice {
      Objects.requireNonNull(device, "a SetDevice without its device");
    }
  }

  /** What is paused? Answered with {@link State}. */
  public record AskPauses(ActorRef<State> replyTo) implements Command {}

  /** At a scheduler nothing runs any more that a version says is paused. */
  public record Applied(long version, ActorRef<SchedulerActor.Command> scheduler)
      implements Command {}

  /** Give way to the next one of its kind. */
  public enum Stop implements Command {
    INSTANCE
  }

  private record Schedulers(Set<ActorRef<SchedulerActor.Command>> here) implements Command {}

  private enum TellAgain implements Command {
    INSTANCE
  }

  private record Overdue(long number) implements Command {}

  /**
   * What is paused.
   *
   * @param taken whether what was asked for is in force and durable; not where too much is paused
   * @param unconfirmed schedulers that have not said that they follow
   */
  public record State(Pauses pauses, boolean taken, List<String> unconfirmed)
      implements ClusterMessage {}

  /**
   * Bounds.
   *
   * @param maxPaused tenants, and devices, that may be paused at once
   * @param confirmTimeout longest wait for schedulers before the answer names them
   * @param tellAgain when a scheduler that has not confirmed is told again
   * @param minRestart pause after a failed write before it replays, doubled with each failure
   * @param maxRestart longest such pause
   */
  public record Limits(
      int maxPaused,
      Duration confirmTimeout,
      Duration tellAgain,
      Duration minRestart,
      Duration maxRestart) {}

  private record Waiting(long version, ActorRef<State> replyTo) {}

  private final ActorContext<Command> context;
  private final TimerScheduler<Command> timers;
  private final Limits limits;

  /** Every scheduler that is found, and the version that it confirmed last; -1: none. */
  private final Map<ActorRef<SchedulerActor.Command>, Long> schedulers = new HashMap<>();

  /** Whether it has heard which schedulers there are. */
  private boolean hasLooked;

  private final Map<Long, Waiting> waiting = new HashMap<>();
  private long nextNumber;

  /** One that begins anew after any failure, from what is durable. */
  public static Behavior<Command> create(Limits limits) {
    Behavior<Command> keeper =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers -> {
                      followSchedulers(context);
                      timers.startTimerWithFixedDelay(TellAgain.INSTANCE, limits.tellAgain());
                      return new PauseActor(context, timers, limits);
                    }));
    return Behaviors.supervise(keeper)
        .onFailure(
            SupervisorStrategy.restartWithBackoff(
                limits.minRestart(), limits.maxRestart(), RANDOM_FACTOR));
  }

  private static void followSchedulers(ActorContext<Command> context) {
    ActorRef<Receptionist.Listing> listings =
        context.messageAdapter(
            Receptionist.Listing.class,
            listing -> new Schedulers(Set.copyOf(listing.getServiceInstances(SchedulerActor.KEY))));
    context.getSystem().receptionist().tell(Receptionist.subscribe(SchedulerActor.KEY, listings));
  }

  private PauseActor(ActorContext<Command> context, TimerScheduler<Command> timers, Limits limits) {
    super(
        ID,
        SupervisorStrategy.restartWithBackoff(
                limits.minRestart(), limits.maxRestart(), RANDOM_FACTOR)
            // The journal says why.
            .withLoggingEnabled(false));
    this.context = context;
    this.timers = timers;
    this.limits = limits;
  }

  @Override
  public Pauses emptyState() {
    return Pauses.NONE;
  }

  @Override
  public EventHandler<Pauses, PauseEvent> eventHandler() {
    return Pauses::apply;
  }

  @Override
  public SignalHandler<Pauses> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::tellUnconfirmed)
        .build();
  }

  @Override
  public CommandHandler<Command, PauseEvent, Pauses> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(SetTenant.class, this::onSetTenant)
        .onCommand(SetDevice.class, this::onSetDevice)
        .onCommand(AskPauses.class, this::onAskPauses)
        .onCommand(Applied.class, this::onApplied)
        .onCommand(Schedulers.class, this::onSchedulers)
        .onCommand(TellAgain.class, this::onTellAgain)
        .onCommand(Overdue.class, this::onOverdue)
        .onCommand(Stop.class, (state, stop) -> Effect().stop())
        .build();
  }

  private Effect<PauseEvent, Pauses> onSetTenant(Pauses state, SetTenant set) {
    return change(
        state,
        set.paused()
            ? new PauseEvent.TenantPaused(set.tenant())
            : new PauseEvent.TenantResumed(set.tenant()),
        set.replyTo());
  }

  private Effect<PauseEvent, Pauses> onSetDevice(Pauses state, SetDevice set) {
    return change(
        state,
        set.paused()
            ? new PauseEvent.DevicePaused(set.device())
            : new PauseEvent.DeviceResumed(set.device()),
        set.replyTo());
  }

  private Effect<PauseEvent, Pauses> change(
      Pauses state, PauseEvent event, ActorRef<State> replyTo) {
    Pauses next = state.apply(event);
    if (Math.max(next.tenants().size(), next.devices().size()) > limits.maxPaused()) {
      replyTo.tell(new State(state, false, List.of()));
      return Effect().none();
    }
    if (!state.changes(event)) {
      answerWhenConfirmed(state, replyTo);
      return Effect().none();
    }
    return Effect()
        .persist(event)
        .thenRun(
            (Pauses durable) -> {
              context.getLog().info("paused: {}", durable);
              tellUnconfirmed(durable);
              answerWhenConfirmed(durable, replyTo);
            });
  }

  private void answerWhenConfirmed(Pauses state, ActorRef<State> replyTo) {
    long number = nextNumber++;
    waiting.put(number, new Waiting(state.version(), replyTo));
    timers.startSingleTimer(number, new Overdue(number), limits.confirmTimeout());
    answerConfirmed(state);
  }

  private Effect<PauseEvent, Pauses> onAskPauses(Pauses state, AskPauses ask) {
    ask.replyTo().tell(new State(state, true, unconfirmed(state.version())));
    return Effect().none();
  }

  private Effect<PauseEvent, Pauses> onApplied(Pauses state, Applied applied) {
    schedulers.computeIfPresent(
        applied.scheduler(), (scheduler, before) -> Math.max(before, applied.version()));
    answerConfirmed(state);
    return Effect().none();
  }

  private Effect<PauseEvent, Pauses> onSchedulers(Pauses state, Schedulers now) {
    hasLooked = true;
    schedulers.keySet().retainAll(now.here());
    now.here().forEach(scheduler -> schedulers.putIfAbsent(scheduler, -1L));
    tellUnconfirmed(state);
    answerConfirmed(state);
    return Effect().none();
  }

  private Effect<PauseEvent, Pauses> onTellAgain(Pauses state, TellAgain again) {
    tellUnconfirmed(state);
    return Effect().none();
  }

  private Effect<PauseEvent, Pauses> onOverdue(Pauses state, Overdue overdue) {
    Waiting late = waiting.remove(overdue.number());
    if (late != null) {
      late.replyTo().tell(new State(state, true, unconfirmed(late.version())));
    }
    return Effect().none();
  }

  private void tellUnconfirmed(Pauses state) {
    schedulers.forEach(
        (scheduler, version) -> {
          if (version < state.version()) {
            scheduler.tell(new SchedulerActor.SetPauses(state, context.getSelf()));
          }
        });
  }

  private void answerConfirmed(Pauses state) {
    if (!hasLooked) {
      return;
    }
    for (Iterator<Map.Entry<Long, Waiting>> all = waiting.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<Long, Waiting> each = all.next();
      if (unconfirmed(each.getValue().version()).isEmpty()) {
        timers.cancel(each.getKey());
        each.getValue().replyTo().tell(new State(state, true, List.of()));
        all.remove();
      }
    }
  }

  /** Where the schedulers are that have not confirmed a version. */
  private List<String> unconfirmed(long version) {
    return schedulers.entrySet().stream()
        .filter(each -> each.getValue() < version)
        .map(each -> each.getKey().path().toString())
        .sorted()
        .toList();
  }
}
