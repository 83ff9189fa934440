package dev.cairn.actors;

import dev.cairn.device.DeviceInfo;
import dev.cairn.device.StepResult;
import dev.cairn.request.LetGo;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingCore.Released;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.StepPlan;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Batches the requests of one device: a shell round the {@link SchedulingCore} that turns messages
 * into calls and what comes of them into messages. It plans the next step before it hands out the
 * tokens of the last one, so that the device does not wait for the JVM.
 */
public final class SchedulerActor extends AbstractBehavior<SchedulerActor.Command> {
  /** What a scheduler understands. */
  public sealed interface Command {}

  /** Run this request; its tokens go to the owner. */
  public record Admit(Admission admission, ActorRef<RequestActor.Command> owner)
      implements Command {}

  /** The owner committed its tokens up to an index. */
  public record Committed(String requestId, int epoch, int nextIndex) implements Command {}

  /** The owner ended the request itself. */
  public record Release(String requestId, int epoch) implements Command {}

  /**
   * Let go of a request; the owner gets {@link RequestActor.Released} when no step holds it.
   *
   * @param epoch the owner's; a newer one stays
   */
  public record Leave(String requestId, ActorRef<RequestActor.Command> owner, int epoch, LetGo why)
      implements Command {}

  /** Let go of a request at once, while its owner is busy writing; the owner hears of it. */
  public record LeaveNow(String requestId, LetGo why) implements Command {}

  /**
   * A new owner asks for an epoch that may still run here, and gets {@link RequestActor.Adopted} or
   * {@link RequestActor.NotHeld}.
   *
   * @param nextIndex number of tokens that are committed
   */
  public record Adopt(
      String requestId, int epoch, int nextIndex, ActorRef<RequestActor.Command> owner)
      implements Command {}

  private enum RepeatOverdue implements Command {
    INSTANCE
  }

  private record OwnerGone(String requestId, ActorRef<RequestActor.Command> owner)
      implements Command {}

  private record OrphanDue(String requestId, ActorRef<RequestActor.Command> owner)
      implements Command {}

  /** The device is open and empty. */
  public record DeviceUp(int generation, DeviceInfo info) implements Command {}

  /** The device is lost, with all that was on it. */
  public record DeviceDown(int generation) implements Command {}

  /** A step ended. */
  public record StepDone(int generation, StepResult result) implements Command {}

  /** Asks where the scheduler stands. */
  public record GetStats(ActorRef<SchedulingStats> replyTo) implements Command {}

  /**
   * How long a scheduler waits for owners.
   *
   * @param orphanTimeout how long a request whose owner is gone keeps its place
   * @param repeatAfter when a hand-over that is not acknowledged is repeated
   */
  public record Patience(Duration orphanTimeout, Duration repeatAfter) {}

  private record Owner(int epoch, ActorRef<RequestActor.Command> ref) {}

  private final SchedulingCore core;
  private final ActorRef<GpuActor.Command> device;
  private final Telemetry telemetry;
  private final LongSupplier nanoTime;
  private final TimerScheduler<Command> timers;
  private final Patience patience;
  private final Map<String, Owner> owners = new HashMap<>();

  /** Why requests that a step still holds are to leave. */
  private final Map<String, LetGo> leaving = new HashMap<>();

  /** Number of the open device, or 0 while there is none. */
  private int generation;

  private long lastStepEndNanos;
  private long staleSeen;
  private long prefixHitsSeen;

