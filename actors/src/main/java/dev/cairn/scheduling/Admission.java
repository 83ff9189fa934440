package dev.cairn.scheduling;

import dev.cairn.model.Pooling;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.LookUp;
import java.util.Objects;

/**
 * A request as its owner hands it to a scheduler.
 *
 * @param requestId the request
 * @param epoch the attempt; results carry it, and a newer one replaces an older one
 * @param standing where it stands among others
 * @param submittedAtMillis when the request was accepted, milliseconds since the epoch
 * @param tokens prompt, followed by the tokens committed so far
 * @param promptLength how many of them are prompt
 * @param maxTokens most tokens to generate in all, those committed included
 * @param sampling how tokens are drawn
 * @param seed of the draws
 * @param ignoreEos goes on after an end-of-sequence token
 * @param logprobs -1: none; n: of each token and of the n most likely ones
 * @param promptLogprobs whether log-probabilities of the prompt are still wanted
 * @param salt requests of different salts share no cached keys and values
 * @param lookUp whether it is drafted from what it said before
 * @param pooling not {@link Pooling#NONE}: it generates nothing, and one vector of its prompt is
 *     handed over
 */
public record Admission(
    String requestId,
    int epoch,
    Standing standing,
    long submittedAtMillis,
    int[] tokens,
    int promptLength,
    int maxTokens,
    Sampling sampling,
    long seed,
    boolean ignoreEos,
    int logprobs,
    boolean promptLogprobs,
    String salt,
    LookUp lookUp,
    Pooling pooling) {
  /** Of a request that generates. */
  public Admission(
      String requestId,
      int epoch,
      Standing standing,
      long submittedAtMillis,
      int[] tokens,
      int promptLength,
      int maxTokens,
      Sampling sampling,
      long seed,
      boolean ignoreEos,
      int logprobs,
      boolean promptLogprobs,
      String salt,
      LookUp lookUp) {
    this(
        requestId,
        epoch,
        standing,
        submittedAtMillis,
        tokens,
        promptLength,
        maxTokens,
        sampling,
        seed,
        ignoreEos,
        logprobs,
        promptLogprobs,
        salt,
        lookUp,
        Pooling.NONE);
  }

  /** A text of which one vector is wanted. */
  public static Admission pooled(
      String requestId,
      int epoch,
      Standing standing,
      long submittedAtMillis,
      int[] tokens,
      String salt,
      Pooling pooling) {
    return new Admission(
        requestId,
        epoch,
        standing,
        submittedAtMillis,
        tokens,
        tokens.length,
        0,
        Sampling.GREEDY,
        0,
        false,
        -1,
        false,
        salt,
        LookUp.OFF,
        pooling);
  }

  /** As the device is configured to draft it. */
  public Admission(
      String requestId,
      int epoch,
      Standing standing,
      long submittedAtMillis,
      int[] tokens,
      int promptLength,
      int maxTokens,
      Sampling sampling,
      long seed,
      boolean ignoreEos,
      int logprobs,
      boolean promptLogprobs,
      String salt) {
    this(
        requestId,
        epoch,
        standing,
        submittedAtMillis,
        tokens,
        promptLength,
        maxTokens,
        sampling,
        seed,
        ignoreEos,
        logprobs,
        promptLogprobs,
        salt,
        LookUp.AS_CONFIGURED);
  }

  public Admission {
    Objects.requireNonNull(pooling, "an admission without its pooling");
    Objects.requireNonNull(lookUp, "an admission without whether it is drafted");
    Objects.requireNonNull(standing, "an admission without its standing");
    Objects.requireNonNull(sampling, "an admission without its sampling parameters");
    Objects.requireNonNull(salt, "an admission without its salt");
    if (requestId.isEmpty() || epoch < 1) {
      throw new IllegalArgumentException(
          "an admission needs a request id and an epoch of 1 or more, found '"
              + requestId
              + "' and "
              + epoch);
    }
    if (promptLength < 1 || promptLength > tokens.length) {
      throw new IllegalArgumentException(
          "the prompt of "
              + requestId
              + " has "
              + promptLength
              + " tokens, expected 1 to "
              + tokens.length);
    }
    if (pooling != Pooling.NONE && (maxTokens > 0 || promptLogprobs)) {
      throw new IllegalArgumentException(
          requestId + " is pooled, expected no tokens to generate and no log-probabilities");
    }
    if (maxTokens < tokens.length - promptLength) {
      throw new IllegalArgumentException(
          requestId
              + " has "
              + (tokens.length - promptLength)
              + " tokens of output already, more than its maximum of "
              + maxTokens);
    }
  }
}
