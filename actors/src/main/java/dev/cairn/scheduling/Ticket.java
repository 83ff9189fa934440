package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.ArrayList;
import java.util.List;

/**
 * What is admitted to the device as one: a sequence, or all sequences of a group. It stands in its
 * lane while it waits, and keeps its key when it comes back there.
 */
final class Ticket {
  final QueueKey key;
  final Lane lane;

  /** Sequences that still generate, in the order in which they entered. */
  final List<Sequence> members;

  /** Its turns never overlap; empty: none. */
  final String session;

  /** Sequences of which something is left here, whether they generate or not. */
  int unfinished;

  /** Whether it stands in its lane. */
  boolean isWaiting;

  /** Neighbours in the order of waiting. */
  Ticket older;

  Ticket younger;
  long waitingSinceNanos;

  /** Those that started before it because it did not fit. */
  int bypassed;

  /** Whether others had to make room for it since it began to wait. */
  boolean hasPreempted;

  Ticket(QueueKey key, Lane lane, List<Sequence> members) {
    this.key = key;
    this.lane = lane;
    this.members = new ArrayList<>(members);
    this.session = members.get(0).standing.session();
    this.unfinished = members.size();
  }

  /** The same members in another lane of their tenant. */
  Ticket with(Lane other) {
    Ticket ticket = new Ticket(key.with(other.band), other, members);
    ticket.unfinished = unfinished;
    ticket.hasPreempted = hasPreempted;
    return ticket;
  }

  /** Urgency with which it is served now. */
  Band effectiveBand() {
    return lane.effectiveBand();
  }

  /** The order in which running tickets would rather stay: effective band, then key. */
  static int byRank(Ticket a, Ticket b) {
    int byBand = a.effectiveBand().compareTo(b.effectiveBand());
    return byBand != 0 ? byBand : a.key.compareTo(b.key);
  }
}
