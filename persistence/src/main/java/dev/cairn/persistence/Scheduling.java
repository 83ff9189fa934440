package dev.cairn.persistence;

import java.util.Objects;

/**
 * Where a request stands among others. None of it changes the output.
 *
 * @param band its urgency when it was submitted
 * @param tenant whose it is; empty: nobody's in particular
 * @param parent id of the request that it is part of; empty: none
 * @param depth how far below the root of its tree it is; 0: it is the root
 * @param rootSubmittedAtMillis when the root was submitted, milliseconds since the epoch; 0: as
 *     itself
 * @param keepWhenParentCancelled whether it goes on when its parent is cancelled
 * @param session name of the session of which it is a turn; empty: none
 * @param group name of the requests that are admitted together; empty: none
 * @param groupSize how many these are; 0 without a group
 * @param noProgressMillis longest time without a new token, milliseconds; 0: any
 * @param lookUp whether it is drafted from what it said before
 * @param weight its tenant's part of a device's time, as the API key says; 0: it says nothing
 */
public record Scheduling(
    Band band,
    String tenant,
    String parent,
    int depth,
    long rootSubmittedAtMillis,
    boolean keepWhenParentCancelled,
    String session,
    String group,
    int groupSize,
    long noProgressMillis,
    LookUp lookUp,
    double weight) {
  /** A request that stands alone. */
  public static final Scheduling DEFAULT =
      new Scheduling(Band.INTERACTIVE, "", "", 0, 0, false, "", "", 0, 0, LookUp.AS_CONFIGURED, 0);

  public Scheduling {
    Objects.requireNonNull(band, "scheduling without a band");
    Objects.requireNonNull(lookUp, "scheduling without whether the request is drafted");
    Objects.requireNonNull(tenant, "scheduling without a tenant, expected empty for none");
    Objects.requireNonNull(parent, "scheduling without a parent, expected empty for none");
    Objects.requireNonNull(session, "scheduling without a session, expected empty for none");
    Objects.requireNonNull(group, "scheduling without a group, expected empty for none");
    if (groupSize < 0 || group.isEmpty() != (groupSize == 0)) {
      throw new IllegalArgumentException(
          "a group '" + group + "' of " + groupSize + " requests, expected a name and 1 or more");
    }
    if (depth < 0 || rootSubmittedAtMillis < 0) {
      throw new IllegalArgumentException(
          "a depth of "
              + depth
              + " below a root of "
              + rootSubmittedAtMillis
              + " ms, expected 0 or more");
    }
    if (!(weight >= 0) || Double.isInfinite(weight)) {
      throw new IllegalArgumentException("a weight of " + weight + ", expected 0 or more");
    }
    if (noProgressMillis < 0) {
      throw new IllegalArgumentException(
          noProgressMillis + " ms without a token, expected 0 or more");
    }
  }

  /** Whether another request asks for the same, wherever in its tree it is. */
  boolean asksForTheSame(Scheduling that) {
    return withPlace(0, 0).withWeight(0).equals(that.withPlace(0, 0).withWeight(0));
  }

  /** The same of a tenant with another weight. */
  public Scheduling withWeight(double other) {
    return new Scheduling(
        band,
        tenant,
        parent,
        depth,
        rootSubmittedAtMillis,
        keepWhenParentCancelled,
        session,
        group,
        groupSize,
        noProgressMillis,
        lookUp,
        other);
  }

  /** The same in another band. */
  public Scheduling withBand(Band other) {
    return with(other, tenant, session, group, groupSize, noProgressMillis, lookUp);
  }

  /** The same of another tenant. */
  public Scheduling withTenant(String other) {
    return with(band, other, session, group, groupSize, noProgressMillis, lookUp);
  }

  /** The same as part of another request, whose place in its tree is not known yet. */
  public Scheduling withParent(String other, boolean keepWhenCancelled) {
    return new Scheduling(
        band,
        tenant,
        other,
        0,
        0,
        keepWhenCancelled,
        session,
        group,
        groupSize,
        noProgressMillis,
        lookUp,
        weight);
  }

  /** The same at a place in its tree. */
  public Scheduling withPlace(int itsDepth, long rootMillis) {
    return new Scheduling(
        band,
        tenant,
        parent,
        itsDepth,
        rootMillis,
        keepWhenParentCancelled,
        session,
        group,
        groupSize,
        noProgressMillis,
        lookUp,
        weight);
  }

  /** The same as a turn of a session. */
  public Scheduling withSession(String other) {
    return with(band, tenant, other, group, groupSize, noProgressMillis, lookUp);
  }

  /** The same as one of a group. */
  public Scheduling withGroup(String other, int size) {
    return with(band, tenant, session, other, size, noProgressMillis, lookUp);
  }

  /** The same with a bound on the time without a new token. */
  public Scheduling withNoProgress(long millis) {
    return with(band, tenant, session, group, groupSize, millis, lookUp);
  }

  /** The same, drafted or not. */
  public Scheduling withLookUp(LookUp other) {
    return with(band, tenant, session, group, groupSize, noProgressMillis, other);
  }

  private Scheduling with(
      Band itsBand,
      String itsTenant,
      String itsSession,
      String itsGroup,
      int itsGroupSize,
      long itsNoProgressMillis,
      LookUp itsLookUp) {
    return new Scheduling(
        itsBand,
        itsTenant,
        parent,
        depth,
        rootSubmittedAtMillis,
        keepWhenParentCancelled,
        itsSession,
        itsGroup,
        itsGroupSize,
        itsNoProgressMillis,
        itsLookUp,
        weight);
  }
}
