package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.Objects;

/**
 * Where a request stands among others.
 *
 * @param band its urgency as asked for; the tenant's policy and budget may lower it
 * @param tenant who pays for it
 * @param depth how far below the root of its tree it is; 0: it is the root. A request whose parent
 *     nobody knows is the root of a tree of its own
 * @param rootSubmittedAtMillis when the root of its tree was accepted, milliseconds since the epoch
 * @param session its turns never overlap; empty: none
 * @param group what it is admitted together with; empty: nothing
 * @param groupSize members of the group, 1 without one
 * @param weight its tenant's from now on; 0: as it is
 */
public record Standing(
    Band band,
    String tenant,
    int depth,
    long rootSubmittedAtMillis,
    String session,
    String group,
    int groupSize,
    double weight) {
  public Standing {
    Objects.requireNonNull(band, "a standing without its band");
    Objects.requireNonNull(tenant, "a standing without its tenant");
    Objects.requireNonNull(session, "a standing without its session");
    Objects.requireNonNull(group, "a standing without its group");
    if (depth < 0) {
      throw new IllegalArgumentException("a depth of " + depth + ", expected 0 or more");
    }
    if (groupSize < 1 || (group.isEmpty() && groupSize != 1)) {
      throw new IllegalArgumentException(
          "a group '" + group + "' of " + groupSize + ", expected 1 or more and 1 without a group");
    }
  }

  /** A request without tree, session or group. */
  public static Standing alone(Band band, String tenant, long submittedAtMillis) {
    return new Standing(band, tenant, 0, submittedAtMillis, "", "", 1, 0);
  }
}
