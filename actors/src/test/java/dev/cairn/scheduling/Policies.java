package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.Map;

/** Policies that differ from the default in what a test is about. */
final class Policies {
  private Policies() {}

  static SchedulingPolicy aging(int running, long nanos, int every) {
    return policy(running, nanos, every, 3, 64, true, Map.of(), TenantPolicy.DEFAULT);
  }

  static SchedulingPolicy bypasses(int running, int lookAhead, int most) {
    return policy(running, 1L << 40, 4, lookAhead, most, true, Map.of(), TenantPolicy.DEFAULT);
  }

  static SchedulingPolicy tenants(int running, Map<String, TenantPolicy> tenants) {
    return policy(running, 1L << 40, 4, 3, 64, true, tenants, TenantPolicy.DEFAULT);
  }

  /** Nothing passes what does not fit, nothing ages, nothing is preempted for a share. */
  static SchedulingPolicy strict(int running, Map<String, TenantPolicy> tenants) {
    return policy(running, 1L << 60, 1000, 0, 0, false, tenants, TenantPolicy.DEFAULT);
  }

  static SchedulingPolicy withoutShares(int running) {
    return policy(running, 1L << 40, 4, 3, 64, false, Map.of(), TenantPolicy.DEFAULT);
  }

  static TenantPolicy weight(double weight) {
    return new TenantPolicy(weight, Integer.MAX_VALUE, Band.SYSTEM, 0);
  }

  static TenantPolicy atMost(int running) {
    return new TenantPolicy(1, running, Band.SYSTEM, 0);
  }

  private static SchedulingPolicy policy(
      int running,
      long aging,
      int every,
      int lookAhead,
      int bypasses,
      boolean shares,
      Map<String, TenantPolicy> tenants,
      TenantPolicy others) {
    return new SchedulingPolicy(
        running,
        aging,
        every,
        lookAhead,
        bypasses,
        1.6,
        8,
        1_000_000_000L,
        1_000_000_000L,
        8,
        shares,
        LookUpPolicy.ASKED,
        tenants,
        others);
  }
}
