package dev.cairn.scheduling;

/**
 * Where a scheduler stands; all zero but the totals when nothing is left of any request.
 *
 * @param queued sequences that wait, preempted ones included
 * @param running sequences that take part in steps
 * @param entries sequences known, whatever their state
 * @param slotsInUse slots of the device that are taken
 * @param kvBlocksUsed blocks that belong to a sequence
 * @param kvBlocksTotal blocks there are
 * @param stepsInFlight steps submitted and not completed
 * @param window uncommitted tokens that a sequence may have
 * @param preemptions sequences that had to give their blocks back, ever
 * @param staleResults results that did not match exactly and were dropped, ever
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
    long staleResults) {}
