package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.device.StepResult;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.Standing;
import dev.cairn.scheduling.StepPlan;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Measures the scheduling core alone: what it takes to plan and complete a step of 64 decode rows,
 * and to take a request in, while so many others wait.
 */
public final class SchedulerBench {
  private static final int ROWS = 64;
  private static final int PROMPT = 32;
  private static final int CONTEXT = 1 << 20;
  private static final int BLOCK = 32;
  private static final int WARM_UP_STEPS = 50_000;
  private static final int STEPS = 20_000;
  private static final int ENTRIES = 20_000;
  private static final long STEP_NANOS = 5_000_000;

  private final int queued;
  private final int tenants;
  private final SchedulingCore core;
  private final int[] prompt = new int[PROMPT];
  private final StepResult.Output output =
      new StepResult.Output(StepResult.Status.OK, 7, null, List.of());
  private long nextId;
  private long now = 1;

  /**
   * @param queued requests that wait all the time
   * @param tenants among whom they are spread
   */
  public SchedulerBench(int queued, int tenants) {
    this.queued = queued;
    this.tenants = tenants;
    // One step in flight, so that what is measured is one step from its plan to its tokens.
    SchedulingLimits limits =
        new SchedulingLimits(
            ROWS + 16,
            4 * ROWS,
            2 * CONTEXT / BLOCK,
            BLOCK,
            CONTEXT,
            1,
            ROWS,
            1 << 20,
            1 << 20,
            true);
    core = new SchedulingCore(limits, SchedulingPolicy.of(ROWS), token -> false);
  }

  /** Measures; medians, so that other processes of the machine disturb little. */
  public ObjectNode run() {
    for (int i = 0; i < ROWS + queued; i++) {
      core.admit(admission(), now);
    }
    for (int i = 0; i < WARM_UP_STEPS; i++) {
      step();
      handOver();
    }
    enqueue();
    double[] steps = new double[STEPS];
    double[] handOvers = new double[STEPS];
    for (int i = 0; i < STEPS; i++) {
      long start = System.nanoTime();
      step();
      long planned = System.nanoTime();
      handOver();
      steps[i] = (planned - start) / 1e3;
      handOvers[i] = (System.nanoTime() - planned) / 1e3;
    }
    double[] entries = enqueue();
    double[] cycles = cycles(steps);
    ObjectNode line =
        new com.fasterxml.jackson.databind.node.ObjectNode(
            com.fasterxml.jackson.databind.node.JsonNodeFactory.instance);
    line.put("bench", "scheduler");
    line.put("queued", queued);
    line.put("rows", ROWS);
    line.put("tenants", tenants);
    line.put("step_us", quantile(cycles, 0.5));
    line.put("enqueue_us", quantile(entries, 0.5));
    line.put("hand_over_us", quantile(handOvers, 0.5));
    line.put("step_p99_us", quantile(steps, 0.99));
    line.put("enqueue_p99_us", quantile(entries, 0.99));
    return line;
  }

  /** Means over as many steps as fill a block: naming the blocks that are full costs as well. */
  private static double[] cycles(double[] steps) {
    double[] means = new double[steps.length / BLOCK];
    for (int i = 0; i < means.length; i++) {
      means[i] = Arrays.stream(steps, i * BLOCK, (i + 1) * BLOCK).average().orElseThrow();
    }
    return means;
  }

  private static double quantile(double[] micros, double quantile) {
    Arrays.sort(micros);
    return Math.round(micros[(int) (quantile * (micros.length - 1))] * 1000) / 1000.0;
  }

  private Admission admission() {
    nextId++;
    return new Admission(
        "request-" + nextId,
        1,
        Standing.alone(Band.INTERACTIVE, "tenant-" + nextId % tenants, nextId),
        nextId,
        prompt,
        PROMPT,
        CONTEXT - PROMPT,
        Sampling.GREEDY,
        nextId,
        true,
        -1,
        false,
        "");
  }

  /** Microseconds of single entries; what entered is taken out again, unmeasured. */
  private double[] enqueue() {
    double[] micros = new double[ENTRIES];
    for (int i = 0; i < ENTRIES; i++) {
      Admission admission = admission();
      long start = System.nanoTime();
      core.admit(admission, now);
      micros[i] = (System.nanoTime() - start) / 1e3;
      core.release(admission.requestId(), 1);
    }
    return micros;
  }

  private void step() {
    Optional<StepPlan> plan = core.plan(now);
    int rows = plan.orElseThrow().step().chunks().size();
    StepResult.Output[] outputs = new StepResult.Output[rows];
    Arrays.fill(outputs, output);
    long start = now;
    now += STEP_NANOS;
    core.complete(new StepResult(plan.get().step().id(), Arrays.asList(outputs), start, now));
  }

  private void handOver() {
    for (Handover handover : core.handOvers(now)) {
      core.committed(
          handover.requestId(),
          handover.epoch(),
          handover.firstIndex() + handover.tokens().length,
          now);
    }
    core.takeReleased();
    core.takeFrees();
  }
}
