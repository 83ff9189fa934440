package dev.cairn.actors;

import dev.cairn.model.Pooling;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Need;
import dev.cairn.request.Choice;
import dev.cairn.request.Target;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.Standing;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Has the vector of one text computed: looks for a device, is the owner of the text's sequence
 * there, and goes on elsewhere, under the next epoch, where the device fails, falls silent or is
 * drained. A {@link RequestActor} without a journal: what it waits for comes whole or not at all.
 * When it stops, for whatever reason, its scheduler is told to let go.
 */
final class EmbeddingActor extends AbstractBehavior<EmbeddingActor.Command> {
  /** What it understands. */
  sealed interface Command {}

  /** What a scheduler says to an owner. */
  private record FromScheduler(RequestActor.Command said) implements Command {}

  private record SchedulerGone(ActorRef<SchedulerActor.Command> scheduler) implements Command {}

  private record SchedulerAway(ActorRef<SchedulerActor.Command> scheduler) implements Command {}

  private enum Look implements Command {
    INSTANCE
  }

  private enum Check implements Command {
    INSTANCE
  }

  /** What became of a text. */
  sealed interface Outcome {}

  /** Its vector, of length 1. */
  record Vector(float[] values) implements Outcome {}

  /** There is none. */
  record Failed(RuntimeException cause) implements Outcome {}

  private final EmbeddingsActor.Environment env;
  private final RequestSpec text;
  private final Pooling pooling;
  private final double weight;
  private final Consumer<Outcome> outcome;
  private final TimerScheduler<Command> timers;
  private final ActorRef<RequestActor.Command> owner;
  private int epoch;
  private int losses;
  private Optional<Target<ActorRef<SchedulerActor.Command>>> at = Optional.empty();
  private Runnable unfollow = () -> {};

