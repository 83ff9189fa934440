package dev.cairn.actors;

import dev.cairn.device.Device;
import dev.cairn.device.DeviceException;
import dev.cairn.device.StepResult;
import dev.cairn.scheduling.StepPlan;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The only caller of a {@link Device}, on a thread of its own. Steps are submitted without waiting;
 * a second thread waits for each to end and tells the scheduler. A device that fails is closed and
 * opened again, after a pause that doubles with every failure in a row.
 */
public final class GpuActor extends AbstractBehavior<GpuActor.Command> {
  /** What a device's actor understands. */
  public sealed interface Command {}

  /** Run a step on the device of this generation. */
  public record Run(int generation, StepPlan plan) implements Command {}

  /** Empty slots of the device of this generation. */
  public record Free(int generation, List<Integer> slots) implements Command {}

  private enum Open implements Command {
    INSTANCE
  }

  private record StepEnded(int generation) implements Command {}

  private record Failed(int generation, DeviceException cause) implements Command {}

  /** Makes a device's actor as a child of its scheduler. */
  public interface Factory {
    ActorRef<Command> spawn(
        ActorContext<SchedulerActor.Command> parent, ActorRef<SchedulerActor.Command> scheduler);
  }

  /**
   * How a device is kept open.
   *
   * @param opener opens the device; may take long
   * @param onOpen told of each device that was opened
   * @param readiness told while there is no device
   * @param telemetry told of failures and steps
   * @param maxAttempts attempts to open in a row before the device is given up
   * @param minBackoff pause before the second attempt
   * @param maxBackoff longest pause
   */
  public record Settings(
      Callable<Device> opener,
      DeviceListener onOpen,
      Readiness readiness,
      Telemetry telemetry,
      int maxAttempts,
      Duration minBackoff,
      Duration maxBackoff) {
    /** A factory of actors with these settings, on a dispatcher of that name. */
    public Factory factory(String dispatcher) {
      return (parent, scheduler) ->
          parent.spawn(create(this, scheduler), "gpu", DispatcherSelector.fromConfig(dispatcher));
    }
  }

  /** Told how opening a device went. */
  public interface DeviceListener {
    /** The device is open. */
    void opened(Device device);

    /** No further attempt will be made. */
    void givenUp(DeviceException cause);
  }

  private static final String PART = "device";

  private final Settings settings;
  private final ActorRef<SchedulerActor.Command> scheduler;
  private final TimerScheduler<Command> timers;
  private Optional<Device> device = Optional.empty();
  private int generation;
  private int failuresInRow;

  public static Behavior<Command> create(
      Settings settings, ActorRef<SchedulerActor.Command> scheduler) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(timers -> new GpuActor(context, timers, settings, scheduler)));
  }

  private GpuActor(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      Settings settings,
      ActorRef<SchedulerActor.Command> scheduler) {
    super(context);
    this.settings = settings;
    this.scheduler = scheduler;
    this.timers = timers;
    settings.readiness().notReady(PART, "the model is being loaded");
    context.getSelf().tell(Open.INSTANCE);
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(Run.class, this::onRun)
        .onMessage(StepEnded.class, this::onStepEnded)
        .onMessage(Free.class, this::onFree)
        .onMessageEquals(Open.INSTANCE, this::onOpen)
        .onMessage(Failed.class, this::onFailed)
        .onSignal(PostStop.class, stop -> onStop())
        .build();
  }

  private Behavior<Command> onOpen() {
    try {
      Device opened = settings.opener().call();
      device = Optional.of(opened);
      generation++;
      startWaiting(opened, generation);
      settings.onOpen().opened(opened);
      settings.readiness().ready(PART);
      scheduler.tell(new SchedulerActor.DeviceUp(generation, opened.info()));
    } catch (DeviceException e) {
      retry(e);
    } catch (Exception e) {
      retry(new DeviceException(DeviceException.Kind.UNAVAILABLE, e.toString(), e));
    }
    return this;
  }

  private void retry(DeviceException cause) {
    settings.telemetry().deviceError();
    failuresInRow++;
    // A device that never opened is wrong for this machine or this model: trying again is no help.
    if (generation == 0 || failuresInRow >= settings.maxAttempts()) {
      getContext()
          .getLog()
          .error("the device is given up after {} attempts: {}", failuresInRow, cause.getMessage());
      getContext().getLog().debug("where it failed", cause);
      settings.readiness().notReady(PART, "the device failed: " + cause.getMessage());
      settings.onOpen().givenUp(cause);
      return;
    }
    long doublings = Math.min(failuresInRow - 1, 30);
    long pause =
        Math.min(settings.maxBackoff().toMillis(), settings.minBackoff().toMillis() << doublings);
    getContext().getLog().warn("the device failed, next attempt in {} ms", pause, cause);
    settings
        .readiness()
        .notReady(PART, "the device failed and is opened again: " + cause.getMessage());
    timers.startSingleTimer(Open.INSTANCE, Duration.ofMillis(pause));
  }

  private Behavior<Command> onRun(Run run) {
    if (run.generation() == generation && device.isPresent()) {
      Device open = device.get();
      try {
        run.plan().frees().forEach(open::freeSlot);
        for (StepPlan.Open each : run.plan().opens()) {
          open.openSlot(each.slot(), each.spec());
        }
        open.submit(run.plan().step());
      } catch (DeviceException e) {
        lose(e);
      }
    }
    return this;
  }

  private Behavior<Command> onFree(Free free) {
    if (free.generation() == generation && device.isPresent()) {
      try {
        free.slots().forEach(device.get()::freeSlot);
      } catch (DeviceException e) {
        lose(e);
      }
    }
    return this;
  }

  private Behavior<Command> onStepEnded(StepEnded ended) {
    if (ended.generation() == generation) {
      failuresInRow = 0;
    }
    return this;
  }

  private Behavior<Command> onFailed(Failed failed) {
    if (failed.generation() == generation && device.isPresent()) {
      lose(failed.cause());
    }
    return this;
  }

  private void lose(DeviceException cause) {
    closeDevice();
    scheduler.tell(new SchedulerActor.DeviceDown(generation));
    retry(cause);
  }

  private Behavior<Command> onStop() {
    closeDevice();
    return this;
  }

  private void closeDevice() {
    device.ifPresent(Device::close);
    device = Optional.empty();
  }

  /** The device's completion thread; it ends when the device is closed or fails. */
  private void startWaiting(Device opened, int ofGeneration) {
    ActorRef<Command> self = getContext().getSelf();
    Thread waiting =
        new Thread(() -> awaitSteps(opened, ofGeneration, self), "cairn-device-" + ofGeneration);
    waiting.setDaemon(true);
    waiting.start();
  }

  private void awaitSteps(Device opened, int ofGeneration, ActorRef<Command> self) {
    try {
      boolean first = true;
      while (true) {
        StepResult result = opened.await();
        scheduler.tell(new SchedulerActor.StepDone(ofGeneration, result));
        if (first) {
          self.tell(new StepEnded(ofGeneration));
          first = false;
        }
      }
    } catch (DeviceException e) {
      if (e.kind() != DeviceException.Kind.CLOSED) {
        self.tell(new Failed(ofGeneration, e));
      }
    } catch (RuntimeException e) {
      self.tell(
          new Failed(
              ofGeneration, new DeviceException(DeviceException.Kind.LOST, e.toString(), e)));
    }
  }
}
