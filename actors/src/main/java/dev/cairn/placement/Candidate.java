package dev.cairn.placement;

import java.util.OptionalDouble;

/**
 * A device as a gateway sees it.
 *
 * @param status what it said last
 * @param roundTripSeconds smoothed time of a question and its answer; empty where none came yet
 * @param answers whether it answered the last questions
 * @param assignedTokens tokens of the requests that this gateway gave it since it said so
 * @param sharedTokens tokens of the request's prompt that it probably has in its prefix cache
 * @param coolingNanos for how long it is still left alone after a failure; 0 or less: not at all
 * @param scheduler what stands for its scheduler
 */
public record Candidate<D>(
    DeviceStatus status,
    OptionalDouble roundTripSeconds,
    boolean answers,
    long assignedTokens,
    int sharedTokens,
    long coolingNanos,
    D scheduler) {}
