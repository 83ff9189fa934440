package dev.cairn.persistence;

/**
 * What every event on disk begins with.
 *
 * @param schemaVersion version of the form that the event is written in
 * @param requestId request that it belongs to
 * @param epoch number of the attempt, 0 before the first
 * @param index index of a generated token; see each event
 */
public record EventHeader(int schemaVersion, String requestId, int epoch, int index) {}
