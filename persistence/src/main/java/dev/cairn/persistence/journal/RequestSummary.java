package dev.cairn.persistence.journal;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import java.util.Locale;
import java.util.Optional;

/**
 * Where a request stands according to its events.
 *
 * @param persistenceId of its actor
 * @param spec as it was accepted
 * @param events number of its events
 * @param epoch of the last assignment, 0 before the first
 * @param tokens number of tokens committed
 * @param paused whether it waits to be resumed
 * @param lastEventMillis when its last event was written, milliseconds since the epoch
 * @param reason why it ended; empty while it is unfinished
 */
public record RequestSummary(
    String persistenceId,
    RequestSpec spec,
    long events,
    int epoch,
    int tokens,
    boolean paused,
    long lastEventMillis,
    Optional<FinishReason> reason) {
  /**
   * {@code waiting} for a device, {@code running}, {@code paused}, or the reason of its end in
   * lower case.
   */
  public String state() {
    return reason
        .map(ended -> ended.name().toLowerCase(Locale.ROOT))
        .orElse(paused ? "paused" : epoch == 0 ? "waiting" : "running");
  }
}
