package dev.cairn.placement;

import java.util.OptionalDouble;

/**
 * What a device says of itself.
 *
 * @param name names it in the cluster
 * @param modelFingerprint identifies the file of the model that it serves
 * @param numericsVersion its numerics version
 * @param backend its back end
 * @param maxContext longest sequence it takes, in tokens
 * @param kvTokens tokens whose keys and values it has room for
 * @param queuedTokens tokens that its requests may still need, prompts and outputs together
 * @param tokensPerSecond what it computed lately; empty before its first step
 * @param draining whether it takes no more requests
 */
public record DeviceStatus(
    String name,
    String modelFingerprint,
    String numericsVersion,
    String backend,
    int maxContext,
    long kvTokens,
    long queuedTokens,
    OptionalDouble tokensPerSecond,
    boolean draining) {}
