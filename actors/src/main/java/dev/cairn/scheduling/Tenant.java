package dev.cairn.scheduling;

import dev.cairn.persistence.Band;
import java.util.EnumMap;
import java.util.Map;

/** One tenant at a device: how much it runs, and what is left of its budget. */
final class Tenant {
  final String name;
  final TenantPolicy policy;

  /** Its part of the device's time; its policy's, until a request says another. */
  double weight;

  private final Map<Band, Lane> lanes = new EnumMap<>(Band.class);

  /** Sequences in steps, over all bands. */
  int running;

  /** Sequences that generate. */
  int live;

  /** Sequences known, whatever their state. */
  int entries;

  /** Whether nothing of it may run until somebody says so. */
  boolean isHeld;

  /** Device time that it has used, nanoseconds. */
  double servedNanos;

  private long spentTokens;
  private long servedTokens;

  /** Times that it spent its budget. */
  private long demotions;

  Tenant(String name, TenantPolicy policy) {
    this.name = name;
    this.policy = policy;
    this.weight = policy.weight();
  }

  /** Its lane of a band, or of the most urgent one that it may use. */
  Lane lane(Band asked) {
    Band band = asked.compareTo(policy.highestBand()) < 0 ? policy.highestBand() : asked;
    return lanes.computeIfAbsent(band, b -> new Lane(this, b));
  }

  Iterable<Lane> lanes() {
    return lanes.values();
  }

  boolean mayRun(int more) {
    return !isHeld && running + (long) more <= policy.maxRunning();
  }

  boolean isSpent() {
    return policy.budgetTokens() > 0 && spentTokens >= policy.budgetTokens();
  }

  long spentTokens() {
    return spentTokens;
  }

  void spend(int tokens) {
    boolean wasSpent = isSpent();
    servedTokens += tokens;
    spentTokens += tokens;
    demotions += isSpent() && !wasSpent ? 1 : 0;
  }

  /** A new window begins. */
  void renewBudget() {
    spentTokens = 0;
  }

  TenantStats stats() {
    return new TenantStats(
        name,
        weight,
        running,
        live - running,
        entries,
        (long) servedNanos,
        servedTokens,
        spentTokens,
        policy.budgetTokens(),
        demotions,
        isHeld);
  }
}
