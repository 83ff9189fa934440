package dev.cairn.scheduling;

import java.util.Map;

/**
 * How a scheduler chooses among those that wait.
 *
 * @param maxRunning sequences in steps at once; slots beyond them keep what had to make room
 * @param agingNanos how long something waits in its lane before it counts as overdue
 * @param agingEvery one start in so many of a lane goes to the one that waits longest, if it is
 *     overdue; the others follow the order of keys
 * @param lookAhead those that are tried behind one that does not fit
 * @param maxBypasses starts that one that does not fit lets pass; then nothing starts before it
 * @param latencyFactor how much longer a step may be by prefill than a step of decode rows alone
 * @param minChunk prefill tokens that a step has room for however long that takes
 * @param budgetWindowNanos length of a window of tenants' budgets
 * @param groupPatienceNanos how long a group some of whose members ran before waits for the rest
 * @param maxIdleTenants tenants without work that are remembered
 * @param preemptForShare whether a tenant below its share of the running sequences makes one above
 *     its own give way
 * @param lookUp how sequences are drafted from what they said before
 * @param tenants those with a policy of their own
 * @param others policy of all other tenants
 */
public record SchedulingPolicy(
    int maxRunning,
    long agingNanos,
    int agingEvery,
    int lookAhead,
    int maxBypasses,
    double latencyFactor,
    int minChunk,
    long budgetWindowNanos,
    long groupPatienceNanos,
    int maxIdleTenants,
    boolean preemptForShare,
    LookUpPolicy lookUp,
    Map<String, TenantPolicy> tenants,
    TenantPolicy others) {
  public SchedulingPolicy {
    tenants = Map.copyOf(tenants);
    atLeast("max-running", maxRunning, 1);
    atLeast("aging.after", agingNanos, 0);
    atLeast("aging.every", agingEvery, 1);
    atLeast("look-ahead", lookAhead, 0);
    atLeast("max-bypasses", maxBypasses, 0);
    atLeast("min-chunk", minChunk, 1);
    atLeast("budget-window", budgetWindowNanos, 1);
    atLeast("group-patience", groupPatienceNanos, 0);
    atLeast("max-idle-tenants", maxIdleTenants, 0);
    if (!(latencyFactor > 1)) {
      throw new IllegalArgumentException(
          "latency-factor is " + latencyFactor + ", expected more than 1");
    }
  }

  /** Everything at its default, for so many running sequences. */
  public static SchedulingPolicy of(int maxRunning) {
    return new SchedulingPolicy(
        maxRunning,
        30_000_000_000L,
        4,
        3,
        64,
        1.6,
        2,
        60_000_000_000L,
        10_000_000_000L,
        1024,
        true,
        LookUpPolicy.ASKED,
        Map.of(),
        TenantPolicy.DEFAULT);
  }

  TenantPolicy of(String tenant) {
    return tenants.getOrDefault(tenant, others);
  }

  private static void atLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " is " + value + ", expected at least " + least);
    }
  }
}
