package dev.cairn.scheduling;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Who is on the device: lets tickets in when all of a ticket fits, and makes others yield where the
 * order says so. What yields keeps its key, and its slot while there are enough, gives its blocks
 * to the cache and waits again; what the cache has lost until it comes back is computed again.
 */
final class Residency {
  private final SchedulingLimits limits;
  private final SchedulingPolicy policy;
  private final BlockPool pool;
  private final SlotTable slots;
  private final CommitWindow window;
  private final WaitingQueue queue;
  private final Running running;
  private final StepTimes times;
  private final Preemption preemption;

  /** For whom others yield at the moment, or null. */
  private Ticket preemptor;

  /** Sequences that gave their blocks back and have to leave the order of those that run. */
  private final List<Sequence> yielded = new ArrayList<>();

  /** Tickets that wait and keep their slots. */
  private final Set<Ticket> parked = new LinkedHashSet<>();

  private final List<Sequence> evicted = new ArrayList<>();
  private int yielding;
  private long preemptions;
  private long sharedTokens;

  Residency(
      SchedulingLimits limits,
      SchedulingPolicy policy,
      BlockPool pool,
      SlotTable slots,
      CommitWindow window,
      WaitingQueue queue,
      Running running,
      StepTimes times) {
    this.limits = limits;
    this.policy = policy;
    this.pool = pool;
    this.slots = slots;
    this.window = window;
    this.queue = queue;
    this.running = running;
    this.times = times;
    this.preemption = new Preemption(pool, running);
  }

  long preemptions() {
    return preemptions;
  }

  /** Tokens that were not computed because a cached block holds their keys and values. */
  long sharedTokens() {
    return sharedTokens;
  }

  /**
   * Lets the next in order in, if something fits; else may make room for it in a later step.
   *
   * @return what was let in, or null
   */
  Ticket admitNext(long nowNanos, List<StepPlan.Open> opens) {
    if (preemptor != null) {
      Ticket waits = preemptor;
      boolean isNext = waits.isWaiting && !isOvertaken(waits, nowNanos);
      if (isNext && queue.mayStart(waits) && fits(waits)) {
        preemptor = null;
        return start(waits, nowNanos, opens);
      }
      if (isNext && yielding > 0) {
        return null;
      }
      preemptor = null;
    }
    Ticket first = queue.first(nowNanos);
    if (first == null) {
      return null;
    }
    if (running.size() < policy.maxRunning()) {
      if (!hasSlots(first) && hasRoom(first)) {
        evictParked(first);
      }
      Ticket next = queue.next(nowNanos, this::fits);
      if (next != null) {
        return start(next, nowNanos, opens);
      }
    }
    if (first.hasPreempted || !makeRoomFor(first)) {
      return null;
    }
    settleYields(nowNanos);
    return yielding == 0 ? admitNext(nowNanos, opens) : null;
  }

  /** Whether something came meanwhile that is before one for which others yielded. */
  private boolean isOvertaken(Ticket waits, long nowNanos) {
    Ticket first = queue.first(nowNanos);
    boolean byBand = first != null && first.effectiveBand().compareTo(waits.effectiveBand()) < 0;
    return byBand || waits.lane.inOrder(policy, nowNanos).next() != waits;
  }

  /**
   * A ticket fits when all that is known of it does, with a block to spare for each that runs: an
   * admission that brought the next preemption would waste both.
   */
  boolean fits(Ticket ticket) {
    return hasSlots(ticket) && hasRoom(ticket);
  }

  private boolean hasRoom(Ticket ticket) {
    int count = ticket.members.size();
    return running.size() + count <= policy.maxRunning()
        && mayGrow(ticket)
        && pool.available() >= blocksFor(ticket.members) + running.size() + count - 1;
  }

  boolean hasSlots(Ticket ticket) {
    return slots.free() >= slotsMissing(ticket);
  }

  /** Slots of tickets that wait. */
  private int parked() {
    int count = 0;
    for (Ticket ticket : parked) {
      count += ticket.members.size();
    }
    return count;
  }

  private static int slotsMissing(Ticket ticket) {
    int missing = 0;
    for (Sequence member : ticket.members) {
      missing += member.slot < 0 ? 1 : 0;
    }
    return missing;
  }

  /**
   * Takes slots from tickets that wait, the last one first, so that the one that is next gets them.
   * Their owners admit them again, with their tokens.
   */
  private void evictParked(Ticket next) {
    List<Ticket> fromLast = new ArrayList<>(parked);
    fromLast.sort((a, b) -> Ticket.byRank(b, a));
    for (Ticket ticket : fromLast) {
      if (hasSlots(next)) {
        return;
      }
      if (ticket != next) {
        evict(ticket);
      }
    }
  }

