package dev.cairn.simulation;

import dev.cairn.device.DeviceConfig;
import dev.cairn.device.StepResult;
import dev.cairn.persistence.Band;
import dev.cairn.request.LetGo;
import dev.cairn.request.SchedulerProtocol;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.SimulatedDevice;
import dev.cairn.scheduling.StepPlan;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * One life of a process with a device: what SchedulerActor and GpuActor do round the scheduling
 * core, without actors.
 */
final class SimulatedNode implements SchedulerProtocol.Owners<SimulatedRequest> {
  static final int BLOCK = 4;
  static final int CONTEXT = 64;
  private static final long ORPHAN_NANOS = 3000 * World.MS;
  private static final long REPEAT_NANOS = 1500 * World.MS;

  final String name;
  private final World world;
  private final SchedulingLimits limits;
  private final SchedulingCore core;
  private final SchedulerProtocol<SimulatedRequest> protocol;
  private final int endEvery;
  private SimulatedDevice device;
  private final Deque<StepPlan> submitted = new ArrayDeque<>();
  private int generation = 1;
  private boolean alive = true;

  SimulatedNode(World world, String name, int endEvery) {
    this.world = world;
    this.name = name;
    this.endEvery = endEvery;
    this.limits = new SchedulingLimits(3, 12, 40, BLOCK, CONTEXT, 2, 2, 2, 8, world.chance(2));
    this.core =
        new SchedulingCore(limits, SchedulingPolicy.of(2), token -> token == SimulatedDevice.END);
    this.protocol = new SchedulerProtocol<>(core, this);
    this.device = newDevice();
    repeatOverdue();
  }

  private SimulatedDevice newDevice() {
    return new SimulatedDevice(
        new DeviceConfig(
            "simulated",
            "auto",
            1,
            limits.maxSlots(),
            CONTEXT,
            limits.kvBlocks(),
            BLOCK,
            limits.maxBatchTokens(),
            limits.maxStepsInFlight()),
        endEvery,
        false);
  }

  boolean isAlive() {
    return alive;
  }

  SchedulingStats stats() {
    return core.stats();
  }

  /** What is held for requests beside the core's. */
  int held() {
    return protocol.held() + submitted.size();
  }

  void crash() {
    alive = false;
    submitted.clear();
  }

  /** The device fails and is opened again. */
  void loseDevice() {
    generation++;
    submitted.clear();
    device = newDevice();
    act(protocol::deviceLost);
  }

  void drain() {
    act(protocol::drain);
  }

  void undrain() {
    act(protocol::undrain);
  }

  boolean isDraining() {
    return protocol.isDraining();
  }

  void admit(Admission admission, SimulatedRequest owner) {
    act(() -> protocol.admit(admission, owner, world.now()));
  }

  void adopt(String id, int epoch, int nextIndex, Band band, SimulatedRequest owner) {
    act(() -> protocol.adopt(id, epoch, nextIndex, band, owner, world.now()));
  }

  void prioritize(String id, int epoch, Band band) {
    act(() -> protocol.prioritize(id, epoch, band));
  }

  void committed(String id, int epoch, int nextIndex) {
    act(() -> protocol.committed(id, epoch, nextIndex, world.now()));
  }

  void release(String id, int epoch) {
    act(() -> protocol.release(id, epoch));
  }

  void leave(String id, int epoch, LetGo why, SimulatedRequest owner) {
    act(() -> protocol.leave(id, epoch, why, owner));
  }

  private void act(Runnable what) {
    if (alive) {
      what.run();
      goOn();
    }
  }

  private void repeatOverdue() {
    world.in(
        REPEAT_NANOS,
        () -> {
          if (alive) {
            act(() -> protocol.repeatOverdue(world.now(), REPEAT_NANOS));
            repeatOverdue();
          }
        });
  }

  /** An owner died; it may come back for what is here. */
  void ownerGone(SimulatedRequest owner) {
    world.in(
        ORPHAN_NANOS,
        () -> {
          if (alive) {
            protocol.orphaned(owner.id, owner);
            goOn();
          }
        });
  }

  private void goOn() {
    for (Optional<StepPlan> plan = core.plan(world.now());
        plan.isPresent();
        plan = core.plan(world.now())) {
      submitted.addLast(plan.get());
      if (submitted.size() == 1) {
        runNext();
      }
    }
    core.takeFrees().forEach(device::freeSlot);
    protocol.deliver(world.now());
    checkBounds();
  }

  private void runNext() {
    int current = generation;
    long takes = world.between(100, 4000) * 1000;
    long start = world.now();
    world.in(
        takes,
        () -> {
          if (alive && current == generation) {
            StepResult ran = device.run(submitted.peekFirst());
            submitted.removeFirst();
            if (!submitted.isEmpty()) {
              runNext();
            }
            core.complete(new StepResult(ran.id(), ran.outputs(), start, world.now()));
            goOn();
          }
        });
  }

  private void checkBounds() {
    SchedulingStats stats = core.stats();
    require(stats.slotsInUse() <= limits.maxSlots(), "slots in use: " + stats);
    require(stats.kvBlocksUsed() <= limits.kvBlocks(), "KV blocks in use: " + stats);
    require(stats.stepsInFlight() <= limits.maxStepsInFlight(), "steps in flight: " + stats);
    require(stats.window() <= limits.maxWindow(), "commit window: " + stats);
  }

  @Override
  public void generated(SimulatedRequest owner, Handover handover) {
    world.send(() -> owner.generated(this, handover));
  }

  @Override
  public void released(SimulatedRequest owner, int epoch, LetGo why) {
    world.send(() -> owner.released(epoch, why));
  }

  @Override
  public void lost(SimulatedRequest owner, int epoch) {
    world.send(() -> owner.deviceLost(epoch));
  }

  @Override
  public void evicted(SimulatedRequest owner, int epoch) {
    world.send(() -> owner.evicted(epoch));
  }

  @Override
  public void move(SimulatedRequest owner, int epoch) {
    world.send(() -> owner.move(this, epoch));
  }

  @Override
  public void adopted(SimulatedRequest owner, int epoch) {
    world.send(() -> owner.adopted(epoch));
  }

  @Override
  public void notHeld(SimulatedRequest owner, int epoch) {
    world.send(() -> owner.notHeld(epoch));
  }

  @Override
  public void watch(String requestId, SimulatedRequest owner) {
    if (!owner.isAlive()) {
      // Death watch on an actor that is gone already answers at once.
      ownerGone(owner);
    }
  }

  @Override
  public void unwatch(String requestId, SimulatedRequest owner) {}

  static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }
}
