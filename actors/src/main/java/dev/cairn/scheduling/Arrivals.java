package dev.cairn.scheduling;

import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * The way into the queue, the same for all that comes: a member of a group when the group is
 * complete, a turn of a session when it is its turn, everything else at once.
 */
final class Arrivals {
  private final SchedulingLimits limits;
  private final SchedulingPolicy policy;
  private final WaitingQueue queue;
  private final Groups groups;
  private final Sessions sessions = new Sessions();

  Arrivals(SchedulingLimits limits, SchedulingPolicy policy, WaitingQueue queue) {
    this.limits = limits;
    this.policy = policy;
    this.queue = queue;
    this.groups = new Groups(policy.groupPatienceNanos());
  }

  /**
   * A sequence comes, new or after the loss of a device.
   *
   * @return sequences that can never be admitted together
   */
  List<Sequence> enter(Sequence sequence, long nowNanos) {
    if (sequence.standing.groupSize() > 1 && sequence.firstIndex == 0) {
      Optional<Groups.Group> complete = groups.enter(sequence, nowNanos);
      return complete.isPresent() ? admitLater(complete.get().members, nowNanos) : List.of();
    }
    return admitLater(List.of(sequence), nowNanos);
  }

  /** Lets incomplete groups in whose other members do not come any more. */
  void admitOverdue(long nowNanos) {
    groups.overdue(nowNanos).forEach(group -> admitLater(group.members, nowNanos));
  }

  private List<Sequence> admitLater(List<Sequence> members, long nowNanos) {
    if (members.size() > 1 && !canEverRun(members)) {
      return List.copyOf(members);
    }
    Sequence first = Collections.min(members, (a, b) -> a.key.compareTo(b.key));
    Ticket ticket = new Ticket(first.key, first.tenant.lane(first.key.band()), members);
    members.forEach(member -> member.ticket = ticket);
    enqueue(ticket, nowNanos);
    return List.of();
  }

  /** Whether a group could run to its end if nothing else did. */
  private boolean canEverRun(List<Sequence> members) {
    Sequence leader = members.get(0);
    long blocks = 0;
    for (Sequence member : members) {
      int common = member == leader ? 0 : member.promptBlocksLike(leader);
      blocks += limits.blocksFor(member.maxLength) - common;
    }
    int count = members.size();
    return count <= Math.min(policy.maxRunning(), limits.maxSlots())
        && count <= leader.tenant.policy.maxRunning()
        && blocks + count <= limits.kvBlocks();
  }

  private void enqueue(Ticket ticket, long nowNanos) {
    Optional<Ticket> displaced = sessions.enter(ticket);
    displaced.ifPresent(queue::remove);
    if (displaced.isEmpty() || displaced.get() != ticket) {
      queue.enqueue(ticket, nowNanos);
    }
  }

  /** Gives what a ticket holds another place in the order. */
  void replace(Ticket old, Ticket with, long nowNanos) {
    boolean waits = old.isWaiting;
    queue.remove(old);
    sessions.replace(old, with);
    if (waits) {
      queue.enqueue(with, nowNanos);
    }
  }

  /** Nothing of a sequence is left. */
  void gone(Sequence sequence, long nowNanos) {
    queue.left(sequence.tenant);
    groups.remove(sequence);
    Ticket ticket = sequence.ticket;
    if (ticket != null && --ticket.unfinished == 0) {
      sessions.ended(ticket).ifPresent(next -> queue.enqueue(next, nowNanos));
    }
  }

  boolean waitsForTurn(Ticket ticket) {
    return sessions.isLater(ticket);
  }

  int sessions() {
    return sessions.size();
  }
}
