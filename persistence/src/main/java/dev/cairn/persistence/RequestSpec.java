package dev.cairn.persistence;

import dev.cairn.model.Sampling;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A request in full: everything that decides its output, fixed before it is accepted.
 *
 * @param id names the request for ever (a ULID, or derived from the client's idempotency key)
 * @param model name of the model
 * @param modelFingerprint identifies the model's file
 * @param submittedAtMillis milliseconds since the epoch
 * @param promptTokens at least one
 * @param maxTokens most tokens to generate, 0 or more
 * @param sampling how tokens are drawn
 * @param seed of the draws; drawn before the request is accepted where the client named none
 * @param stop strings that end the output and are not part of it
 * @param ignoreEos goes on after an end-of-sequence token
 * @param logprobs -1: none; n: of each token and the n most likely ones
 * @param echo whether the client wants the prompt back
 * @param promptLogprobs whether log-probabilities of the prompt are wanted
 * @param cancelOnDisconnect whether the request ends when its client leaves
 * @param timeoutMillis how long after {@code submittedAtMillis} the request ends with what it has;
 *     0: never
 */
public record RequestSpec(
    String id,
    String model,
    String modelFingerprint,
    long submittedAtMillis,
    int[] promptTokens,
    int maxTokens,
    Sampling sampling,
    long seed,
    List<String> stop,
    boolean ignoreEos,
    int logprobs,
    boolean echo,
    boolean promptLogprobs,
    boolean cancelOnDisconnect,
    long timeoutMillis) {
  public RequestSpec {
    stop = List.copyOf(stop);
    if (timeoutMillis < 0) {
      throw new IllegalArgumentException(
          "a timeout of " + timeoutMillis + " ms, expected 0 or more");
    }
  }

  /**
   * Whether another specification asks for the same: equal in all but the moment it was submitted.
   * A repeated submission joins the request it repeats.
   */
  public boolean isSameRequest(RequestSpec that) {
    return id.equals(that.id)
        && model.equals(that.model)
        && modelFingerprint.equals(that.modelFingerprint)
        && Arrays.equals(promptTokens, that.promptTokens)
        && maxTokens == that.maxTokens
        && sampling.equals(that.sampling)
        && seed == that.seed
        && stop.equals(that.stop)
        && ignoreEos == that.ignoreEos
        && logprobs == that.logprobs
        && echo == that.echo
        && promptLogprobs == that.promptLogprobs
        && cancelOnDisconnect == that.cancelOnDisconnect
        && timeoutMillis == that.timeoutMillis;
  }

  /** By value, the prompt's tokens included. */
  @Override
  public boolean equals(Object other) {
    return other instanceof RequestSpec that
        && submittedAtMillis == that.submittedAtMillis
        && isSameRequest(that);
  }

  @Override
  public int hashCode() {
    return Objects.hash(id, model, seed, maxTokens, Arrays.hashCode(promptTokens));
  }
}
