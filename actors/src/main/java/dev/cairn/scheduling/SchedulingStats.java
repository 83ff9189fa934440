package dev.cairn.scheduling;

/**
 * Where a scheduler stands. When nothing is left of any request all is zero but the totals and what
 * is cached.
 *
 * @param queued sequences that wait, preempted ones included
 * @param running sequences that take part in steps
 * @param entries sequences known, whatever their state
 * @param slotsInUse slots of the device that are taken
 * @param kvBlocksUsed blocks that sequences use
 * @param kvBlocksTotal blocks there are
 * @param stepsInFlight steps submitted and not completed
 * @param window uncommitted tokens that a sequence may have
 * @param preemptions sequences that had to give their blocks back, ever
 * @param staleResults results that did not match exactly and were dropped, ever
 * @param kvBlocksCached blocks that no sequence uses and a later one may share
 * @param prefixHitTokens tokens that were not computed because their blocks were there, ever
 */
public record SchedulingStats(
    int queued,
    int running,
    int entries,
    int slotsInUse,
    int kvBlocksUsed,
    int kvBlocksTotal,
    int stepsInFlight,
    int window,
    long preemptions,
    long staleResults,
    int kvBlocksCached,
    long prefixHitTokens) {
  /** Where a scheduler without a device stands. */
  public static final SchedulingStats NONE =
      new SchedulingStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  /** Where two schedulers of a node stand together; their window is the larger one. */
  public SchedulingStats plus(SchedulingStats other) {
    return new SchedulingStats(
        queued + other.queued,
        running + other.running,
        entries + other.entries,
        slotsInUse + other.slotsInUse,
        kvBlocksUsed + other.kvBlocksUsed,
        kvBlocksTotal + other.kvBlocksTotal,
        stepsInFlight + other.stepsInFlight,
        Math.max(window, other.window),
        preemptions + other.preemptions,
        staleResults + other.staleResults,
        kvBlocksCached + other.kvBlocksCached,
        prefixHitTokens + other.prefixHitTokens);
  }
}
