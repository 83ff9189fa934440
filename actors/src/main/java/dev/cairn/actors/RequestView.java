package dev.cairn.actors;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;

/**
 * Read-only window on a request's committed state. Its RequestActor publishes to it after each
 * commit; any number of readers follow it from whatever index they like, without entering the
 * actor's mailbox. Safe for any number of threads.
 */
public final class RequestView {
  /** Where a request stands. */
  public enum State {
    /** Durable, not yet with a device. */
    ACCEPTED,
    /** With a device's scheduler. */
    ASSIGNED,
    /** Ended; nothing changes any more. */
    FINISHED
  }

  /** How a request ended. */
  public record Finish(FinishReason reason, String detail) {}

  /**
   * What was committed at one moment; immutable.
   *
   * @param tokens generated tokens
   * @param promptLogprobs of prompt tokens 1 and up, or empty
   * @param finish empty while the request is unfinished
   */
  public record Snapshot(
      State state,
      int epoch,
      CommittedTokens tokens,
      List<TokenLogprobs> promptLogprobs,
      Optional<Finish> finish) {}

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
