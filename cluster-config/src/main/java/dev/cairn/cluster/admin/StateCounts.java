package dev.cairn.cluster.admin;

import dev.cairn.request.Snapshot.State;

/**
 * How many requests stand where.
 *
 * @param accepted not yet with a device
 * @param assigned with a device's scheduler
 * @param paused halted by whoever may
 * @param finished ended a moment ago
 */
public record StateCounts(int accepted, int assigned, int paused, int finished) {
  public static final StateCounts NONE = new StateCounts(0, 0, 0, 0);

  /** The counts of both together. */
  public StateCounts plus(StateCounts other) {
    return new StateCounts(
        accepted + other.accepted,
        assigned + other.assigned,
        paused + other.paused,
        finished + other.finished);
  }

  /** Those that have not ended. */
  public int unfinished() {
    return accepted + assigned + paused;
  }

  public int of(State state) {
    return switch (state) {
      case ACCEPTED -> accepted;
      case ASSIGNED -> assigned;
      case PAUSED -> paused;
      case FINISHED -> finished;
    };
  }
}
