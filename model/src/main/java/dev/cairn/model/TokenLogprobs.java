package dev.cairn.model;

/**
 * Log-probabilities at one position of a sequence, natural logarithm, of the model's own
 * distribution (before penalties and temperature).
 *
 * @param logprob of the token that stands there
 * @param topTokens the most likely tokens, most likely first, ties by the lower id
 * @param topLogprobs their log-probabilities
 */
public record TokenLogprobs(float logprob, int[] topTokens, float[] topLogprobs) {
  /** Most alternatives that a request may ask for. */
  public static final int MAX_TOP = 20;
}
