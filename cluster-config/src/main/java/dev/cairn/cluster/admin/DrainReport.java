package dev.cairn.cluster.admin;

/**
 * How far a node is emptied.
 *
 * @param node HOST:PORT
 * @param draining whether it takes no new work
 * @param drained whether nothing is left on it
 * @param requests unfinished requests whose actors are there
 * @param shards shards that are there and could be elsewhere
 * @param deviceRequests requests that its device holds
 */
public record DrainReport(
    String node, boolean draining, boolean drained, int requests, int shards, int deviceRequests) {}
