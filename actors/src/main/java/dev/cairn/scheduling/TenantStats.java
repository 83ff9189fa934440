package dev.cairn.scheduling;

/**
 * Where a tenant stands at a device.
 *
 * @param tenant its name
 * @param weight its part against others of the same band
 * @param running sequences in steps
 * @param entries sequences known, whatever their state
 * @param servedNanos device time that it has used, ever
 * @param spentTokens tokens of this window
 * @param budgetTokens tokens that it has in a window; 0: any
 * @param isHeld whether nothing of it may run
 */
public record TenantStats(
    String tenant,
    double weight,
    int running,
    int entries,
    long servedNanos,
    long spentTokens,
    long budgetTokens,
    boolean isHeld) {}