  private void evict(Ticket ticket) {
    parked.remove(ticket);
    queue.remove(ticket);
    for (Sequence member : ticket.members) {
      slots.give(member.slot);
      member.slot = -1;
      evicted.add(member);
    }
  }

  /** Sequences that lost their slot while they waited; their owners have to hear of it. */
  List<Sequence> takeEvicted() {
    if (evicted.isEmpty()) {
      return List.of();
    }
    List<Sequence> taken = List.copyOf(evicted);
    evicted.clear();
    return taken;
  }

  private boolean mayGrow(Ticket ticket) {
    for (Sequence member : ticket.members) {
      if (member.uncommitted() >= window.tokens()) {
        return false;
      }
    }
    return true;
  }

  /**
   * Available blocks that the members of a ticket would take, those included that only the cache
   * holds now.
   */
  int blocksFor(List<Sequence> members) {
    Sequence leader = members.get(0);
    Set<Integer> revived = new HashSet<>();
    int blocks = 0;
    for (Sequence member : members) {
      int shared = member.sharable(pool);
      for (int i = 0; i < shared; i++) {
        int block = member.sharedBlock(pool, i);
        if (pool.isUnreferenced(block)) {
          revived.add(block);
        }
      }
      int free = member == leader ? shared : Math.max(shared, member.promptBlocksLike(leader));
      blocks += limits.blocksFor(member.length) - free;
    }
    return blocks + revived.size();
  }

  private Ticket start(Ticket ticket, long nowNanos, List<StepPlan.Open> opens) {
    queue.start(ticket);
    parked.remove(ticket);
    Sequence leader = ticket.members.get(0);
    for (Sequence member : ticket.members) {
      running.add(member);
      member.state = Sequence.State.RUNNING;
      member.clock.started(nowNanos);
      int common = member == leader ? 0 : member.promptBlocksLike(leader);
      if (common > member.sharable(pool)) {
        member.follow(leader, common);
        member.reservedBlocks = limits.blocksFor(member.length) - common;
        pool.reserve(member.reservedBlocks);
      } else {
        takeBlocks(member);
      }
      member.prepaidNanos = member.pending() * times.prefillTokenNanos();
      queue.advance(ticket.lane, member.prepaidNanos);
      if (member.slot < 0) {
        member.slot = slots.take();
        opens.add(new StepPlan.Open(member.slot, member.unopened));
        member.unopened = null;
      }
    }
    return ticket;
  }

  private void takeBlocks(Sequence sequence) {
    sequence.shareBlocks(pool, sequence.sharable(pool));
    sharedTokens += sequence.computed;
    while (sequence.blockCount() < limits.blocksFor(sequence.length)) {
      sequence.addBlock(pool.take());
    }
  }

  /**
   * Whether a sequence has its blocks; one that shares the prompt of another member of its group
   * gets them when that one has computed it.
   */
  boolean hasItsPrompt(Sequence sequence) {
    if (sequence.follows == null) {
      return true;
    }
    if (!sequence.mayStopFollowing()) {
      return false;
    }
    stopFollowing(sequence);
    if (pool.available() < blocksFor(List.of(sequence))) {
      yieldAll(sequence.ticket);
      return false;
    }
    takeBlocks(sequence);
    return true;
  }

  private void stopFollowing(Sequence sequence) {
    pool.unreserve(sequence.reservedBlocks);
    sequence.reservedBlocks = 0;
    sequence.follows = null;
  }

  /** Makes tickets behind a running sequence yield, if that gives it the block that it lacks. */
  void makeRoomForBlock(Sequence sequence, int othersMissing) {
    preemption
        .victims(
            ticket -> Ticket.byRank(ticket, sequence.ticket) > 0,
            gain -> gain.blocks() > othersMissing)
        .forEach(this::yieldAll);
  }

  /**
   * Makes running tickets yield to a waiting one: those of later bands, and those of tenants that
   * have more than their share where the waiting one's has less. Never those of its own lane, so
   * that a child does not disturb its parent.
   */
  private boolean makeRoomFor(Ticket waiting) {
    if (slots.free() + parked() < slotsMissing(waiting)
        || !mayGrow(waiting)
        || !queue.mayStart(waiting)) {
      return false;
    }
    int count = waiting.members.size();
    boolean belowShare = policy.preemptForShare() && keepsShare(waiting.lane, count);
    if (!belowShare && !running.hasLaterThan(waiting.effectiveBand())) {
      return false;
    }
    int blocks = blocksFor(waiting.members);
    Map<Lane, Integer> chosen = new HashMap<>();
    List<Ticket> victims =
        preemption.victims(
            ticket -> mayYieldTo(ticket, waiting, belowShare, chosen),
            gain -> {
              int rest = running.size() - gain.sequences();
              return rest + count <= policy.maxRunning()
                  && pool.available() + gain.blocks() >= blocks + rest + count - 1;
            });
    if (victims.isEmpty()) {
      return false;
    }
    preemptor = waiting;
    waiting.hasPreempted = true;
    victims.forEach(this::yieldAll);
    return true;
  }

