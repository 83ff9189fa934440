package dev.cairn.actors;

import dev.cairn.device.DeviceInfo;
import dev.cairn.device.StepResult;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingCore.Released;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.StepPlan;
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
   * @param epoch the owner's, for the answer where nothing of the request is here
   */
  public record Cancel(String requestId, ActorRef<RequestActor.Command> owner, int epoch)
      implements Command {}

  /** Let go of a request at once, while its owner is busy writing; the owner hears of it. */
  public record CancelNow(String requestId) implements Command {}

  /** The device is open and empty. */
  public record DeviceUp(int generation, DeviceInfo info) implements Command {}

  /** The device is lost, with all that was on it. */
  public record DeviceDown(int generation) implements Command {}

  /** A step ended. */
  public record StepDone(int generation, StepResult result) implements Command {}

  /** Asks where the scheduler stands. */
  public record GetStats(ActorRef<SchedulingStats> replyTo) implements Command {}

  private record Owner(int epoch, ActorRef<RequestActor.Command> ref) {}

  private final SchedulingCore core;
  private final ActorRef<GpuActor.Command> device;
  private final Telemetry telemetry;
  private final LongSupplier nanoTime;
  private final Map<String, Owner> owners = new HashMap<>();

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
      LongSupplier nanoTime) {
    Behavior<Command> scheduler =
        Behaviors.setup(
            context ->
                new SchedulerActor(
                    context,
                    new SchedulingCore(limits, endsGeneration),
                    gpu.spawn(context, context.getSelf()),
                    telemetry,
                    nanoTime));
    return Behaviors.supervise(scheduler).onFailure(SupervisorStrategy.restart());
  }

  private SchedulerActor(
      ActorContext<Command> context,
      SchedulingCore core,
      ActorRef<GpuActor.Command> device,
      Telemetry telemetry,
      LongSupplier nanoTime) {
    super(context);
    this.core = core;
    this.device = device;
    this.telemetry = telemetry;
    this.nanoTime = nanoTime;
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(StepDone.class, this::onStepDone)
        .onMessage(Committed.class, this::onCommitted)
        .onMessage(Admit.class, this::onAdmit)
        .onMessage(Release.class, this::onRelease)
        .onMessage(Cancel.class, this::onCancel)
        .onMessage(CancelNow.class, this::onCancelNow)
        .onMessage(DeviceUp.class, this::onDeviceUp)
        .onMessage(DeviceDown.class, this::onDeviceDown)
        .onMessage(GetStats.class, this::onGetStats)
        .onSignal(PreRestart.class, restart -> onRestart())
        .build();
  }

  private Behavior<Command> onAdmit(Admit admit) {
    Admission admission = admit.admission();
    owners.merge(
        admission.requestId(),
        new Owner(admission.epoch(), admit.owner()),
        (known, next) -> next.epoch() > known.epoch() ? next : known);
    core.admit(admission);
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

  private Behavior<Command> onCancel(Cancel cancel) {
    if (core.cancel(cancel.requestId())) {
      return goOn();
    }
    cancel.owner().tell(new RequestActor.Released(cancel.epoch()));
    return this;
  }

  private Behavior<Command> onCancelNow(CancelNow cancel) {
    core.cancel(cancel.requestId());
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
      owners.get(handover.requestId()).ref().tell(new RequestActor.Generated(handover));
    }
    for (Released released : core.takeReleased()) {
      Owner owner = owners.get(released.requestId());
      if (owner != null && owner.epoch() == released.epoch()) {
        owners.remove(released.requestId());
        owner.ref().tell(new RequestActor.Released(released.epoch()));
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
    }
  }
}
