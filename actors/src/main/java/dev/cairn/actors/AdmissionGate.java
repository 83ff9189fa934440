package dev.cairn.actors;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;

/**
 * Bounds the unfinished requests of a node, and of each tenant those that have no token yet. A
 * request holds its place from before it is written to the journal until its end is durable; one
 * that comes back from the journal holds a place whatever the bound, for it was promised already.
 */
public final class AdmissionGate {
  private final int limit;
  private final ToIntFunction<String> maxQueued;

  /** Tenants of unfinished requests, by request. */
  private final Map<String, String> unfinished = new HashMap<>();

  /** Requests without a token. */
  private final Set<String> queued = new HashSet<>();

  private final Map<String, Integer> queuedByTenant = new HashMap<>();

  /** A gate that bounds no tenant by itself. */
  public AdmissionGate(int limit) {
    this(limit, tenant -> 0);
  }

  /**
   * @param maxQueued most requests without a token that a tenant may have; 0: any
   */
  public AdmissionGate(int limit, ToIntFunction<String> maxQueued) {
    if (limit < 1) {
      throw new IllegalArgumentException(
          "max-unfinished-requests is " + limit + ", expected at least 1");
    }
    this.limit = limit;
    this.maxQueued = maxQueued;
  }

  /** How a request came in. */
  public enum Entry {
    /** It took a place. */
    NEW,
    /** It held one already. */
    HELD,
    /** There is none left. */
    FULL,
    /** Its tenant has none left. */
    TENANT_FULL
  }

  /** Takes a place where one is left. */
  public synchronized Entry enter(String requestId, String tenant) {
    Entry entry = look(requestId, tenant);
    if (entry == Entry.NEW) {
      take(requestId, tenant, true);
    }
    return entry;
  }

  /** How a request would come in. */
  public synchronized Entry look(String requestId, String tenant) {
    if (unfinished.containsKey(requestId)) {
      return Entry.HELD;
    }
    if (unfinished.size() >= limit) {
      return Entry.FULL;
    }
    int most = maxQueued(tenant);
    return most > 0 && queued(tenant) >= most ? Entry.TENANT_FULL : Entry.NEW;
  }

  /**
   * Takes a place for a request that the journal brought back.
   *
   * @param started whether it has a token
   */
  synchronized void readmit(String requestId, String tenant, boolean started) {
    if (!unfinished.containsKey(requestId)) {
      take(requestId, tenant, !started);
    } else if (started) {
      started(requestId);
    }
  }

  private void take(String requestId, String tenant, boolean waits) {
    unfinished.put(requestId, tenant);
    if (waits) {
      queued.add(requestId);
      queuedByTenant.merge(tenant, 1, Integer::sum);
    }
  }

  /** A request has its first token; a no-op where it had one before. */
  synchronized void started(String requestId) {
    if (queued.remove(requestId)) {
      queuedByTenant.computeIfPresent(
          unfinished.get(requestId), (tenant, count) -> count == 1 ? null : count - 1);
    }
  }

  /** Gives a request's place back; a no-op where it holds none. */
  public synchronized void leave(String requestId) {
    started(requestId);
    unfinished.remove(requestId);
  }

  public int limit() {
    return limit;
  }

  /** Says that a node has as many unfinished requests as it takes. */
  public static String full(int limit) {
    return "the server has " + limit + " unfinished requests, as many as it takes";
  }

  /** Says that a tenant has as many requests that wait as it may. */
  public static String tenantFull(String tenant, int limit) {
    return "tenant '"
        + tenant
        + "' has "
        + limit
        + " requests that wait for their first token, as many as it may";
  }

  /** Most requests without a token that a tenant may have; 0: any. */
  public int maxQueued(String tenant) {
    return maxQueued.applyAsInt(tenant);
  }

  /** Requests that hold a place. */
  public synchronized int unfinished() {
    return unfinished.size();
  }

  /** Requests of a tenant that have no token yet. */
  public synchronized int queued(String tenant) {
    return queuedByTenant.getOrDefault(tenant, 0);
  }
}
