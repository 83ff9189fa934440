package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.Predicate;

/**
 * All that waits for a device: bands in order, in a band the lanes of the tenants by virtual time,
 * in a lane the tickets by key. Entering and leaving cost the logarithm of what waits in the lane;
 * looking for what is next costs nothing that grows with it.
 */
final class WaitingQueue {
  private static final Comparator<Lane> BY_TAG = Comparator.comparingDouble(lane -> lane.tag);

  private final SchedulingPolicy policy;
  private final Map<String, Tenant> tenants = new LinkedHashMap<>();

  /** Tenants without entries, the one that left longest ago first. */
  private final Map<String, Tenant> idle = new LinkedHashMap<>();

  private final Map<Band, PriorityQueue<Lane>> ready = new EnumMap<>(Band.class);

  /** Virtual time of a band: that of the lane which started something last. */
  private final double[] virtualTime = new double[Band.values().length];

  /** Weights of the lanes that have something waiting or running, by effective band. */
  private final double[] activeWeight = new double[Band.values().length];

  private int waiting;
  private long window;

  WaitingQueue(SchedulingPolicy policy) {
    this.policy = policy;
    for (Band band : Band.values()) {
      ready.put(band, new PriorityQueue<>(BY_TAG));
    }
  }

  /**
   * A tenant, known or new; {@link #left} says when an entry of it is gone.
   *
   * @param weight from now on; 0: as it is
   */
  Tenant enter(String name, double weight) {
    Tenant tenant = tenant(name);
    if (weight > 0) {
      reweigh(tenant, weight);
    }
    if (tenant.entries++ == 0) {
      idle.remove(name);
    }
    return tenant;
  }

  /** An entry of a tenant is gone. Tenants without any are remembered for a while. */
  void left(Tenant tenant) {
    tenant.entries--;
    forgetIdle(tenant);
  }

  private Tenant tenant(String name) {
    return tenants.computeIfAbsent(name, unknown -> new Tenant(unknown, policy.of(unknown)));
  }

  /** What it has used so far counts as it did. */
  private void reweigh(Tenant tenant, double weight) {
    for (Lane lane : tenant.lanes()) {
      if (lane.activeIn != null) {
        activeWeight[lane.activeIn.ordinal()] += weight - tenant.weight;
      }
    }
    tenant.weight = weight;
  }

  private void forgetIdle(Tenant tenant) {
    if (tenant.entries == 0 && !tenant.isHeld) {
      idle.put(tenant.name, tenant);
      if (idle.size() > policy.maxIdleTenants()) {
        Iterator<String> eldest = idle.keySet().iterator();
        tenants.remove(eldest.next());
        eldest.remove();
      }
    }
  }

  Collection<Tenant> tenants() {
    return tenants.values();
  }

  /** Sequences that wait. */
  int waiting() {
    return waiting;
  }

  /** The only way in, for what is new and for what comes back. */
  void enqueue(Ticket ticket, long nowNanos) {
    if (ticket.isWaiting) {
      return;
    }
    ticket.lane.add(ticket, nowNanos);
    waiting += ticket.members.size();
    activate(ticket.lane);
    offer(ticket.lane);
  }

  /** Takes a ticket out; a no-op where it does not wait. */
  void remove(Ticket ticket) {
    if (ticket.isWaiting) {
      ticket.lane.remove(ticket);
      waiting -= ticket.members.size();
      idleIfNothingIsLeft(ticket.lane);
    }
  }

  /** A member of a waiting ticket leaves it. */
  void removeMember(Ticket ticket, Sequence member) {
    if (ticket.members.size() == 1) {
      remove(ticket);
    } else if (ticket.isWaiting) {
      waiting--;
    }
    ticket.members.remove(member);
  }

  /** Whether its tenant's bounds let a ticket start. */
  boolean mayStart(Ticket ticket) {
    return ticket.lane.tenant.mayRun(ticket.members.size());
  }

  /** A waiting ticket starts to run. */
  void start(Ticket ticket) {
    Lane lane = ticket.lane;
    int count = ticket.members.size();
    waiting -= count;
    lane.started(ticket);
    lane.running += count;
    lane.tenant.running += count;
    int band = lane.effectiveBand().ordinal();
    virtualTime[band] = Math.max(virtualTime[band], lane.virtualTime);
  }

  /** A sequence of this lane runs no longer. */
  void stopped(Lane lane) {
    lane.running--;
    lane.tenant.running--;
    offerAll(lane.tenant);
    idleIfNothingIsLeft(lane);
  }

  /** A running sequence belongs to another lane of its tenant from now on. */
  void moved(Lane from, Lane to) {
    activate(to);
    from.running--;
    to.running++;
    idleIfNothingIsLeft(from);
  }

  /** Device time that sequences of a lane used, and how many tokens that were. */
  void charge(Lane lane, double nanos, int tokens) {
    Tenant tenant = lane.tenant;
    tenant.servedNanos += nanos;
    boolean wasSpent = tenant.isSpent();
    tenant.spend(tokens);
    if (tenant.isSpent() != wasSpent) {
      moveLanes(tenant);
    }
  }

  /** Moves a lane on in virtual time. */
  void advance(Lane lane, double nanos) {
    lane.virtualTime += nanos / lane.tenant.weight;
  }

  /** Begins new budgets where a window is over. */
  void enterWindow(long nowNanos) {
    long now = Math.floorDiv(nowNanos, policy.budgetWindowNanos());
    if (now != window) {
      window = now;
      for (Tenant tenant : tenants.values()) {
        tenant.renewBudget();
        moveLanes(tenant);
      }
    }
  }