  /**
   * @param text the text as a request that generates nothing
   * @param outcome told once, and the actor stops
   */
  static Behavior<Command> create(
      EmbeddingsActor.Environment env,
      RequestSpec text,
      Pooling pooling,
      double weight,
      Consumer<Outcome> outcome) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers ->
                    new EmbeddingActor(context, timers, env, text, pooling, weight, outcome)));
  }

  private EmbeddingActor(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      EmbeddingsActor.Environment env,
      RequestSpec text,
      Pooling pooling,
      double weight,
      Consumer<Outcome> outcome) {
    super(context);
    context.setLoggerName(EmbeddingActor.class);
    this.env = env;
    this.text = text;
    this.pooling = pooling;
    this.weight = weight;
    this.outcome = outcome;
    this.timers = timers;
    this.owner = context.messageAdapter(RequestActor.Command.class, FromScheduler::new);
    timers.startTimerWithFixedDelay(Check.INSTANCE, env.checkInterval());
    context.getSelf().tell(Look.INSTANCE);
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(FromScheduler.class, message -> onSaid(message.said()))
        .onMessage(SchedulerGone.class, this::onSchedulerGone)
        .onMessage(SchedulerAway.class, this::onSchedulerAway)
        .onMessageEquals(Look.INSTANCE, this::onLook)
        .onMessageEquals(Check.INSTANCE, this::onCheck)
        .onSignal(PostStop.class, stop -> onStop())
        .build();
  }

  private Behavior<Command> onLook() {
    return at.isPresent() ? this : look("");
  }

  /** Looks for a device other than {@code except}; it has none while it looks. */
  private Behavior<Command> look(String except) {
    Choice<ActorRef<SchedulerActor.Command>> choice = choose(except);
    if (choice.target().isPresent()) {
      admit(choice.target().get());
    } else if (choice.longest().isPresent()) {
      return failed(
          new RejectedException(
              RejectedException.Kind.TOO_LONG,
              "an input has "
                  + text.promptTokens().length
                  + " tokens, expected at most "
                  + choice.longest().getAsInt()));
    } else {
      timers.startSingleTimer(Look.INSTANCE, env.retryAssign());
    }
    return this;
  }

  private Choice<ActorRef<SchedulerActor.Command>> choose(String except) {
    return env.placement().choose(new Need(text, 0, "", except, false));
  }

  private void admit(Target<ActorRef<SchedulerActor.Command>> target) {
    leave();
    at = Optional.of(target);
    epoch++;
    ActorRef<SchedulerActor.Command> scheduler = target.scheduler();
    ActorRef<Command> self = getContext().getSelf();
    getContext().watchWith(scheduler, new SchedulerGone(scheduler));
    unfollow = env.placement().whenAway(scheduler, () -> self.tell(new SchedulerAway(scheduler)));
    String tenant = text.scheduling().tenant();
    Standing standing =
        new Standing(
            text.scheduling().band(), tenant, 0, text.submittedAtMillis(), "", "", 1, weight);
    scheduler.tell(
        new SchedulerActor.Admit(
            Admission.pooled(
                text.id(),
                epoch,
                standing,
                text.submittedAtMillis(),
                text.promptTokens(),
                tenant,
                pooling),
            owner));
  }

  /** Nothing is expected of the device any more, and it is told so. */
  private void leave() {
    at.ifPresent(
        target -> {
          target.scheduler().tell(new SchedulerActor.Release(text.id(), epoch));
          getContext().unwatch(target.scheduler());
        });
    at = Optional.empty();
    unfollow.run();
    unfollow = () -> {};
  }

  private Behavior<Command> onSaid(RequestActor.Command said) {
    if (said instanceof RequestActor.Generated generated) {
      return onGenerated(generated);
    } else if (said instanceof RequestActor.DeviceLost lost && lost.epoch() == epoch) {
      return onLost();
    } else if (said instanceof RequestActor.Evicted evicted && evicted.epoch() == epoch) {
      return again("");
    } else if (said instanceof RequestActor.NotHeld not && not.epoch() == epoch) {
      return again("");
    } else if (said instanceof RequestActor.Released released && released.epoch() == epoch) {
      return again(device());
    } else if (said instanceof RequestActor.Move move && move.epoch() == epoch) {
      return move();
    }
    // What is of an earlier epoch was given up, and Adopted says that all is well.
    return this;
  }

  private Behavior<Command> onGenerated(RequestActor.Generated generated) {
    Handover handover = generated.handover();
    if (handover.epoch() != epoch || handover.end().isEmpty()) {
      return this;
    }
    generated.from().tell(new SchedulerActor.Committed(text.id(), epoch, handover.firstIndex()));
    return handover.pooled().length > 0
        ? ended(new Vector(Embeddings.normalized(handover.pooled())))
        : failed(new Embeddings.NotFinite(handover.end().get().detail()));
  }

  /** Nothing of the text is on its device; it goes to another one, or to the same again. */
  private Behavior<Command> again(String except) {
    leave();
    return look(except);
  }

  private Behavior<Command> move() {
    choose(device()).target().ifPresent(this::admit);
    return this;
  }

  private Behavior<Command> onLost() {
    String device = device();
    env.placement().failed(device);
    if (++losses > env.maxDeviceLosses()) {
      return failed(
          new RejectedException(
              RejectedException.Kind.UNAVAILABLE,
              "the device failed " + losses + " times while it computed an embedding"));
    }
    getContext().getLog().warn("embedding {} is computed again: {} failed", text.id(), device);
    return again("");
  }

  /** That a device is gone is no fault of the text; until placement knows, it is not asked. */
  private Behavior<Command> onSchedulerGone(SchedulerGone gone) {
    if (!isAt(gone.scheduler())) {
      return this;
    }
    String device = device();
    env.placement().failed(device);
    getContext().getLog().warn("embedding {} is computed again: {} is gone", text.id(), device);
    return again(device);
  }

  /** Nor is silence. */
  private Behavior<Command> onSchedulerAway(SchedulerAway away) {
    return isAt(away.scheduler()) ? move() : this;
  }

  /** What was said to or by a scheduler may be lost on the way. */
  private Behavior<Command> onCheck() {
    at.ifPresent(
        target ->
            target
                .scheduler()
                .tell(
                    new SchedulerActor.Adopt(
                        text.id(), epoch, 0, text.scheduling().band(), owner)));
    return this;
  }

  private boolean isAt(ActorRef<SchedulerActor.Command> scheduler) {
    return at.filter(target -> target.scheduler().equals(scheduler)).isPresent();
  }

  private String device() {
    return at.map(Target::device).orElse("");
  }

  private Behavior<Command> failed(RuntimeException cause) {
    return ended(new Failed(cause));
  }

  private Behavior<Command> ended(Outcome what) {
    outcome.accept(what);
    return Behaviors.stopped();
  }

  private Behavior<Command> onStop() {
    leave();
    return this;
  }
}
