package dev.cairn.actors;

import dev.cairn.device.StepResult;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingStats;
import java.util.OptionalDouble;

/** Measures a scheduler's steps and tells telemetry what has changed. One thread at a time. */
final class StepMeter {
  /** Weight of a step in the running mean of the device's rate. */
  private static final double RATE_SMOOTHING = 0.05;

  private final Telemetry telemetry;
  private OptionalDouble tokensPerSecond = OptionalDouble.empty();
  private long lastStepEndNanos;
  private long staleSeen;
  private long prefixHitsSeen;
  private long steps;
  private long rows;
  private long tokens;
  private long busyNanos;

  StepMeter(Telemetry telemetry) {
    this.telemetry = telemetry;
  }

  /** What the device computed lately; empty before its first step. */
  OptionalDouble tokensPerSecond() {
    return tokensPerSecond;
  }

  /** Another device begins: the time before its first step is not idle. */
  void deviceOpened() {
    lastStepEndNanos = 0;
  }

  /** A step of the open device ended. */
  void ended(StepResult result) {
    if (lastStepEndNanos != 0) {
      telemetry.deviceIdle(Math.max(0, result.startNanos() - lastStepEndNanos));
    }
    lastStepEndNanos = result.endNanos();
  }

  /** The step was the one expected. */
  void completed(SchedulingCore.Completed step, StepResult result) {
    long took = Math.max(1, result.endNanos() - result.startNanos());
    steps++;
    rows += step.rows();
    tokens += step.tokens();
    busyNanos += took;
    telemetry.stepCompleted(step.rows(), step.tokens(), took);
    if (step.drafted() > 0) {
      telemetry.drafted(step.drafted(), step.held());
    }
    double rate = step.tokens() * 1e9 / took;
    double before = tokensPerSecond.orElse(rate);
    tokensPerSecond = OptionalDouble.of(before + RATE_SMOOTHING * (rate - before));
  }

  /** What is known of the device by now. */
  DeviceReading reading(String device, SchedulingCore core, long nowNanos) {
    return new DeviceReading(
        device, core.stats(), core.waitingByReason(nowNanos), steps, rows, tokens, busyNanos);
  }

  /** Where the scheduler stands now. */
  void stands(SchedulingStats stats) {
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
  }
}
