package dev.cairn.cluster.admin;

import dev.cairn.request.Snapshot.State;
import dev.cairn.scheduling.TenantStats;
import java.util.Objects;

/**
 * What one tenant has going.
 *
 * @param tenant its name; empty: requests that name none
 * @param waiting requests that are with no device, paused ones not among them
 * @param assigned requests that are with a device
 * @param paused requests that wait to be resumed
 * @param promptTokens tokens of their prompts
 * @param tokens tokens that they have generated
 * @param remainingTokens tokens that they may still generate
 * @param devices where it stands at devices, as of the last second
 */
public record TenantRow(
    String tenant,
    int waiting,
    int assigned,
    int paused,
    long promptTokens,
    long tokens,
    long remainingTokens,
    AtDevices devices) {
  public TenantRow {
    Objects.requireNonNull(devices, "a TenantRow without where it stands at devices");
  }

  /**
   * Where a tenant stands at devices, all together.
   *
   * @param running requests in steps
   * @param queued requests that wait for steps
   * @param spentTokens tokens of this window
   * @param budgetTokens tokens that it has in a window, at each device; 0: any
   * @param demoted devices on which its budget is spent
   * @param paused devices on which nothing of it may run
   */
  public record AtDevices(
      int running, int queued, long spentTokens, long budgetTokens, int demoted, int paused) {
    static final AtDevices NONE = new AtDevices(0, 0, 0, 0, 0, 0);

    private AtDevices plus(AtDevices that) {
      return new AtDevices(
          running + that.running,
          queued + that.queued,
          spentTokens + that.spentTokens,
          Math.max(budgetTokens, that.budgetTokens),
          demoted + that.demoted,
          paused + that.paused);
    }
  }

  static TenantRow of(RequestRow row) {
    return new TenantRow(
        row.tenant(),
        row.state() == State.ACCEPTED ? 1 : 0,
        row.state() == State.ASSIGNED ? 1 : 0,
        row.state() == State.PAUSED ? 1 : 0,
        row.promptTokens(),
        row.tokens(),
        Math.max(0, row.maxTokens() - row.tokens()),
        AtDevices.NONE);
  }

  static TenantRow of(TenantStats stats) {
    AtDevices devices =
        new AtDevices(
            stats.running(),
            stats.waiting(),
            stats.spentTokens(),
            stats.budgetTokens(),
            stats.isSpent() ? 1 : 0,
            stats.isHeld() ? 1 : 0);
    return new TenantRow(stats.tenant(), 0, 0, 0, 0, 0, 0, devices);
  }

  /** Whether there is something to say of a tenant, beside that it was here once. */
  static boolean isOfInterest(TenantStats stats) {
    return stats.entries() > 0 || stats.isSpent() || stats.isHeld();
  }

  TenantRow plus(TenantRow that) {
    return new TenantRow(
        tenant,
        waiting + that.waiting,
        assigned + that.assigned,
        paused + that.paused,
        promptTokens + that.promptTokens,
        tokens + that.tokens,
        remainingTokens + that.remainingTokens,
        devices.plus(that.devices));
  }
}
