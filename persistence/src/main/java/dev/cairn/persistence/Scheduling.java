package dev.cairn.persistence;

import java.util.Objects;

/**
 * Where a request stands among others. None of it changes the output.
 *
 * @param band its urgency when it was submitted
 * @param tenant whose it is; empty: nobody's in particular
 * @param parent id of the request that it is part of; empty: none
 * @param keepWhenParentCancelled whether it goes on when its parent is cancelled
 * @param session name of the session of which it is a turn; empty: none
 * @param group name of the requests that are admitted together; empty: none
 * @param groupSize how many these are; 0 without a group
 * @param noProgressMillis longest time without a new token, milliseconds; 0: any
 */
public record Scheduling(
    Band band,
    String tenant,
    String parent,
    boolean keepWhenParentCancelled,
    String session,
    String group,
    int groupSize,
    long noProgressMillis) {
  /** A request that stands alone. */
  public static final Scheduling DEFAULT =
      new Scheduling(Band.INTERACTIVE, "", "", false, "", "", 0, 0);

  public Scheduling {
    Objects.requireNonNull(band, "scheduling without a band");
    Objects.requireNonNull(tenant, "scheduling without a tenant, expected empty for none");
    Objects.requireNonNull(parent, "scheduling without a parent, expected empty for none");
    Objects.requireNonNull(session, "scheduling without a session, expected empty for none");
    Objects.requireNonNull(group, "scheduling without a group, expected empty for none");
    if (groupSize < 0 || group.isEmpty() != (groupSize == 0)) {
      throw new IllegalArgumentException(
          "a group '" + group + "' of " + groupSize + " requests, expected a name and 1 or more");
    }
    if (noProgressMillis < 0) {
      throw new IllegalArgumentException(
          noProgressMillis + " ms without a token, expected 0 or more");
    }
  }

  /** The same in another band. */
  public Scheduling withBand(Band other) {
    return new Scheduling(
        other,
        tenant,
        parent,
        keepWhenParentCancelled,
        session,
        group,
        groupSize,
        noProgressMillis);
  }

  /** The same of another tenant. */
  public Scheduling withTenant(String other) {
    return new Scheduling(
        band, other, parent, keepWhenParentCancelled, session, group, groupSize, noProgressMillis);
  }

  /** The same as part of another request. */
  public Scheduling withParent(String other, boolean keepWhenCancelled) {
    return new Scheduling(
        band, tenant, other, keepWhenCancelled, session, group, groupSize, noProgressMillis);
  }

  /** The same as a turn of a session. */
  public Scheduling withSession(String other) {
    return new Scheduling(
        band, tenant, parent, keepWhenParentCancelled, other, group, groupSize, noProgressMillis);
  }

  /** The same as one of a group. */
  public Scheduling withGroup(String other, int size) {
    return new Scheduling(
        band, tenant, parent, keepWhenParentCancelled, session, other, size, noProgressMillis);
  }

  /** The same with a bound on the time without a new token. */
  public Scheduling withNoProgress(long millis) {
    return new Scheduling(
        band, tenant, parent, keepWhenParentCancelled, session, group, groupSize, millis);
  }
}
