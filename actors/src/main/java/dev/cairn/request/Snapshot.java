package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import java.util.List;
import java.util.Optional;

/**
 * What was committed of a request at one moment; immutable.
 *
 * @param version number of events of the journal that it shows; a later snapshot has no smaller one
 * @param band its urgency
 * @param attempts the newest of them, in order
 * @param tokens generated tokens
 * @param promptLogprobs of prompt tokens 1 and up, or empty
 * @param finish empty while the request is unfinished
 */
public record Snapshot(
    long version,
    State state,
    Band band,
    List<Attempt> attempts,
    CommittedTokens tokens,
    List<TokenLogprobs> promptLogprobs,
    Optional<Finish> finish) {
  /** Number of the newest attempt, 0 before the first. */
  public int epoch() {
    return attempts.isEmpty() ? 0 : attempts.get(attempts.size() - 1).epoch();
  }

  /** Where a request stands. */
  public enum State {
    /** Durable, not yet with a device. */
    ACCEPTED,
    /** With a device's scheduler. */
    ASSIGNED,
    /** With no device until it is resumed. */
    PAUSED,
    /** Ended; nothing changes any more. */
    FINISHED
  }

  /** How a request ended. */
  public record Finish(FinishReason reason, String detail) {}
}