  /** Nothing of a tenant starts until it is let go again. */
  Tenant hold(String name) {
    Tenant tenant = tenant(name);
    tenant.isHeld = true;
    idle.remove(name);
    return tenant;
  }

  void letGo(String name) {
    Tenant tenant = tenant(name);
    tenant.isHeld = false;
    offerAll(tenant);
    forgetIdle(tenant);
  }

  /** Running sequences that a lane may have while every active lane of its band has its share. */
  double share(Lane lane) {
    int band = lane.effectiveBand().ordinal();
    return policy.maxRunning() * lane.tenant.weight / activeWeight[band];
  }

  /**
   * The first ticket in order that fits. Those that do not are passed by what stands behind them,
   * as far as that is allowed.
   *
   * @param fits whether a ticket could start now
   */
  Ticket next(long nowNanos, Predicate<Ticket> fits) {
    List<Lane> seen = new ArrayList<>();
    List<Ticket> passed = new ArrayList<>();
    Ticket found = null;
    for (Band band : Band.values()) {
      PriorityQueue<Lane> queue = ready.get(band);
      while (found == null && seen.size() <= policy.lookAhead() && top(band) != null) {
        Lane lane = queue.poll();
        lane.queuedIn = null;
        seen.add(lane);
        found = nextOf(lane, nowNanos, fits, passed);
        if (isExhausted(passed)) {
          break;
        }
      }
      if (found != null || isExhausted(passed)) {
        break;
      }
    }
    seen.forEach(this::offer);
    if (found != null) {
      passed.forEach(ticket -> ticket.bypassed++);
    }
    return found;
  }

  private Ticket nextOf(Lane lane, long nowNanos, Predicate<Ticket> fits, List<Ticket> passed) {
    Iterator<Ticket> tickets = lane.inOrder(policy, nowNanos);
    for (int tries = 0; tries <= policy.lookAhead() && tickets.hasNext(); tries++) {
      Ticket ticket = tickets.next();
      if (mayStart(ticket) && fits.test(ticket)) {
        return ticket;
      }
      passed.add(ticket);
      if (isExhausted(passed)) {
        break;
      }
    }
    return null;
  }

  /** Whether the last one that does not fit lets nothing pass any more. */
  private boolean isExhausted(List<Ticket> passed) {
    return !passed.isEmpty() && passed.get(passed.size() - 1).bypassed >= policy.maxBypasses();
  }

  /** The ticket that is next in order, or null; what does not fit is not passed. */
  Ticket first(long nowNanos) {
    for (Band band : Band.values()) {
      Lane lane = top(band);
      if (lane != null) {
        return lane.inOrder(policy, nowNanos).next();
      }
    }
    return null;
  }

  /**
   * The lane of a band that is next, left where it stands; tags that time has passed are mended.
   */
  private Lane top(Band band) {
    PriorityQueue<Lane> queue = ready.get(band);
    while (true) {
      Lane lane = queue.peek();
      if (lane == null) {
        return null;
      }
      if (!lane.hasWaiting() || !lane.tenant.mayRun(1)) {
        queue.poll();
        lane.queuedIn = null;
      } else if (lane.tag < lane.virtualTime) {
        queue.poll();
        lane.tag = lane.virtualTime;
        queue.add(lane);
      } else {
        return lane;
      }
    }
  }

  private void offer(Lane lane) {
    if (lane.queuedIn == null && lane.hasWaiting() && lane.tenant.mayRun(1)) {
      lane.queuedIn = lane.effectiveBand();
      lane.tag = lane.virtualTime;
      ready.get(lane.queuedIn).add(lane);
    }
  }

  /** What could not start until now has no claim to the time that has passed meanwhile. */
  private void offerAll(Tenant tenant) {
    for (Lane lane : tenant.lanes()) {
      if (lane.queuedIn == null && lane.hasWaiting()) {
        catchUp(lane);
        offer(lane);
      }
    }
  }

  private void catchUp(Lane lane) {
    double now = virtualTime[lane.effectiveBand().ordinal()];
    lane.virtualTime = Math.max(lane.virtualTime, now);
  }

  private void activate(Lane lane) {
    if (lane.activeIn == null) {
      lane.activeIn = lane.effectiveBand();
      activeWeight[lane.activeIn.ordinal()] += lane.tenant.weight;
      catchUp(lane);
    }
  }

  private void idleIfNothingIsLeft(Lane lane) {
    if (lane.activeIn != null && !lane.isActive()) {
      int band = lane.activeIn.ordinal();
      activeWeight[band] = Math.max(0, activeWeight[band] - lane.tenant.weight);
      lane.activeIn = null;
    }
  }

  /** A tenant's budget was spent or renewed: its lanes belong to other bands. */
  private void moveLanes(Tenant tenant) {
    for (Lane lane : tenant.lanes()) {
      if (lane.activeIn != null && lane.activeIn != lane.effectiveBand()) {
        if (lane.queuedIn != null) {
          ready.get(lane.queuedIn).remove(lane);
          lane.queuedIn = null;
        }
        activeWeight[lane.activeIn.ordinal()] -= tenant.weight;
        lane.activeIn = lane.effectiveBand();
        activeWeight[lane.activeIn.ordinal()] += tenant.weight;
        catchUp(lane);
        offer(lane);
      }
    }
  }
}
