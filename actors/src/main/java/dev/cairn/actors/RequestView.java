package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import java.util.Iterator;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;

/**
 * Read-only window on a request's committed state. Its RequestActor publishes to it after each
 * commit, or where that lives on another node, the relay does; any number of readers follow it from
 * whatever index they like, without entering an actor's mailbox. What it shows never shrinks. Safe
 * for any number of threads.
 */
public final class RequestView {
  private static final long UNKNOWN = Long.MIN_VALUE;

  /** Ends a reader's interest. */
  public interface Subscription {
    void cancel();
  }

  private final RequestSpec spec;
  private final Consumer<RequestView> read;
  private final Set<Wake> readers = ConcurrentHashMap.newKeySet();
  private final Set<Wake> relays = ConcurrentHashMap.newKeySet();
  private volatile Snapshot snapshot;
  private volatile long firstTokenNanos = UNKNOWN;

  RequestView(RequestSpec spec, Snapshot initial) {
    this(spec, initial, view -> {});
  }

  /**
   * @param read told whenever a reader comes
   */
  RequestView(RequestSpec spec, Snapshot initial, Consumer<RequestView> read) {
    this.spec = spec;
    this.snapshot = initial;
    this.read = read;
  }

  public RequestSpec spec() {
    return spec;
  }

  public Snapshot snapshot() {
    return snapshot;
  }

  /**
   * When this view showed its first token, by {@link System#nanoTime()}; empty before, and where it
   * began with tokens.
   */
  public OptionalLong firstTokenNanos() {
    long shown = firstTokenNanos;
    return shown == UNKNOWN ? OptionalLong.empty() : OptionalLong.of(shown);
  }

  /**
   * Calls {@code wake} after every change from now on. It runs on the publisher's thread and has to
   * return at once; a reader takes a {@link #snapshot()} after subscribing, so that it misses
   * nothing.
   */
  public Subscription subscribe(Runnable wake) {
    Wake reader = new Wake(wake);
    readers.add(reader);
    read.accept(this);
    return () -> readers.remove(reader);
  }

  /** The same for the relay, which is no reader. */
  Subscription relay(Runnable wake) {
    Wake relay = new Wake(wake);
    relays.add(relay);
    return () -> relays.remove(relay);
  }

  /** Readers that have not cancelled; for the leak registry. */
  public int readers() {
    return readers.size();
  }

  /**
   * Called after a commit by who feeds this view: the request's actor, or the relay. A snapshot
   * that is older than what is shown came late and is dropped. A reader that fails does not stop
   * others.
   *
   * @return whether it agrees with what is shown; one that takes something back is not shown
   */
  boolean publish(Snapshot next, Logger log) {
    synchronized (this) {
      Snapshot shown = snapshot;
      if (next.version() < shown.version()) {
        return true;
      }
      if (next.tokens().size() < shown.tokens().size()
          || (shown.finish().isPresent() && next.finish().isEmpty())) {
        log.error(
            "request {} was to show version {} with {} tokens after version {} with {}; it keeps"
                + " what it shows",
            spec.id(),
            next.version(),
            next.tokens().size(),
            shown.version(),
            shown.tokens().size());
        return false;
      }
      if (shown.tokens().size() == 0 && next.tokens().size() > 0) {
        firstTokenNanos = System.nanoTime();
      }
      snapshot = next;
    }
    wake(readers, log);
    wake(relays, log);
    return true;
  }

  private void wake(Set<Wake> all, Logger log) {
    for (Iterator<Wake> each = all.iterator(); each.hasNext(); ) {
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
