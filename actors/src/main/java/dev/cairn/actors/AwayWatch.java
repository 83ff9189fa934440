package dev.cairn.actors;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Tells requests that the scheduler of their device is away: when that begins, and from time to
 * time while it lasts. Safe for any number of threads.
 *
 * @param <D> what stands for a scheduler
 */
final class AwayWatch<D> {
  private final long intervalNanos;
  private final Map<D, Map<Object, Runnable>> followers = new HashMap<>();
  private final Map<D, Long> toldNanos = new HashMap<>();

  AwayWatch(long intervalNanos) {
    this.intervalNanos = intervalNanos;
  }

  /** Follows a scheduler until what is returned is run. */
  synchronized Runnable follow(D scheduler, Runnable away) {
    Object key = new Object();
    followers.computeIfAbsent(scheduler, unknown -> new LinkedHashMap<>()).put(key, away);
    return () -> leave(scheduler, key);
  }

  private synchronized void leave(D scheduler, Object key) {
    Map<Object, Runnable> of = followers.get(scheduler);
    if (of != null && of.remove(key) != null && of.isEmpty()) {
      followers.remove(scheduler);
      toldNanos.remove(scheduler);
    }
  }

  /**
   * Takes what is known now.
   *
   * @param here schedulers that answer
   */
  void see(Set<D> here, long nowNanos) {
    List<Runnable> due = new ArrayList<>();
    synchronized (this) {
      toldNanos.keySet().removeAll(here);
      followers.forEach(
          (scheduler, of) -> {
            Long told = toldNanos.get(scheduler);
            if (!here.contains(scheduler) && (told == null || nowNanos - told >= intervalNanos)) {
              toldNanos.put(scheduler, nowNanos);
              due.addAll(of.values());
            }
          });
    }
    due.forEach(Runnable::run);
  }

  /** Requests that follow a scheduler; for the leak registry. */
  synchronized int size() {
    return followers.values().stream().mapToInt(Map::size).sum();
  }
}
