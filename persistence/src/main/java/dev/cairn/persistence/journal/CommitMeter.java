package dev.cairn.persistence.journal;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts commits, of which several may be under way, keeps the failure, and tells those who listen.
 */
public final class CommitMeter {
  private static final Logger LOG = LoggerFactory.getLogger(CommitMeter.class);

  private final List<CommitListener> commitListeners = new CopyOnWriteArrayList<>();
  private final List<Consumer<Throwable>> failureListeners = new CopyOnWriteArrayList<>();
  private final AtomicLong overloads = new AtomicLong();
  private final AtomicLong failedWrites = new AtomicLong();
  private long commits;
  private long events;
  private long bytes;
  private long lastNanos;
  private final List<Long> underWay = new ArrayList<>();
  private volatile Throwable cause;

  public synchronized long begin() {
    long begun = System.nanoTime();
    underWay.add(begun);
    return begun;
  }

  /** Ends a commit that succeeded, and returns its time. */
  public synchronized long end(long begun, int committedEvents, long committedBytes) {
    underWay.remove(Long.valueOf(begun));
    lastNanos = Math.max(1, System.nanoTime() - begun);
    commits++;
    events += committedEvents;
    bytes += committedBytes;
    return lastNanos;
  }

  /** Ends a commit that failed; others go on. */
  public synchronized void giveUp(long begun) {
    underWay.remove(Long.valueOf(begun));
  }

  /** Counts a write whose actor has to replay. */
  public void failedWrite() {
    failedWrites.incrementAndGet();
  }

  /** Tells the listeners of a commit. */
  public void announce(int committedEvents, long nanos) {
    for (CommitListener listener : commitListeners) {
      try {
        listener.onCommit(committedEvents, nanos);
      } catch (RuntimeException e) {
        LOG.error("A commit listener threw.", e);
      }
    }
  }

  void fail(Throwable why) {
    synchronized (failureListeners) {
      if (cause != null) {
        return;
      }
      cause = why;
    }
    synchronized (this) {
      underWay.clear();
    }
    // A listener may end the process, and that waits for the writer thread, which calls this.
    Thread teller =
        new Thread(
            () -> failureListeners.forEach(listener -> tell(listener, why)),
            "cairn-journal-failure");
    teller.setDaemon(true);
    teller.start();
  }

  Optional<Throwable> cause() {
    return Optional.ofNullable(cause);
  }

  /** Counts and logs a write that found no room. */
  public void overloaded(JournalOverloadedException e) {
    overloads.incrementAndGet();
    LOG.error("A write was rejected.", e);
  }

  public void onCommit(CommitListener listener) {
    commitListeners.add(listener);
  }

  void onFailure(Consumer<Throwable> listener) {
    Throwable failed;
    synchronized (failureListeners) {
      failed = cause;
      if (failed == null) {
        failureListeners.add(listener);
      }
    }
    if (failed != null) {
      tell(listener, failed);
    }
  }

  /** The figures of this moment. */
  public synchronized JournalStats stats(int depth, boolean full, JournalStorage storage) {
    return new JournalStats(
        commits,
        events,
        bytes,
        lastNanos,
        underWay.isEmpty() ? 0 : System.nanoTime() - underWay.get(0),
        depth,
        overloads.get(),
        failedWrites.get(),
        full,
        storage,
        cause());
  }

  private static void tell(Consumer<Throwable> listener, Throwable why) {
    try {
      listener.accept(why);
    } catch (RuntimeException e) {
      LOG.error("A listener for the journal's failure threw.", e);
    }
  }
}
