package dev.cairn.persistence.journal;

import java.util.Optional;

/**
 * The journal at one moment.
 *
 * @param commits synced batches since the journal was opened
 * @param events events in them
 * @param bytes bytes of their records, keys included
 * @param lastCommitNanos time that the last batch took to write and sync; 0 before the first
 * @param currentCommitNanos for how long the batch in progress has been written, 0 if none is: a
 *     large value is a stalled disk
 * @param queueDepth writes that wait for the next batch
 * @param overloads writes refused because the queue was full
 * @param failedWrites writes that failed for another reason: their actors replay
 * @param diskFull whether free space is below the reserve
 * @param storage what is kept, and what the retention deleted
 * @param cause why the journal failed; empty while it works
 */
public record JournalStats(
    long commits,
    long events,
    long bytes,
    long lastCommitNanos,
    long currentCommitNanos,
    int queueDepth,
    long overloads,
    long failedWrites,
    boolean diskFull,
    JournalStorage storage,
    Optional<Throwable> cause) {
  public boolean failed() {
    return cause.isPresent();
  }
}
