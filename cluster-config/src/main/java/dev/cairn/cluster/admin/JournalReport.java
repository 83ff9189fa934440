package dev.cairn.cluster.admin;

/**
 * A gateway's journal.
 *
 * @param profile {@code single} or {@code cluster}
 * @param durability when a write counts as durable
 * @param commits batches made durable since the start
 * @param events events in them
 * @param bytes bytes of their records
 * @param diskBytes bytes of the journal's files; 0 where somebody else keeps them
 * @param lastCommitNanos time that the last batch took
 * @param currentCommitNanos for how long the batch in progress has been written: a large value is a
 *     stalled disk; 0: none is
 * @param queueDepth writes that wait for the next batch
 * @param overloads writes refused because the queue was full
 * @param failedWrites writes that failed for another reason
 * @param diskFull whether free space is below the reserve
 * @param finishedRequests finished requests that are kept
 * @param unfinishedRequests unfinished requests that this gateway runs
 * @param failure why the journal failed; empty while it works
 */
public record JournalReport(
    String profile,
    String durability,
    long commits,
    long events,
    long bytes,
    long diskBytes,
    long lastCommitNanos,
    long currentCommitNanos,
    int queueDepth,
    long overloads,
    long failedWrites,
    boolean diskFull,
    long finishedRequests,
    int unfinishedRequests,
    String failure) {}
