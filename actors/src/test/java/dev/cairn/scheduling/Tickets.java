package dev.cairn.scheduling;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/** Tickets in a queue, without a device. */
final class Tickets {
  private static final SchedulingLimits LIMITS = Cairns.limits(8, 64);

  private Tickets() {}

  static List<Ticket> enqueue(WaitingQueue queue, int count, IntFunction<Requested> requests) {
    List<Ticket> tickets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Requested requested = requests.apply(i);
      Tenant tenant = queue.enter(requested.tenant(), 0);
      Lane lane = tenant.lane(requested.band());
      QueueKey key =
          new QueueKey(lane.band, requested.depth(), requested.rootAt(), requested.at(), i);
      Sequence sequence =
          new Sequence(requested.admission(), key, tenant, LIMITS, LookUpPolicy.ASKED, 0);
      Ticket ticket = new Ticket(key, lane, List.of(sequence));
      sequence.ticket = ticket;
      queue.enqueue(ticket, 0);
      tickets.add(ticket);
    }
    return tickets;
  }
}
