package dev.cairn.scheduling;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Whose turn it is in each session. One turn at a time may wait for the device or run; the next one
 * follows when nothing of it is left here.
 */
final class Sessions {
  private final Map<Name, Turns> sessions = new HashMap<>();

  private record Name(String tenant, String session) {}

  private static final class Turns {
    Ticket current;
    final TreeMap<QueueKey, Ticket> later = new TreeMap<>();

    Turns(Ticket current) {
      this.current = current;
    }
  }

  private static Optional<Name> nameOf(Ticket ticket) {
    String session = ticket.session;
    return session.isEmpty()
        ? Optional.empty()
        : Optional.of(new Name(ticket.lane.tenant.name, session));
  }

  /**
   * A ticket comes.
   *
   * @return the ticket that has to leave the queue for it, itself if it may not enter, or empty
   */
  Optional<Ticket> enter(Ticket ticket) {
    Optional<Name> name = nameOf(ticket);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    Turns turns = sessions.computeIfAbsent(name.get(), n -> new Turns(ticket));
    Ticket current = turns.current;
    if (current == ticket) {
      return Optional.empty();
    }
    // A turn that comes back after its device was lost is before those that follow it.
    if (current.isWaiting && ticket.key.compareTo(current.key) < 0) {
      turns.current = ticket;
      turns.later.put(current.key, current);
      return Optional.of(current);
    }
    turns.later.put(ticket.key, ticket);
    return Optional.of(ticket);
  }

  /** Whether a ticket waits for an earlier turn. */
  boolean isLater(Ticket ticket) {
    return nameOf(ticket)
        .map(sessions::get)
        .filter(turns -> turns.later.containsKey(ticket.key))
        .isPresent();
  }

  /**
   * Nothing of a ticket is left.
   *
   * @return the next turn, if it was this one's
   */
  Optional<Ticket> ended(Ticket ticket) {
    Optional<Name> name = nameOf(ticket);
    Turns turns = name.map(sessions::get).orElse(null);
    if (turns == null) {
      return Optional.empty();
    }
    if (turns.current != ticket) {
      turns.later.remove(ticket.key);
      return Optional.empty();
    }
    if (turns.later.isEmpty()) {
      sessions.remove(name.get());
      return Optional.empty();
    }
    turns.current = turns.later.pollFirstEntry().getValue();
    return Optional.of(turns.current);
  }

  /** A ticket takes another's place, with a key of its own. */
  void replace(Ticket old, Ticket with) {
    nameOf(old)
        .map(sessions::get)
        .ifPresent(
            turns -> {
              if (turns.current == old) {
                turns.current = with;
              } else if (turns.later.remove(old.key) != null) {
                turns.later.put(with.key, with);
              }
            });
  }

  /** Sessions that have a turn here. */
  int size() {
    return sessions.size();
  }
}
