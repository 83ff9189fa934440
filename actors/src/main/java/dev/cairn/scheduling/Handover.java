package dev.cairn.scheduling;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.FinishReason;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Tokens on their way from a scheduler to the request that owns them. Handing over moves them: the
 * scheduler keeps none.
 *
 * @param requestId the request
 * @param epoch the attempt
 * @param firstIndex index of the first token in the output
 * @param tokens in order, perhaps none
 * @param logprobs one for each token, or empty
 * @param promptLogprobs of prompt tokens 1 and up, with the first hand-over, or empty
 * @param pooled of a prompt that is pooled, with its end: what the device added up, as many numbers
 *     as the model is wide, not normalized; else empty
 * @param end why generation ended with these tokens, or empty
 * @param timing of the first tokens since the sequence was let into steps; empty of all others
 */
public record Handover(
    String requestId,
    int epoch,
    int firstIndex,
    int[] tokens,
    List<TokenLogprobs> logprobs,
    List<TokenLogprobs> promptLogprobs,
    float[] pooled,
    Optional<End> end,
    Optional<Timing> timing) {
  private static final float[] NOTHING = {};

  public Handover {
    Objects.requireNonNull(
        pooled, "a hand-over without what was pooled, expected empty for nothing");
    Objects.requireNonNull(timing, "a Handover without its timing");
  }

  /** Of a request that generates, of tokens that continue what ran before. */
  public Handover(
      String requestId,
      int epoch,
      int firstIndex,
      int[] tokens,
      List<TokenLogprobs> logprobs,
      List<TokenLogprobs> promptLogprobs,
      Optional<End> end) {
    this(
        requestId,
        epoch,
        firstIndex,
        tokens,
        logprobs,
        promptLogprobs,
        NOTHING,
        end,
        Optional.empty());
  }

  /**
   * How long what came before these tokens took. Durations, because clocks of two nodes differ.
   *
   * @param waitedNanos in the queue
   * @param prefillNanos from there to the first token
   * @param decodedNanos from there to the hand-over
   */
  public record Timing(long waitedNanos, long prefillNanos, long decodedNanos) {}

  /** How generation ended. */
  public record End(FinishReason reason, String detail) {}
}
