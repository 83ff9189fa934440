package dev.cairn.scheduling;

/**
 * Where a tenant stands at a device.
 *
 * @param tenant its name
 * @param weight its part against others of the same band
 * @param running sequences in steps
 * @param waiting sequences that generate and are in no step, for whatever reason
 * @param entries sequences known, whatever their state
 * @param servedNanos device time that it has used, ever
 * @param servedTokens tokens that went through the model, ever
 * @param spentTokens tokens of this window
 * @param budgetTokens tokens that it has in a window; 0: any
 * @param demotions times that it spent its budget, ever
 * @param isHeld whether nothing of it may run
 */
public record TenantStats(
    String tenant,
    double weight,
    int running,
    int waiting,
    int entries,
    long servedNanos,
    long servedTokens,
    long spentTokens,
    long budgetTokens,
    long demotions,
    boolean isHeld) {
  /** Where a tenant stands that has used nothing. */
  public static final TenantStats NONE = new TenantStats("", 1, 0, 0, 0, 0, 0, 0, 0, 0, false);

  /** Whether it is served with the batch band until the window is over. */
  public boolean isSpent() {
    return budgetTokens > 0 && spentTokens >= budgetTokens;
  }
}
