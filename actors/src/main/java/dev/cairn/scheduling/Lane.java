package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.Comparator;
import java.util.Iterator;
import java.util.NavigableSet;
import java.util.NoSuchElementException;
import java.util.TreeSet;

/**
 * What one tenant has in one band: its tickets that wait, by key and by how long they wait, and how
 * much of the device it has used.
 *
 * <p>Virtual time is device time used, over the tenant's weight. Among the lanes of a band the one
 * with the least is served next: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996),
 * with the cost charged as it arises, as in the virtual token counter (Sheng et al., OSDI 2024).
 */
final class Lane {
  private static final Comparator<Ticket> BY_KEY = (a, b) -> a.key.compareTo(b.key);

  final Tenant tenant;
  final Band band;
  private final NavigableSet<Ticket> byKey = new TreeSet<>(BY_KEY);
  private Ticket oldest;
  private Ticket youngest;
  private int starts;

  /** Sequences of this lane in steps, those included that are about to give their place back. */
  int running;

  double virtualTime;

  /** Virtual time under which the lane stands in the queue; the true one may have passed it. */
  double tag;

  /** The band in whose queue it stands, or null where it stands in none. */
  Band queuedIn;

  /** The band among whose active lanes it counts, or null where it is idle. */
  Band activeIn;

  Lane(Tenant tenant, Band band) {
    this.tenant = tenant;
    this.band = band;
  }

  Band effectiveBand() {
    return tenant.isSpent() ? Band.BATCH : band;
  }

  boolean hasWaiting() {
    return oldest != null;
  }

  int waiting() {
    return byKey.size();
  }

  boolean isActive() {
    return running > 0 || hasWaiting();
  }

  void add(Ticket ticket, long nowNanos) {
    ticket.isWaiting = true;
    ticket.waitingSinceNanos = nowNanos;
    byKey.add(ticket);
    ticket.older = youngest;
    if (youngest == null) {
      oldest = ticket;
    } else {
      youngest.younger = ticket;
    }
    youngest = ticket;
  }

  void remove(Ticket ticket) {
    ticket.isWaiting = false;
    byKey.remove(ticket);
    if (ticket.older == null) {
      oldest = ticket.younger;
    } else {
      ticket.older.younger = ticket.younger;
    }
    if (ticket.younger == null) {
      youngest = ticket.older;
    } else {
      ticket.younger.older = ticket.older;
    }
    ticket.older = null;
    ticket.younger = null;
  }

  /** A ticket of this lane starts. */
  void started(Ticket ticket) {
    remove(ticket);
    ticket.bypassed = 0;
    ticket.hasPreempted = false;
    starts++;
  }

  /** Waiting tickets in the order in which they would start now. */
  Iterator<Ticket> inOrder(SchedulingPolicy policy, long nowNanos) {
    Iterator<Ticket> keyed = byKey.iterator();
    Ticket overdue = isTurnOfOldest(policy, nowNanos) ? oldest : null;
    return new Iterator<>() {
      private boolean overdueGiven = overdue == null;

      @Override
      public boolean hasNext() {
        return !overdueGiven || keyed.hasNext();
      }

      @Override
      public Ticket next() {
        if (!overdueGiven) {
          overdueGiven = true;
          return overdue;
        }
        if (!keyed.hasNext()) {
          throw new NoSuchElementException();
        }
        return keyed.next();
      }
    };
  }

  /**
   * A tree that spawns for ever would hold the head of the keys for ever: every so many starts the
   * one that waits longest goes first, once it has waited long enough.
   */
  private boolean isTurnOfOldest(SchedulingPolicy policy, long nowNanos) {
    return (starts + 1) % policy.agingEvery() == 0
        && oldest != null
        && nowNanos - oldest.waitingSinceNanos >= policy.agingNanos();
  }
}
