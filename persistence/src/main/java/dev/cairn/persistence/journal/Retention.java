package dev.cairn.persistence.journal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.Await;

/**
 * Deletes finished requests that are older than the journal keeps them, and the ones that finished
 * first where there are too many bytes of them. A batch of deletions goes through the writer's
 * queue like any write, so that commits wait for one of them at most; a request is deleted with its
 * indices or not at all. Once enough was deleted the tables are compacted in the background, which
 * gives the bytes back to the disk.
 */
final class Retention implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Retention.class);
  private static final int COMPACT_SHARE = 4;

  private final RetentionLimits limits;
  private final JournalDatabase database;
  private final Path files;
  private final Consumer<Command> submit;
  private final FinishedBytes finished;
  private final LongSupplier clock;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final CompactRangeOptions compaction =
      new CompactRangeOptions().setExclusiveManualCompaction(false).setAllowWriteStall(false);
  private final Thread thread = new Thread(this::run, "cairn-journal-retention");
  private long deletedBytes;
  private volatile long diskBytes;

  /**
   * Of a journal that is open.
   *
   * @param files the database's directory
   * @param submit puts a command into the writer's queue
   * @param clock milliseconds since the epoch
   */
  Retention(
      RetentionLimits limits,
      JournalDatabase database,
      Path files,
      Consumer<Command> submit,
      FinishedBytes finished,
      LongSupplier clock) {
    this.limits = limits;
    this.database = database;
    this.files = files;
    this.submit = submit;
    this.finished = finished;
    this.clock = clock;
    thread.setDaemon(true);
  }

  /** Says who hears of it when this ends by a failure. */
  void watchedBy(DeadLoops loops) {
    loops.watch(thread, "the journal's retention");
  }

  void start() {
    diskBytes = measured();
    thread.start();
  }

  JournalStorage storage() {
    return finished.storage(diskBytes);
  }

  private void run() {
    try {
      while (!closed.await(limits.interval().toNanos(), TimeUnit.NANOSECONDS)) {
        sweep();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Deletes what is due now; what fails is logged, and due again at the next sweep. */
  synchronized void sweep() {
    try {
      byte[] last = {};
      List<JournalRecords.FinishedRequest> due = due(last);
      while (!due.isEmpty() && closed.getCount() > 0) {
        delete(due);
        last = due.get(due.size() - 1).key();
        due = due(last);
      }
      if (deletedBytes > 0
          && deletedBytes >= Math.max(limits.compactBytes(), finished.bytes() / COMPACT_SHARE)) {
        database.compact(compaction);
        deletedBytes = 0;
      }
      diskBytes = measured();
    } catch (JournalClosedException | JournalFailedException | JournalOverloadedException e) {
      LOG.debug("The retention's sweep stops.", e);
    } catch (IOException | RocksDBException e) {
      if (closed.getCount() > 0) {
        LOG.error("Finished requests could not be deleted from the journal.", e);
      }
    }
  }

  private List<JournalRecords.FinishedRequest> due(byte[] afterKey)
      throws IOException, RocksDBException {
    long oldest =
        limits.time().isZero() ? Long.MIN_VALUE : clock.getAsLong() - limits.time().toMillis();
    long excess = limits.bytes() == 0 ? 0 : finished.bytes() - limits.bytes();
    List<JournalRecords.FinishedRequest> due = new ArrayList<>();
    for (JournalRecords.FinishedRequest request :
        database.read(records -> records.finished(afterKey, limits.batchRequests()))) {
      if (excess <= 0 && request.finishedMillis() >= oldest) {
        break;
      }
      excess -= request.bytes();
      due.add(request);
    }
    return due;
  }

  private void delete(List<JournalRecords.FinishedRequest> due) throws IOException {
    Command.Expire expire = Command.Expire.of(due);
    submit.accept(expire);
    try {
      Await.result(expire.promise().future(), scala.concurrent.duration.Duration.Inf());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("Interrupted while finished requests were deleted.", e);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError("a wait without end ended", e);
    }
    finished.expired(due.size());
    for (JournalRecords.FinishedRequest request : due) {
      deletedBytes += request.bytes();
    }
  }

  private long measured() {
    long bytes = 0;
    try (Stream<Path> all = Files.list(files)) {
      for (Path file : all.toList()) {
        // RocksDB may delete it between the two calls.
        bytes += Files.exists(file) ? file.toFile().length() : 0;
      }
    } catch (IOException e) {
      LOG.warn("The journal's files cannot be measured.", e);
    }
    return bytes;
  }

  /** Ends the sweep under way; the writer has been closed. */
  @Override
  public void close() {
    closed.countDown();
    compaction.setCanceled(true);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    synchronized (this) {
      compaction.close();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