  /**
   * @param limits bounds of the scheduler; the device is opened with the same
   * @param endsGeneration tokens with which the model says that it has finished
   * @param gpu makes the device's actor, which is told this scheduler
   */
  public static Behavior<Command> create(
      SchedulingLimits limits,
      IntPredicate endsGeneration,
      GpuActor.Factory gpu,
      Telemetry telemetry,
      LongSupplier nanoTime,
      Patience patience) {
    Behavior<Command> scheduler =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers ->
                        new SchedulerActor(
                            context,
                            timers,
                            new SchedulingCore(limits, endsGeneration),
                            gpu.spawn(context, context.getSelf()),
                            telemetry,
                            nanoTime,
                            patience)));
    return Behaviors.supervise(scheduler).onFailure(SupervisorStrategy.restart());
  }

  private SchedulerActor(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      SchedulingCore core,
      ActorRef<GpuActor.Command> device,
      Telemetry telemetry,
      LongSupplier nanoTime,
      Patience patience) {
    super(context);
    this.timers = timers;
    this.patience = patience;
    this.core = core;
    this.device = device;
    this.telemetry = telemetry;
    this.nanoTime = nanoTime;
    timers.startTimerWithFixedDelay(RepeatOverdue.INSTANCE, patience.repeatAfter());
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(StepDone.class, this::onStepDone)
        .onMessage(Committed.class, this::onCommitted)
        .onMessage(Admit.class, this::onAdmit)
        .onMessage(Release.class, this::onRelease)
        .onMessage(Leave.class, this::onLeave)
        .onMessage(LeaveNow.class, this::onLeaveNow)
        .onMessage(Adopt.class, this::onAdopt)
        .onMessage(RepeatOverdue.class, repeat -> onRepeatOverdue())
        .onMessage(OwnerGone.class, this::onOwnerGone)
        .onMessage(OrphanDue.class, this::onOrphanDue)
        .onMessage(DeviceUp.class, this::onDeviceUp)
        .onMessage(DeviceDown.class, this::onDeviceDown)
        .onMessage(GetStats.class, this::onGetStats)
        .onSignal(PreRestart.class, restart -> onRestart())
        .build();
  }

  private Behavior<Command> onAdmit(Admit admit) {
    Admission admission = admit.admission();
    if (core.admit(admission)) {
      own(admission.requestId(), admission.epoch(), admit.owner());
    }
    return goOn();
  }

  private Behavior<Command> onStepDone(StepDone done) {
    if (done.generation() != generation) {
      telemetry.staleResult();
      return this;
    }
    StepResult result = done.result();
    if (lastStepEndNanos != 0) {
      telemetry.deviceIdle(Math.max(0, result.startNanos() - lastStepEndNanos));
    }
    lastStepEndNanos = result.endNanos();
    core.complete(result)
        .ifPresent(
            step ->
                telemetry.stepCompleted(
                    step.rows(), step.tokens(), result.endNanos() - result.startNanos()));
    return goOn();
  }

  private Behavior<Command> onCommitted(Committed committed) {
    boolean gone =
        core.committed(
            committed.requestId(), committed.epoch(), committed.nextIndex(), nanoTime.getAsLong());
    if (gone) {
      forget(committed.requestId(), committed.epoch());
    }
    return goOn();
  }

  private Behavior<Command> onRelease(Release release) {
    core.release(release.requestId(), release.epoch());
    forget(release.requestId(), release.epoch());
    return goOn();
  }

  private Behavior<Command> onLeave(Leave leave) {
    if (core.cancel(leave.requestId(), leave.epoch())) {
      leaving.merge(leave.requestId(), leave.why(), LetGo::or);
      return goOn();
    }
    leave.owner().tell(new RequestActor.Released(leave.epoch(), leave.why()));
    return this;
  }

  private Behavior<Command> onLeaveNow(LeaveNow leave) {
    if (core.cancel(leave.requestId(), Integer.MAX_VALUE)) {
      leaving.merge(leave.requestId(), leave.why(), LetGo::or);
    }
    return goOn();
  }

  private Behavior<Command> onAdopt(Adopt adopt) {
    String id = adopt.requestId();
    if (core.adopt(id, adopt.epoch(), adopt.nextIndex(), nanoTime.getAsLong())) {
      own(id, adopt.epoch(), adopt.owner());
      adopt.owner().tell(new RequestActor.Adopted(adopt.epoch()));
    } else {
      forget(id, adopt.epoch());
      adopt.owner().tell(new RequestActor.NotHeld(adopt.epoch()));
    }
    return goOn();
  }

  /** The owner may come to life elsewhere and ask for what is here. */
  private Behavior<Command> onOwnerGone(OwnerGone gone) {
    Owner owner = owners.get(gone.requestId());
    if (owner != null && owner.ref().equals(gone.owner())) {
      timers.startSingleTimer(
          gone.requestId(),
          new OrphanDue(gone.requestId(), gone.owner()),
          patience.orphanTimeout());
    }
    return this;
  }

  private Behavior<Command> onOrphanDue(OrphanDue due) {
    Owner owner = owners.get(due.requestId());
    if (owner != null && owner.ref().equals(due.owner())) {
      getContext()
          .getLog()
          .warn("request {} lost its owner and nobody came for it", due.requestId());
      core.release(due.requestId(), owner.epoch());
      forget(due.requestId(), owner.epoch());
    }
    return goOn();
  }

  private Behavior<Command> onDeviceUp(DeviceUp up) {
    generation = up.generation();
    lastStepEndNanos = 0;
    getContext()
        .getLog()
        .debug("device {} {} is open", up.info().backend(), up.info().instructionSet());
    return goOn();
  }

  private Behavior<Command> onDeviceDown(DeviceDown down) {
    if (down.generation() != generation) {
      return this;
    }
    generation = 0;
    List<Released> lost = core.deviceLost();
    for (Released each : lost) {
      Owner owner = owners.get(each.requestId());
      forget(each.requestId(), each.epoch());
      owner.ref().tell(new RequestActor.DeviceLost(each.epoch()));
    }
    return goOn();
  }

  /**
   * This scheduler failed and begins anew with a new device: the owners admit their requests again.
   */
  private Behavior<Command> onRestart() {
    telemetry.deviceError();
    owners.values().forEach(owner -> owner.ref().tell(new RequestActor.DeviceLost(owner.epoch())));
    return this;
  }

  private Behavior<Command> onRepeatOverdue() {
    core.repeatOverdue(nanoTime.getAsLong(), patience.repeatAfter().toNanos());
    return goOn();
  }

  private Behavior<Command> onGetStats(GetStats get) {
    get.replyTo().tell(core.stats());
    return this;
  }

  /** What may have become possible: a step first, then what is to be handed out. */
  private Behavior<Command> goOn() {
    if (generation != 0) {
      Optional<StepPlan> plan = core.plan();
      while (plan.isPresent()) {
        device.tell(new GpuActor.Run(generation, plan.get()));
        plan = core.plan();
      }
      List<Integer> frees = core.takeFrees();
      if (!frees.isEmpty()) {
        device.tell(new GpuActor.Free(generation, frees));
      }
    }
    for (Handover handover : core.handOvers(nanoTime.getAsLong())) {
      owners
          .get(handover.requestId())
          .ref()
          .tell(new RequestActor.Generated(handover, getContext().getSelf()));
    }
    for (Released released : core.takeReleased()) {
      Owner owner = owners.get(released.requestId());
      LetGo why = leaving.remove(released.requestId());
      if (owner != null && owner.epoch() == released.epoch()) {
        forget(released.requestId(), released.epoch());
        owner.ref().tell(new RequestActor.Released(released.epoch(), why));
      }
    }
    SchedulingStats stats = core.stats();
    for (; staleSeen < stats.staleResults(); staleSeen++) {
      telemetry.staleResult();
    }
    if (stats.prefixHitTokens() > prefixHitsSeen) {
      telemetry.prefixCacheHit((int) (stats.prefixHitTokens() - prefixHitsSeen));
      prefixHitsSeen = stats.prefixHitTokens();
    }
    if (stats.running() + stats.queued() == 0) {
      // Without work the device does not wait for anybody.
      lastStepEndNanos = 0;
    }
    telemetry.scheduler(stats);
    return this;
  }

  private void forget(String requestId, int epoch) {
    Owner owner = owners.get(requestId);
    if (owner != null && owner.epoch() == epoch) {
      owners.remove(requestId);
      timers.cancel(requestId);
      getContext().unwatch(owner.ref());
    }
  }

  private void own(String requestId, int epoch, ActorRef<RequestActor.Command> ref) {
    Owner before = owners.put(requestId, new Owner(epoch, ref));
    if (before == null || !before.ref().equals(ref)) {
      if (before != null) {
        getContext().unwatch(before.ref());
      }
      timers.cancel(requestId);
      getContext().watchWith(ref, new OwnerGone(requestId, ref));
    }
  }
}
