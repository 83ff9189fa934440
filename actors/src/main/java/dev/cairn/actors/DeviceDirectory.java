package dev.cairn.actors;

import dev.cairn.placement.DeviceStatus;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * What a gateway knows of the cluster's devices. It asks every scheduler how it is, again and
 * again: the answer says what the device can do and how busy it is, the time it took how far away
 * it is, and silence that it is not well. {@link DevicePlacement} reads what was found.
 */
public final class DeviceDirectory extends AbstractBehavior<DeviceDirectory.Command> {
  /** What a directory understands. */
  public sealed interface Command extends ClusterMessage {}

  /**
   * A scheduler's answer.
   *
   * @param question number of the question
   */
  public record Answer(
      ActorRef<SchedulerActor.Command> scheduler, DeviceStatus status, long question)
      implements Command {}

  private record Schedulers(Set<ActorRef<SchedulerActor.Command>> found) implements Command {}

  private enum Ask implements Command {
    INSTANCE
  }

  /**
   * How the directory asks.
   *
   * @param interval between questions to one scheduler
   * @param timeout silence after which a device counts as unwell
   */
  public record Settings(Duration interval, Duration timeout) {}

  /**
   * A device as it was seen last.
   *
   * @param roundTripSeconds smoothed; empty before the first answer
   * @param answers whether it answered within the timeout
   */
  public record Seen(
      ActorRef<SchedulerActor.Command> scheduler,
      DeviceStatus status,
      OptionalDouble roundTripSeconds,
      boolean answers) {}

  /** Weight of a new round trip in the running mean. */
  private static final double SMOOTHING = 0.2;

  private static final class Entry {
    Optional<DeviceStatus> status = Optional.empty();
    OptionalDouble roundTripSeconds = OptionalDouble.empty();
    long question;
    long askedNanos;
    long answeredNanos;
    boolean waiting;

    /** Garbled answers in a row. */
    int garbled;
  }

  private final Settings settings;
  private final LongSupplier nanoTime;
  private final DevicePlacement placement;
  private final Telemetry telemetry;
  private final Optional<ActorRef<SchedulerActor.Command>> local;
  private final Map<ActorRef<SchedulerActor.Command>, Entry> entries = new HashMap<>();

  /**
   * @param placement told of every change
   * @param telemetry told of garbled answers
   * @param local scheduler of this node, known before the cluster says so
   */
  public static Behavior<Command> create(
      Settings settings,
      LongSupplier nanoTime,
      DevicePlacement placement,
      Telemetry telemetry,
      Optional<ActorRef<SchedulerActor.Command>> local) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers ->
                    new DeviceDirectory(
                        context, timers, settings, nanoTime, placement, telemetry, local)));
  }

  private DeviceDirectory(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      Settings settings,
      LongSupplier nanoTime,
      DevicePlacement placement,
      Telemetry telemetry,
      Optional<ActorRef<SchedulerActor.Command>> local) {
    super(context);
    context.setLoggerName(DeviceDirectory.class);
    this.settings = settings;
    this.nanoTime = nanoTime;
    this.placement = placement;
    this.telemetry = telemetry;
    this.local = local;
    local.ifPresent(
        scheduler -> {
          Entry entry = new Entry();
          entries.put(scheduler, entry);
          ask(scheduler, entry);
        });
    ActorRef<Receptionist.Listing> listings =
        context.messageAdapter(
            Receptionist.Listing.class,
            listing -> new Schedulers(listing.getAllServiceInstances(SchedulerActor.KEY)));
    context.getSystem().receptionist().tell(Receptionist.subscribe(SchedulerActor.KEY, listings));
    timers.startTimerWithFixedDelay(Ask.INSTANCE, settings.interval());
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(Answer.class, this::onAnswer)
        .onMessage(Schedulers.class, this::onSchedulers)
        .onMessageEquals(Ask.INSTANCE, this::onAsk)
        .build();
  }

  private Behavior<Command> onSchedulers(Schedulers schedulers) {
    Set<ActorRef<SchedulerActor.Command>> found = new HashSet<>(schedulers.found());
    local.ifPresent(found::add);
    entries.keySet().retainAll(found);
    for (ActorRef<SchedulerActor.Command> scheduler : found) {
      if (!entries.containsKey(scheduler)) {
        Entry entry = new Entry();
        entries.put(scheduler, entry);
        ask(scheduler, entry);
      }
    }
    tell();
    return this;
  }

  private Behavior<Command> onAsk() {
    entries.forEach(this::ask);
    tell();
    return this;
  }

  private void ask(ActorRef<SchedulerActor.Command> scheduler, Entry entry) {
    long now = nanoTime.getAsLong();
    if (!entry.waiting) {
      entry.waiting = true;
      entry.askedNanos = now;
    }
    // A question that was lost is asked again under a number of its own.
    entry.question++;
    scheduler.tell(new SchedulerActor.Describe(entry.question, getContext().getSelf()));
  }

  private Behavior<Command> onAnswer(Answer answer) {
    Entry entry = entries.get(answer.scheduler());
    if (entry == null) {
      return this;
    }
    Optional<String> garbled =
        answer.question() < 1 || answer.question() > entry.question
            ? Optional.of("question " + answer.question() + ", which nobody asked")
            : answer.status().garbled();
    if (garbled.isPresent()) {
      return onGarbled(answer.scheduler(), entry, garbled.get());
    }
    entry.garbled = 0;
    long now = nanoTime.getAsLong();
    entry.answeredNanos = now;
    if (entry.waiting && answer.question() == entry.question) {
      double seconds = (now - entry.askedNanos) / 1e9;
      double before = entry.roundTripSeconds.orElse(seconds);
      entry.roundTripSeconds = OptionalDouble.of(before + SMOOTHING * (seconds - before));
    }
    entry.waiting = false;
    entry.status = Optional.of(answer.status());
    placement.answered(answer.status().name());
    tell();
    return this;
  }

  /** Asks again at once, and if that is no better when it is time for the next question. */
  private Behavior<Command> onGarbled(
      ActorRef<SchedulerActor.Command> scheduler, Entry entry, String found) {
    telemetry.garbledAnswer();
    getContext()
        .getLog()
        .warn("the answer of {} is garbled and is ignored: it has {}", scheduler.path(), found);
    if (entry.garbled++ == 0) {
      ask(scheduler, entry);
    }
    return this;
  }

  private void tell() {
    long now = nanoTime.getAsLong();
    long timeout = settings.timeout().toNanos();
    List<Seen> seen =
        entries.entrySet().stream()
            .filter(each -> each.getValue().status.isPresent())
            .map(
                each -> {
                  Entry entry = each.getValue();
                  return new Seen(
                      each.getKey(),
                      entry.status.orElseThrow(),
                      entry.roundTripSeconds,
                      now - entry.answeredNanos <= timeout);
                })
            .toList();
    placement.see(seen);
  }
}
