package dev.cairn.device;

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
 */
public record SlotSpec(
    int[] tokens,
    int promptLength,
    Sampling sampling,
    long seed,
    int logprobs,
    boolean promptLogprobs) {}
