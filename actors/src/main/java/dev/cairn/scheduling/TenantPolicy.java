package dev.cairn.scheduling;

import dev.cairn.persistence.Band;

/**
 * What a tenant may have of a device.
 *
 * @param weight its part of the device's time against other tenants of the same band
 * @param maxRunning sequences in steps at once
 * @param highestBand most urgent band that it may use; what asks for more is served in this one
 * @param budgetTokens tokens, prompt and output together, in a window; once they are spent it is
 *     served with the batch band until the next window. 0: no budget
 */
public record TenantPolicy(double weight, int maxRunning, Band highestBand, long budgetTokens) {
  /** A tenant like any other. */
  public static final TenantPolicy DEFAULT = new TenantPolicy(1, Integer.MAX_VALUE, Band.SYSTEM, 0);

  public TenantPolicy {
    if (!(weight > 0) || Double.isInfinite(weight)) {
      throw new IllegalArgumentException("weight is " + weight + ", expected more than 0");
    }
    if (maxRunning < 1) {
      throw new IllegalArgumentException("max-running is " + maxRunning + ", expected 1 or more");
    }
    if (budgetTokens < 0) {
      throw new IllegalArgumentException(
          "budget-tokens is " + budgetTokens + ", expected 0 or more");
    }
  }
}
