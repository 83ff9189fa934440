package dev.cairn.cluster;

import dev.cairn.actors.GpuActor;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceException;
import dev.cairn.model.ModelSpec;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;

/** One of a node's devices: the device itself and its scheduler. */
final class NodeDevice {
  private final StartUp startUp;
  private final CairnNode.Parts parts;
  private final NodeSettings settings;
  private final int number;
  private final SchedulerActor.Guidance guidance;
  private final CompletableFuture<Device> device = new CompletableFuture<>();
  private final AtomicReference<SchedulingStats> scheduling =
      new AtomicReference<>(SchedulingStats.NONE);
  private final AtomicReference<List<TenantStats>> tenants = new AtomicReference<>(List.of());

  /**
   * @param number which of the node's devices, from 0 on
   */
  NodeDevice(
      StartUp startUp,
      CairnNode.Parts parts,
      NodeSettings settings,
      SchedulerActor.Guidance guidance,
      int number) {
    this.guidance = guidance;
    this.startUp = startUp;
    this.parts = parts;
    this.settings = settings;
    this.number = number;
  }

  /** Where the scheduler stood when it last changed. */
  SchedulingStats scheduling() {
    return scheduling.get();
  }

  /** Where tenants stood, as of the last second. */
  List<TenantStats> tenants() {
    return tenants.get();
  }

  /**
   * Makes the scheduler, which begins to open the device.
   *
   * @param node where it is, to name the device in the cluster
   * @param all where all schedulers of the node stand
   */
  ActorRef<SchedulerActor.Command> start(
      String node, SchedulingLimits limits, Readiness readiness, Supplier<SchedulingStats> all) {
    NodeTelemetry telemetry = new NodeTelemetry(parts.telemetry(), scheduling, tenants, all);
    String suffix = number == 0 ? "" : "-" + number;
    NodeSettings.Device settled = settings.device();
    GpuActor.Settings gpu =
        new GpuActor.Settings(
            parts.openers().get(number),
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
            readiness.of(suffix),
            telemetry,
            settled.maxOpenAttempts(),
            settled.minOpenBackoff(),
            settled.maxOpenBackoff());
    ActorRef<SchedulerActor.Command> scheduler =
        startUp.spawn(
            SchedulerActor.create(
                new SchedulerActor.Identity(node, served(parts.model())),
                limits,
                SchedulingSettings.from(parts.config(), limits.maxSlots(), parts.model().name()),
                parts.tokenizer()::endsGeneration,
                guidance,
                gpu.factory("cairn.dispatchers.gpu"),
                telemetry,
                System::nanoTime,
                new SchedulerActor.Patience(
                    settled.orphanTimeout(), settings.commit().repeatAfter())),
            "scheduler" + suffix);
    // What is paused stands in the journal, and a gateway says so: nothing runs before.
    scheduler.tell(SchedulerActor.AwaitPauses.INSTANCE);
    return scheduler;
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
}
