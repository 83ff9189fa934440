package dev.cairn.cluster.admin;

import dev.cairn.request.Snapshot.State;

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
 */
public record TenantRow(
    String tenant,
    int waiting,
    int assigned,
    int paused,
    long promptTokens,
    long tokens,
    long remainingTokens) {
  static TenantRow none(String tenant) {
    return new TenantRow(tenant, 0, 0, 0, 0, 0, 0);
  }

  static TenantRow of(RequestRow row) {
    return new TenantRow(
        row.tenant(),
        row.state() == State.ACCEPTED ? 1 : 0,
        row.state() == State.ASSIGNED ? 1 : 0,
        row.state() == State.PAUSED ? 1 : 0,
        row.promptTokens(),
        row.tokens(),
        Math.max(0, row.maxTokens() - row.tokens()));
  }

  TenantRow plus(TenantRow that) {
    return new TenantRow(
        tenant,
        waiting + that.waiting,
        assigned + that.assigned,
        paused + that.paused,
        promptTokens + that.promptTokens,
        tokens + that.tokens,
        remainingTokens + that.remainingTokens);
  }
}