  private boolean mayYieldTo(
      Ticket ticket, Ticket waiting, boolean belowShare, Map<Lane, Integer> chosen) {
    int byBand = ticket.effectiveBand().compareTo(waiting.effectiveBand());
    if (byBand != 0) {
      return byBand > 0;
    }
    Lane lane = ticket.lane;
    int left = lane.running - chosen.getOrDefault(lane, 0) - ticket.members.size();
    if (!belowShare || lane == waiting.lane || left < Math.max(1, queue.share(lane))) {
      return false;
    }
    chosen.merge(lane, ticket.members.size(), Integer::sum);
    return true;
  }

  private boolean keepsShare(Lane lane, int more) {
    return lane.running + more <= Math.max(1, queue.share(lane));
  }

  /** Makes the running sequences of a tenant give way, because nothing of it may run. */
  void yieldAll(Tenant tenant, long nowNanos) {
    for (Ticket ticket : running.fromLast()) {
      if (ticket.lane.tenant == tenant) {
        yieldAll(ticket);
      }
    }
    settleYields(nowNanos);
  }

  private void yieldAll(Ticket victim) {
    for (Sequence member : victim.members) {
      if (member.state == Sequence.State.RUNNING) {
        preemptions++;
        yielding++;
        member.state = Sequence.State.YIELDING;
        if (member.stepsInFlight == 0) {
          giveBlocks(member);
        }
      }
    }
  }

  /** The steps in flight of a yielding sequence have ended. */
  void finishYield(Sequence sequence, long nowNanos) {
    giveBlocks(sequence);
    settleYields(nowNanos);
  }

  private void giveBlocks(Sequence sequence) {
    if (sequence.follows != null) {
      stopFollowing(sequence);
    }
    sequence.giveBlocks(pool);
    sequence.state = Sequence.State.WAITING;
    yielding--;
    yielded.add(sequence);
  }

  /** Puts what has yielded back into the queue. */
  void settleYields(long nowNanos) {
    if (yielded.isEmpty()) {
      return;
    }
    List<Sequence> done = List.copyOf(yielded);
    yielded.clear();
    for (Sequence sequence : done) {
      running.remove(sequence);
      sequence.clock.stopped(nowNanos);
      queue.stopped(sequence.ticket.lane);
    }
    for (Sequence sequence : done) {
      requeueWhenWhole(sequence.ticket, nowNanos);
    }
  }

  private void requeueWhenWhole(Ticket ticket, long nowNanos) {
    for (Sequence member : ticket.members) {
      if (member.state != Sequence.State.WAITING) {
        return;
      }
    }
    if (!ticket.members.isEmpty()) {
      parked.add(ticket);
      queue.enqueue(ticket, nowNanos);
    }
  }

  /** Moves a ticket to another place in the order, whether it runs or not. */
  void replace(Ticket old, Ticket with, Arrivals arrivals, long nowNanos) {
    for (Sequence member : old.members) {
      boolean runs = running.remove(member);
      member.key = member.key.with(with.key.band());
      member.ticket = with;
      if (runs) {
        running.add(member);
        queue.moved(old.lane, with.lane);
      }
    }
    preemptor = preemptor == old ? null : preemptor;
    if (parked.remove(old)) {
      parked.add(with);
    }
    arrivals.replace(old, with, nowNanos);
  }

  /** Takes a sequence out of the order; a no-op where it is not in it. */
  void remove(Sequence sequence, long nowNanos) {
    Ticket ticket = sequence.ticket;
    if (ticket == null || !ticket.members.contains(sequence)) {
      return;
    }
    if (sequence.follows != null) {
      stopFollowing(sequence);
    }
    if (sequence.state == Sequence.State.YIELDING) {
      yielding--;
    }
    if (running.remove(sequence)) {
      ticket.members.remove(sequence);
      queue.stopped(ticket.lane);
      requeueWhenWhole(ticket, nowNanos);
    } else {
      queue.removeMember(ticket, sequence);
      if (ticket.members.isEmpty()) {
        parked.remove(ticket);
      }
    }
  }
}
