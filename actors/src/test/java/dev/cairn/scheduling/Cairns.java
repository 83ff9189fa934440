package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.device.Chunk;
import dev.cairn.scheduling.CoreDriver.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A scheduler with a simulated device, told as a story: what is submitted, and what starts when.
 */
final class Cairns {
  final CoreDriver driver;

  /** Requests in the order in which they first started. */
  final List<String> started = new ArrayList<>();

  private final Map<Integer, String> slots = new HashMap<>();

  Cairns(CoreDriver driver) {
    this.driver = driver;
  }

  /** So many run at once, with memory enough and slots for some that were preempted. */
  static Cairns running(int most) {
    return running(most, SchedulingPolicy.of(most));
  }

  static Cairns running(int most, SchedulingPolicy policy) {
    return new Cairns(new CoreDriver(limits(most + 4, 400), policy, 0));
  }

  static SchedulingLimits limits(int slots, int blocks) {
    return new SchedulingLimits(
        slots, Math.max(64, slots), blocks, CoreDriver.BLOCK, 64, 2, 16, 8, 32, true);
  }

  Request submit(Requested requested) {
    return driver.admit(requested.admission());
  }

  /** Plans what may be planned, and notes what starts. */
  void plan() {
    int before = driver.submitted.size();
    driver.plan();
    List<StepPlan> plans = new ArrayList<>(driver.submitted);
    plans.subList(before, plans.size()).forEach(this::note);
  }

  private void note(StepPlan plan) {
    for (StepPlan.Open open : plan.opens()) {
      slots.put(open.slot(), nameOf(open));
    }
    int tokens = 0;
    for (Chunk chunk : plan.step().chunks()) {
      tokens += chunk.count();
      String id = slots.get(chunk.slot());
      if (!started.contains(id)) {
        started.add(id);
      }
    }
    assertThat(tokens).as("tokens of a step").isLessThanOrEqualTo(driver.limits.maxBatchTokens());
  }

  private String nameOf(StepPlan.Open open) {
    return driver.requests.values().stream()
        .filter(r -> r.slotSpecTokens == open.spec().tokens())
        .map(r -> r.admission.requestId())
        .findFirst()
        .orElseThrow();
  }

  /** One step is planned and ends, and its tokens are committed. */
  void step() {
    plan();
    if (!driver.submitted.isEmpty()) {
      driver.runOne();
    }
    driver.collect();
    driver.commitAll();
  }

  /** Goes on until nothing is left to do. */
  void drain() {
    for (int quiet = 0; quiet < 3; quiet++) {
      long before = driver.now;
      step();
      quiet = driver.now > before ? 0 : quiet;
    }
  }

  /** Nothing is left, and every output that ended is what it is alone. */
  void assertWhole() {
    for (Request request : driver.requests.values()) {
      int[] alone = driver.alone(request.admission);
      int[] output = request.output.stream().mapToInt(Integer::intValue).toArray();
      if (request.end.isPresent() && output.length == alone.length) {
        assertThat(output).as(request.admission.requestId()).isEqualTo(alone);
      } else {
        assertThat(output).isEqualTo(Arrays.copyOf(alone, output.length));
      }
    }
    SchedulingStats stats = driver.core.stats();
    assertThat(stats.entries()).as("entries").isZero();
    assertThat(stats.queued()).as("queued").isZero();
    assertThat(stats.running()).as("running").isZero();
    assertThat(stats.slotsInUse()).as("slots").isZero();
    assertThat(stats.kvBlocksUsed()).as("blocks").isZero();
    assertThat(driver.core.available()).as("capacity").isEqualTo(driver.limits.kvBlocks());
  }

  PendingReason.Code whyWaits(String id) {
    return driver.core.pendingReason(id, driver.now).orElseThrow().code();
  }
}
