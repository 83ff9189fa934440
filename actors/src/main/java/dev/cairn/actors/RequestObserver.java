package dev.cairn.actors;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.Handover;
import java.util.Optional;

/**
 * Follows one life of a request: from its submission or its recovery to its end, or until its actor
 * stops. Called by the request's actor, one call at a time, so implementations return at once and
 * never throw.
 */
public interface RequestObserver {
  /** Sees nothing. */
  RequestObserver NONE = new RequestObserver() {};

  /**
   * A life that begins.
   *
   * @param traceParent what the client's {@code traceparent} said; empty: nothing
   * @param isRecovered whether it was read from the journal, after a crash or a move
   * @param sinceNanos how long ago the request was submitted, or was read
   * @param tokens generated before
   */
  record Beginning(
      RequestSpec spec, String traceParent, boolean isRecovered, long sinceNanos, int tokens) {}

  /** Begins to observe requests. */
  interface Factory {
    RequestObserver begin(Beginning beginning);
  }

  /** An attempt went to a device's scheduler. */
  default void admitted(int epoch, String device) {}

  /** Tokens came from the scheduler, and are not durable yet. */
  default void generated(int tokens, Optional<Handover.Timing> timing) {}

  /** The tokens that came last are durable. */
  default void committed(int tokens) {}

  /** The request has left its device until it is resumed. */
  default void paused() {}

  /** The request's end is durable. */
  default void ended(FinishReason reason, int tokens) {}

  /** The actor stops before the end; another one may go on. Does nothing after the end. */
  default void stopped() {}
}
