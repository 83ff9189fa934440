package dev.cairn.cluster.admin;

import java.util.OptionalDouble;

/**
 * A device as a gateway sees it.
 *
 * @param name names it in the cluster
 * @param node where it is
 * @param modelFingerprint identifies the file of the model that it serves
 * @param kvTokens tokens whose keys and values it has room for
 * @param queuedTokens tokens that its requests may still need, prompts and outputs together
 * @param tokensPerSecond what it computed lately; empty before its first step
 * @param roundTripSeconds smoothed time of a question and its answer; empty where none came yet
 * @param answers whether it answered within {@code cairn.placement.probe-timeout}
 * @param draining whether it takes no more requests
 * @param paused whether nothing runs on it for now
 * @param running requests that take part in steps
 * @param waiting requests that wait to be computed
 * @param freeKvTokens tokens whose keys and values there is room for now
 */
public record DeviceRow(
    String name,
    String node,
    String modelFingerprint,
    String backend,
    String numericsVersion,
    int maxContext,
    long kvTokens,
    long queuedTokens,
    OptionalDouble tokensPerSecond,
    OptionalDouble roundTripSeconds,
    boolean answers,
    boolean draining,
    boolean paused,
    int running,
    int waiting,
    long freeKvTokens) {}
