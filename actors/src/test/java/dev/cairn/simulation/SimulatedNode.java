package dev.cairn.simulation;

import dev.cairn.device.DeviceConfig;
import dev.cairn.device.StepResult;
import dev.cairn.request.LetGo;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.SimulatedDevice;
import dev.cairn.scheduling.StepPlan;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * One life of a process with a device: what SchedulerActor and GpuActor do round the scheduling
 * core, without actors.
 */
final class SimulatedNode {
  static final int BLOCK = 4;
  static final int CONTEXT = 64;
  private static final long ORPHAN_NANOS = 3000 * World.MS;
  private static final long REPEAT_NANOS = 1500 * World.MS;

  final String name;
  private final World world;
  private final SchedulingLimits limits;
  private final SchedulingCore core;
  private final int endEvery;
  private SimulatedDevice device;
  private final Map<String, Owned> owners = new HashMap<>();
  private final Map<String, LetGo> leaving = new HashMap<>();
  private final Deque<StepPlan> submitted = new ArrayDeque<>();
  private int generation = 1;
  private boolean alive = true;

  private record Owned(int epoch, SimulatedRequest owner) {}

  SimulatedNode(World world, String name, int endEvery) {
    this.world = world;
    this.name = name;
    this.endEvery = endEvery;
    this.limits = new SchedulingLimits(3, 12, 40, BLOCK, CONTEXT, 2, 2, 2, 8, world.chance(2));
    this.core = new SchedulingCore(limits, token -> token == SimulatedDevice.END);
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
    return owners.size() + leaving.size() + submitted.size();
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
    for (SchedulingCore.Released lost : core.deviceLost()) {
      Owned owned = owners.get(lost.requestId());
      forget(lost.requestId(), lost.epoch());
      world.send(() -> owned.owner().deviceLost(lost.epoch()));
    }
    goOn();
  }

  void admit(Admission admission, SimulatedRequest owner) {
    if (!alive) {
      return;
    }
    if (core.admit(admission)) {
      own(admission.requestId(), admission.epoch(), owner);
    }
    goOn();
  }

  void adopt(String id, int epoch, int nextIndex, SimulatedRequest owner) {
    if (!alive) {
      return;
    }
    if (core.adopt(id, epoch, nextIndex, world.now())) {
      own(id, epoch, owner);
      world.send(() -> owner.adopted(epoch));
    } else {
      forget(id, epoch);
      world.send(() -> owner.notHeld(epoch));
    }
    goOn();
  }

  void committed(String id, int epoch, int nextIndex) {
    if (alive) {
      if (core.committed(id, epoch, nextIndex, world.now())) {
        forget(id, epoch);
      }
      goOn();
    }
  }

  void release(String id, int epoch) {
    if (alive) {
      core.release(id, epoch);
      forget(id, epoch);
      goOn();
    }
  }

  void leave(String id, int epoch, LetGo why, SimulatedRequest owner) {
    if (!alive) {
      return;
    }
    if (core.cancel(id, epoch)) {
      leaving.merge(id, why, LetGo::or);
      goOn();
    } else {
      world.send(() -> owner.released(epoch, why));
    }
  }

  private void repeatOverdue() {
    world.in(
        REPEAT_NANOS,
        () -> {
          if (alive) {
            core.repeatOverdue(world.now(), REPEAT_NANOS);
            goOn();
            repeatOverdue();
          }
        });
  }

  /** An owner died; it may come back for what is here. */
  void ownerGone(SimulatedRequest owner) {
    world.in(
        ORPHAN_NANOS,
        () -> {
          Owned owned = owners.get(owner.id);
          if (alive && owned != null && owned.owner() == owner) {
            release(owner.id, owned.epoch());
          }
        });
  }

  private void goOn() {
    for (Optional<StepPlan> plan = core.plan(); plan.isPresent(); plan = core.plan()) {
      submitted.addLast(plan.get());
      if (submitted.size() == 1) {
        runNext();
      }
    }
    core.takeFrees().forEach(device::freeSlot);
    for (Handover handover : core.handOvers(world.now())) {
      SimulatedRequest owner = owners.get(handover.requestId()).owner();
      world.send(() -> owner.generated(this, handover));
    }
    for (SchedulingCore.Released released : core.takeReleased()) {
      Owned owned = owners.get(released.requestId());
      LetGo why = leaving.remove(released.requestId());
      if (owned != null && owned.epoch() == released.epoch()) {
        forget(released.requestId(), released.epoch());
        world.send(() -> owned.owner().released(released.epoch(), why));
      }
    }
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

  private void own(String id, int epoch, SimulatedRequest owner) {
    owners.put(id, new Owned(epoch, owner));
    if (!owner.isAlive()) {
      // Death watch on an actor that is gone already answers at once.
      ownerGone(owner);
    }
  }

  private void forget(String id, int epoch) {
    Owned owned = owners.get(id);
    if (owned != null && owned.epoch() == epoch) {
      owners.remove(id);
    }
  }

  static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }
}
