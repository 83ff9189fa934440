package dev.cairn.actors;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Bounds the unfinished requests of a node. A request holds its place from before it is written to
 * the journal until its end is durable; one that comes back from the journal holds a place whatever
 * the bound, for it was promised already.
 */
public final class AdmissionGate {
  private final int limit;
  private final Set<String> unfinished = ConcurrentHashMap.newKeySet();

  public AdmissionGate(int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException(
          "max-unfinished-requests is " + limit + ", expected at least 1");
    }
    this.limit = limit;
  }

  /** How a request came in. */
  public enum Entry {
    /** It took a place. */
    NEW,
    /** It held one already. */
    HELD,
    /** There is none left. */
    FULL
  }

  /** Takes a place where one is left. */
  public synchronized Entry enter(String requestId) {
    if (unfinished.contains(requestId)) {
      return Entry.HELD;
    }
    if (unfinished.size() >= limit) {
      return Entry.FULL;
    }
    unfinished.add(requestId);
    return Entry.NEW;
  }

  /** Whether a request would be refused, for it holds no place and there is none left. */
  public boolean isFullFor(String requestId) {
    return unfinished.size() >= limit && !unfinished.contains(requestId);
  }

  /** Takes a place for a request that the journal brought back. */
  void readmit(String requestId) {
    unfinished.add(requestId);
  }

  /** Gives a request's place back; a no-op where it holds none. */
  public void leave(String requestId) {
    unfinished.remove(requestId);
  }

  public int limit() {
    return limit;
  }

  /** Requests that hold a place. */
  public int unfinished() {
    return unfinished.size();
  }
}
