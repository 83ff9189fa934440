package dev.cairn.device;

import dev.cairn.model.Pooling;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;

/**
 * The sequence a slot is opened with.
 *
 * @param tokens prompt, followed by the tokens generated before (after a restart)
 * @param promptLength how many of them are prompt, at least 1; the others count as generated for
 *     penalties and random draws
 * @param sampling how to draw
 * @param seed key of the random generator; token i of the output is drawn with (seed, i), i counted
 *     from the first generated token
 * @param logprobs -1: none; n ≥ 0: the log-probability of each sampled token and of the n most
 *     likely ones, at most {@link TokenLogprobs#MAX_TOP}. They are of the model's own distribution,
 *     before penalties and temperature
 * @param promptLogprobs whether the same is wanted for every prompt token but the first
 * @param pooling not {@link Pooling#NONE}: no token is drawn, and the chunk that ends the prompt
 *     yields {@link StepResult.Output#pooled()}. Then all tokens are prompt, without {@code
 *     promptLogprobs}; and with {@link Pooling#MEAN} no chunk starts behind blocks that another
 *     slot filled
 */
public record SlotSpec(
    int[] tokens,
    int promptLength,
    Sampling sampling,
    long seed,
    int logprobs,
    boolean promptLogprobs,
    Pooling pooling) {
  /** Of a slot that draws tokens. */
  public SlotSpec(
      int[] tokens,
      int promptLength,
      Sampling sampling,
      long seed,
      int logprobs,
      boolean promptLogprobs) {
    this(tokens, promptLength, sampling, seed, logprobs, promptLogprobs, Pooling.NONE);
  }

  /** Of a slot of which one vector is wanted. */
  public static SlotSpec pooled(int[] tokens, Pooling pooling) {
    return new SlotSpec(tokens, tokens.length, Sampling.GREEDY, 0, -1, false, pooling);
  }
}
