package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;

/**
 * Read-only window on a request's committed state. Its RequestActor publishes to it after each
 * commit; any number of readers follow it from whatever index they like, without entering the
 * actor's mailbox. Safe for any number of threads.
 */
public final class RequestView {
  /** Ends a reader's interest. */
  public interface Subscription {
    void cancel();
  }

  private final RequestSpec spec;
  private final Set<Wake> readers = ConcurrentHashMap.newKeySet();
  private volatile Snapshot snapshot;

  RequestView(RequestSpec spec, Snapshot initial) {
    this.spec = spec;
    this.snapshot = initial;
  }

  public RequestSpec spec() {
    return spec;
  }

  public Snapshot snapshot() {
    return snapshot;
  }

  /**
   * Calls {@code wake} after every change from now on. It runs on the publisher's thread and has to
   * return at once; a reader takes a {@link #snapshot()} after subscribing, so that it misses
   * nothing.
   */
  public Subscription subscribe(Runnable wake) {
    Wake reader = new Wake(wake);
    readers.add(reader);
    return () -> readers.remove(reader);
  }

  /** Readers that have not cancelled; for the leak registry. */
  public int readers() {
    return readers.size();
  }

  /**
   * Called by the request's actor alone, after a commit. A reader that fails does not stop others.
   */
  void publish(Snapshot next, Logger log) {
    snapshot = next;
    for (Iterator<Wake> each = readers.iterator(); each.hasNext(); ) {
      Wake reader = each.next();
      try {
        reader.wake.run();
      } catch (RuntimeException e) {
        each.remove();
        log.error("a reader of request {} failed and is no longer told of changes", spec.id(), e);
      }
    }
  }

  /** Identity of one subscription, so that one Runnable may subscribe twice. */
  private static final class Wake {
    final Runnable wake;

    Wake(Runnable wake) {
      this.wake = wake;
    }
  }
}
