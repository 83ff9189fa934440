package dev.cairn.actors;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** Why a node is not ready: each part that cannot serve names its reason here until it can. */
public final class Readiness {
  private final Map<String, String> reasons;
  private final String suffix;

  public Readiness() {
    this(new ConcurrentSkipListMap<>(), "");
  }

  private Readiness(Map<String, String> reasons, String suffix) {
    this.reasons = reasons;
    this.suffix = suffix;
  }

  /**
   * This readiness for one of several parts of the same names.
   *
   * @param added what its names end with here
   */
  public Readiness of(String added) {
    return new Readiness(reasons, suffix + added);
  }

  /** A part cannot serve, and why, in a sentence. */
  public void notReady(String part, String reason) {
    reasons.put(part + suffix, reason);
  }

  public void ready(String part) {
    reasons.remove(part + suffix);
  }

  /** Reasons by part; empty when the node is ready. */
  public Map<String, String> reasons() {
    // Not by the constructor: it counts first and reads then, and a part may be ready in between.
    Map<String, String> now = new TreeMap<>();
    reasons.forEach(now::put);
    return now;
  }

  public boolean isReady() {
    return reasons.isEmpty();
  }
}
