/**
 * The pure scheduling core: which sequence runs in which step, with which KV blocks, and when its
 * tokens are handed to the request that owns them. No actors, no clock, no threads, no randomness:
 * time comes in as an argument, so that a simulation can replay every decision.
 *
 * <p>Three nouns carry it: {@link dev.cairn.scheduling.Sequence} (one request on the device),
 * {@link dev.cairn.scheduling.BlockPool} (the KV store's blocks) and {@link
 * dev.cairn.scheduling.StepPlanner} (continuous batching). {@link
 * dev.cairn.scheduling.SchedulingCore} holds them together.
 */
package dev.cairn.scheduling;
