package dev.cairn.server.isolation;

import java.time.Duration;

/**
 * How long to wait before a process that ended is started again: twice as long each time, up to a
 * maximum, and from the beginning when it ran for a while. Counts in a row the starts that came to
 * nothing. Not safe for use by several threads.
 */
public final class Backoff {
  private final Duration min;
  private final Duration max;
  private final Duration resetAfter;
  private Duration next;
  private int failedStarts;

  /**
   * @param resetAfter time that a process must have run for the pause to be the first one again
   */
  public Backoff(Duration min, Duration max, Duration resetAfter) {
    this.min = min;
    this.max = max;
    this.resetAfter = resetAfter;
    this.next = min;
  }

  /**
   * A process ended.
   *
   * @param ran for how long
   * @param cameUp whether it ever did what it is for
   * @return the pause before the next start
   */
  public Duration ended(Duration ran, boolean cameUp) {
    failedStarts = cameUp ? 0 : failedStarts + 1;
    if (ran.compareTo(resetAfter) >= 0) {
      next = min;
    }
    Duration pause = next;
    Duration doubled = next.multipliedBy(2);
    next = doubled.compareTo(max) < 0 ? doubled : max;
    return pause;
  }

  /** Starts in a row of processes that never came up. */
  public int failedStarts() {
    return failedStarts;
  }
}
