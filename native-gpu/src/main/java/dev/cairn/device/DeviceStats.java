package dev.cairn.device;

/**
 * Counters since the device opened.
 *
 * @param openSlots slots in use now
 * @param stepsRun steps finished
 * @param tokensProcessed tokens that went through the model
 * @param busyNanos time spent in steps
 * @param idleNanos time between the end of a step and the start of the next while a slot was open
 */
public record DeviceStats(
    int openSlots, long stepsRun, long tokensProcessed, long busyNanos, long idleNanos) {}
