package dev.cairn.actors;

import dev.cairn.scheduling.PendingReason;
import dev.cairn.scheduling.SchedulingStats;
import java.util.Map;

/**
 * One of a node's devices as its scheduler sees it; told about once a second. Totals count from the
 * scheduler's start and begin anew with it.
 *
 * @param device its name in the cluster
 * @param stats where its scheduler stands
 * @param waiting sequences that wait, by reason
 * @param steps that ended, ever
 * @param rows of these steps, chunks of prompt and decode rows, ever
 * @param tokens that these steps computed, ever
 * @param busyNanos that these steps took, ever
 */
public record DeviceReading(
    String device,
    SchedulingStats stats,
    Map<PendingReason.Code, Integer> waiting,
    long steps,
    long rows,
    long tokens,
    long busyNanos) {}
