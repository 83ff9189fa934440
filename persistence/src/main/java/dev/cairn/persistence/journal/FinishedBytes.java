package dev.cairn.persistence.journal;

import java.io.IOException;
import java.util.List;

/**
 * Number and bytes of the finished requests in the journal. The writer stages changes and counts
 * them once they are committed.
 */
final class FinishedBytes {
  private static final int PAGE = 1024;

  private long stagedRequests;
  private long stagedBytes;
  private long requests;
  private long bytes;
  private long expired;

  /** Counts what a journal holds that nobody writes to yet. */
  static FinishedBytes of(JournalRecords records) throws IOException {
    FinishedBytes found = new FinishedBytes();
    List<JournalRecords.FinishedRequest> page = records.finished(new byte[0], PAGE);
    while (!page.isEmpty()) {
      page.forEach(request -> found.stage(1, request.bytes()));
      page = records.finished(page.get(page.size() - 1).key(), PAGE);
    }
    found.committed();
    return found;
  }

  /** On the writer's thread. */
  void stage(long moreRequests, long moreBytes) {
    stagedRequests += moreRequests;
    stagedBytes += moreBytes;
  }

  /** On the writer's thread, once what was staged is durable. */
  synchronized void committed() {
    requests += stagedRequests;
    bytes += stagedBytes;
    stagedRequests = 0;
    stagedBytes = 0;
  }

  synchronized void expired(int more) {
    expired += more;
  }

  synchronized long bytes() {
    return bytes;
  }

  synchronized JournalStorage storage(long diskBytes) {
    return new JournalStorage(diskBytes, requests, bytes, expired);
  }
}
