package dev.cairn.cluster;

import dev.cairn.actors.GpuActor;
import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceException;
import dev.cairn.model.ModelSpec;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.typed.ActorRef;

/** What makes a node a device: the device itself and its scheduler. */
final class NodeDevice {
  private final StartUp startUp;
  private final CairnNode.Parts parts;
  private final NodeSettings settings;
  private final CompletableFuture<Device> device = new CompletableFuture<>();
  private final AtomicReference<SchedulingStats> scheduling =
      new AtomicReference<>(SchedulingStats.NONE);

  NodeDevice(StartUp startUp, CairnNode.Parts parts, NodeSettings settings) {
    this.startUp = startUp;
    this.parts = parts;
    this.settings = settings;
  }

  /** Where the scheduler stood when it last changed. */
  AtomicReference<SchedulingStats> scheduling() {
    return scheduling;
  }

  /**
   * Makes the scheduler, which begins to open the device.
   *
   * @param node where it is, to name the device in the cluster
   */
  ActorRef<SchedulerActor.Command> start(
      String node, SchedulingLimits limits, Readiness readiness) {
    NodeTelemetry telemetry = new NodeTelemetry(parts.telemetry(), scheduling);
    NodeSettings.Device settled = settings.device();
    GpuActor.Settings gpu =
        new GpuActor.Settings(
            parts.opener(),
            new GpuActor.DeviceListener() {
              @Override
              public void opened(Device opened) {
                device.complete(opened);
              }

              @Override
              public void givenUp(DeviceException cause) {
                device.completeExceptionally(cause);
              }
            },
            readiness,
            telemetry,
            settled.maxOpenAttempts(),
            settled.minOpenBackoff(),
            settled.maxOpenBackoff());
    return startUp.spawn(
        SchedulerActor.create(
            new SchedulerActor.Identity(node, served(parts.model())),
            limits,
            SchedulingSettings.from(parts.config(), limits.maxSlots()),
            parts.tokenizer()::endsGeneration,
            gpu.factory("cairn.dispatchers.gpu"),
            telemetry,
            System::nanoTime,
            new SchedulerActor.Patience(settled.orphanTimeout(), settings.commit().repeatAfter())),
        "scheduler");
  }

  private static DeviceStatus.Served served(ModelSpec model) {
    return new DeviceStatus.Served(
        model.fingerprint(), model.weightType().name(), model.architecture());
  }

  /**
   * Waits for the device to be open.
   *
   * @throws DeviceException if it cannot be opened
   */
  Device awaitOpen() {
    return startUp.await(device, "the device");
  }

  /** Registers what is held here for requests. */
  void register(LeakRegistry leaks) {
    leaks.register("sequences", () -> scheduling.get().entries());
    leaks.register("slots", () -> scheduling.get().slotsInUse());
    leaks.register("kv-blocks", () -> scheduling.get().kvBlocksUsed());
    leaks.register("steps", () -> scheduling.get().stepsInFlight());
  }
}
