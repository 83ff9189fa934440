package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import dev.cairn.scheduling.PendingReason.Code;
import java.util.Locale;

/** Finds out why a sequence waits; looks, and changes nothing. */
final class Explanation {
  private final SchedulingPolicy policy;
  private final BlockPool pool;
  private final WaitingQueue queue;
  private final Arrivals arrivals;
  private final Residency residency;
  private final Running running;

  Explanation(
      SchedulingPolicy policy,
      BlockPool pool,
      WaitingQueue queue,
      Arrivals arrivals,
      Residency residency,
      Running running) {
    this.policy = policy;
    this.pool = pool;
    this.queue = queue;
    this.arrivals = arrivals;
    this.residency = residency;
    this.running = running;
  }

  PendingReason of(Sequence sequence, boolean deviceIsHeld, long nowNanos) {
    Ticket ticket = sequence.ticket;
    if (ticket == null) {
      Groups.Group group = sequence.group.orElseThrow();
      return new PendingReason(
          Code.GROUP_INCOMPLETE,
          "waits for its group: " + group.members.size() + " of " + group.size + " have come",
          sequence.key.band());
    }
    PendingReason reason = why(sequence, ticket, deviceIsHeld, nowNanos);
    String demotion = demotion(sequence, ticket);
    return new PendingReason(reason.code(), reason.text() + demotion, ticket.effectiveBand());
  }

  private PendingReason why(Sequence sequence, Ticket ticket, boolean deviceIsHeld, long nowNanos) {
    Tenant tenant = ticket.lane.tenant;
    if (deviceIsHeld) {
      return reason(Code.DEVICE_PAUSED, "the device is paused");
    }
    if (tenant.isHeld) {
      return reason(Code.TENANT_PAUSED, "its tenant '" + tenant.name + "' is paused");
    }
    if (arrivals.waitsForTurn(ticket)) {
      return reason(
          Code.SESSION_BUSY, "waits for an earlier turn of session '" + ticket.session + "'");
    }
    if (!queue.mayStart(ticket)) {
      return reason(
          Code.TENANT_LIMIT,
          "its tenant '"
              + tenant.name
              + "' runs "
              + tenant.running
              + " of at most "
              + tenant.policy.maxRunning());
    }
    if (sequence.slot >= 0) {
      return reason(Code.PREEMPTED, "made room for what is before it and waits to go on");
    }
    if (queue.first(nowNanos) != ticket) {
      return reason(
          Code.QUEUED,
          "waits its turn: "
              + ticket.lane.waiting()
              + " of its tenant and band wait, "
              + queue.waiting()
              + " in all");
    }
    return full(ticket);
  }

  private PendingReason full(Ticket ticket) {
    int count = ticket.members.size();
    if (running.size() + count > policy.maxRunning() || !residency.hasSlots(ticket)) {
      return reason(
          Code.DEVICE_FULL,
          "the device runs " + running.size() + " of at most " + policy.maxRunning());
    }
    int needed = residency.blocksFor(ticket.members) + running.size() + count - 1;
    if (needed > pool.available()) {
      return reason(
          Code.MEMORY, "needs " + needed + " KV blocks, " + pool.available() + " are available");
    }
    return residency.fits(ticket)
        ? reason(Code.QUEUED, "is next")
        : reason(Code.COMMIT, "waits for its tokens to be committed");
  }

  private static String demotion(Sequence sequence, Ticket ticket) {
    Tenant tenant = ticket.lane.tenant;
    Band asked = sequence.band;
    Band served = ticket.effectiveBand();
    if (asked == served) {
      return "";
    }
    String instead = "; served in band " + name(served) + " instead of " + name(asked) + ": ";
    return tenant.isSpent()
        ? instead
            + "its tenant has used "
            + tenant.spentTokens()
            + " of "
            + tenant.policy.budgetTokens()
            + " tokens of this window"
        : instead + "its tenant may use at most " + name(tenant.policy.highestBand());
  }

  private static String name(Band band) {
    return band.name().toLowerCase(Locale.ROOT);
  }

  private static PendingReason reason(Code code, String text) {
    return new PendingReason(code, text, Band.BATCH);
  }
}
