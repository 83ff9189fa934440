package dev.cairn.cluster;

import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceException;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;

/** The devices of a node, alike but for the hardware that each is; each has its own scheduler. */
final class NodeDevices {
  private final List<NodeDevice> devices;

  NodeDevices(
      StartUp startUp,
      CairnNode.Parts parts,
      NodeSettings settings,
      SchedulerActor.Guidance guidance) {
    this.devices =
        IntStream.range(0, parts.openers().size())
            .mapToObj(number -> new NodeDevice(startUp, parts, settings, guidance, number))
            .toList();
  }

  /** Where the schedulers stood together when they last changed. */
  SchedulingStats scheduling() {
    return devices.stream()
        .map(NodeDevice::scheduling)
        .reduce(SchedulingStats.NONE, SchedulingStats::plus);
  }

  /** Where tenants stood at each of the devices, as of the last second. */
  List<TenantStats> tenants() {
    return devices.stream().flatMap(each -> each.tenants().stream()).toList();
  }

  /**
   * Makes the schedulers, which begin to open the devices.
   *
   * @param node where they are, to name the devices in the cluster
   */
  List<ActorRef<SchedulerActor.Command>> start(
      String node, SchedulingLimits limits, Readiness readiness) {
    return devices.stream()
        .map(each -> each.start(node, limits, readiness, this::scheduling))
        .toList();
  }

  /**
   * Waits for all devices to be open.
   *
   * @throws DeviceException if one cannot be opened
   */
  List<Device> awaitOpen() {
    return devices.stream().map(NodeDevice::awaitOpen).toList();
  }

  /** Registers what is held here for requests. */
  void register(LeakRegistry leaks) {
    leaks.register("sequences", () -> scheduling().entries());
    leaks.register("slots", () -> scheduling().slotsInUse());
    leaks.register("kv-blocks", () -> scheduling().kvBlocksUsed());
    leaks.register("steps", () -> scheduling().stepsInFlight());
  }
}
