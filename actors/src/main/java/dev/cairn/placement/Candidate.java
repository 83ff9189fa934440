package dev.cairn.placement;

import java.util.OptionalDouble;

/**
 * A device as a gateway sees it.
 *
 * @param status what it said last
 * @param roundTripSeconds smoothed time of a question and its answer; empty where none came yet
 * @param answers whether it answered the last questions
 * @param assigned what this gateway gave it since it said so
 * @param sharedTokens tokens of the request's prompt that it probably has in its prefix cache
 * @param coolingNanos for how long it is still left alone after a failure; 0 or less: not at all
 * @param scheduler what stands for its scheduler
 */
public record Candidate<D>(
    DeviceStatus status,
    OptionalDouble roundTripSeconds,
    boolean answers,
    Assigned assigned,
    int sharedTokens,
    long coolingNanos,
    D scheduler) {
  /**
   * Requests that a device was given.
   *
   * @param requests how many
   * @param tokens that they may need, prompts and outputs together
   */
  public record Assigned(int requests, long tokens) {
    public static final Assigned NONE = new Assigned(0, 0);

    /** With one more. */
    public Assigned and(long more) {
      return new Assigned(requests + 1, tokens + more);
    }
  }

  /** Whether a request with so many tokens known would be computed at once. */
  boolean startsNow(int known) {
    DeviceStatus.Load load = status.load();
    return load.waiting() == 0
        && load.freeSlots() > assigned.requests()
        && load.freeKvTokens() - assigned.tokens() >= known - sharedTokens;
  }
}
