package dev.cairn.scheduling;

/**
 * How many tokens a sequence may have that are not committed. Commits take a while; a sequence that
 * had to wait for each would run at the disk's pace. The window covers the tokens of two commits
 * and of the steps in flight, as measured, within configured bounds: a slower disk makes larger
 * commits, not slower tokens.
 */
final class CommitWindow {
  /** Weight of a new measurement in the running means. */
  private static final double SMOOTHING = 0.1;

  private final SchedulingLimits limits;
  private double commitNanos;
  private double stepNanos;
  private double steps;

  CommitWindow(SchedulingLimits limits) {
    this.limits = limits;
  }

  int tokens() {
    return tokens(1);
  }

  /** For a sequence of which a step may bring so many tokens. */
  int tokens(int perStep) {
    return (int) Math.max(limits.minWindow(), Math.min(limits.maxWindow(), steps * perStep));
  }

  void commitTook(long nanos) {
    commitNanos = mean(commitNanos, nanos);
    derive();
  }

  void stepTook(long nanos) {
    stepNanos = mean(stepNanos, nanos);
    derive();
  }

  private void derive() {
    if (stepNanos > 0) {
      steps = Math.ceil(2 * commitNanos / stepNanos) + limits.maxStepsInFlight();
    }
  }

  private static double mean(double mean, long value) {
    double measured = Math.max(0, value);
    return mean == 0 ? measured : mean + SMOOTHING * (measured - mean);
  }
}
