package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.ArrayList;
import java.util.List;

/**
 * Sequences that take part in steps, in the order of their keys; those included that give their
 * blocks back when the steps in flight have ended.
 */
final class Running {
  private final List<Sequence> sequences = new ArrayList<>();

  int size() {
    return sequences.size();
  }

  Sequence get(int index) {
    return sequences.get(index);
  }

  void add(Sequence sequence) {
    sequences.add(-indexOf(sequence) - 1, sequence);
  }

  /** A no-op where it does not run. */
  boolean remove(Sequence sequence) {
    int index = indexOf(sequence);
    if (index < 0 || sequences.get(index) != sequence) {
      return false;
    }
    sequences.remove(index);
    return true;
  }

  /** Whether something runs that is of a later band. */
  boolean hasLaterThan(Band band) {
    for (Sequence sequence : sequences) {
      if (sequence.ticket.effectiveBand().compareTo(band) > 0) {
        return true;
      }
    }
    return false;
  }

  /** Tickets of which every running member could yield, the one that stands last first. */
  List<Ticket> fromLast() {
    List<Ticket> tickets = new ArrayList<>();
    for (Sequence sequence : sequences) {
      if (sequence.state == Sequence.State.RUNNING && sequence == sequence.ticket.members.get(0)) {
        tickets.add(sequence.ticket);
      }
    }
    tickets.sort((a, b) -> Ticket.byRank(b, a));
    return tickets;
  }

  private int indexOf(Sequence sequence) {
    int low = 0;
    int high = sequences.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = sequences.get(middle).key.compareTo(sequence.key);
      if (order == 0) {
        return middle;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -low - 1;
  }
}
