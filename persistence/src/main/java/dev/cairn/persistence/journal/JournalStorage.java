package dev.cairn.persistence.journal;

/**
 * What the journal keeps.
 *
 * @param diskBytes bytes of its files, as of the last sweep of the retention
 * @param finishedRequests finished requests that are kept
 * @param finishedBytes bytes of their records
 * @param expiredRequests finished requests that were deleted since the journal was opened
 */
public record JournalStorage(
    long diskBytes, long finishedRequests, long finishedBytes, long expiredRequests) {}
