package dev.cairn.actors;

import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.TenantStats;
import java.util.List;

/**
 * What happens on a node, as it happens; for metrics. Called on actors' threads, so implementations
 * return at once. Times are in nanoseconds.
 */
public interface Telemetry {
  /** Ignores everything. */
  Telemetry NONE = new Telemetry() {};

  /** A request is durable. */
  default void accepted(int promptTokens) {}

  /** A request's end is durable. */
  default void finished(FinishReason reason) {}

  /** A request's life begins; told of what happens in it. */
  default RequestObserver observe(RequestObserver.Beginning beginning) {
    return RequestObserver.NONE;
  }

  /** Tokens are durable. */
  default void tokensCommitted(int tokens) {}

  /** The first token of a request is durable, so long after it was submitted. */
  default void firstToken(long nanos) {}

  /** A further token is durable, so long after the one before it, on average over a commit. */
  default void interToken(long nanos, int tokens) {}

  /** A device finished a step. */
  default void stepCompleted(int rows, int tokens, long nanos) {}

  /**
   * A device finished a step with drafts.
   *
   * @param tokens of the drafts
   * @param held of these, those that were drawn
   */
  default void drafted(int tokens, int held) {}

  /** The device waited so long between two steps while there was work. */
  default void deviceIdle(long nanos) {}

  /** Where the tenants of a device stand; told about once a second. */
  default void tenants(String device, List<TenantStats> stats) {}

  /** How a device of this node does; told about once a second. */
  default void device(DeviceReading reading) {}

  /** A result or acknowledgement that did not match exactly was dropped. */
  default void staleResult() {}

  /** Tokens of a sequence were not computed, because blocks of an equal prefix are cached. */
  default void prefixCacheHit(int tokens) {}

  /** A device's answer about itself made no sense and was ignored. */
  default void garbledAnswer() {}

  /**
   * A message went to another node for readers there or here.
   *
   * @param updates how many requests it has news of
   * @param bytes its size without the envelope
   */
  default void relayed(int updates, int bytes) {}

  /** A request's owner took back what was shown; it was not believed. */
  default void contradiction() {}

  /** The device failed. */
  default void deviceError() {}

  /** A request was refused for what it asked. */
  default void userError() {}

  /** Where the scheduler stands after it changed. */
  default void scheduler(SchedulingStats stats) {}
}
