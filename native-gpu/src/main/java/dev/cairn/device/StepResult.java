package dev.cairn.device;

import dev.cairn.model.TokenLogprobs;
import java.util.List;

/**
 * What a step yielded.
 *
 * @param id the step's
 * @param outputs one for each chunk, in the step's order
 * @param startNanos {@link System#nanoTime()} when the device began the step
 * @param endNanos when it ended
 */
public record StepResult(long id, List<Output> outputs, long startNanos, long endNanos) {
  public StepResult {
    outputs = List.copyOf(outputs);
  }

  /**
   * Result of one chunk.
   *
   * @param status whether this chunk succeeded; a chunk that failed leaves the others untouched
   * @param token the sampled token, or -1 where none was asked for or the chunk failed
   * @param logprobs of the sampled token, or null
   * @param promptLogprobs of the tokens {@code start + 1 .. start + count} that are prompt tokens,
   *     where the slot asks for them; else empty
   * @param more what was drawn after {@code token}: one for each token of the chunk's draft, from
   *     the first, that was drawn before it. They and {@code token} are the end of what the slot
   *     knows; the keys and values of all but the last are computed
   * @param pooled where the slot is pooled and the chunk is the end of its prompt: the hidden
   *     states of its positions added up from the first one on, or the last one alone, as many
   *     numbers as the model is wide, not normalized; else empty
   */
  public record Output(
      Status status,
      int token,
      TokenLogprobs logprobs,
      List<TokenLogprobs> promptLogprobs,
      List<Drawn> more,
      float[] pooled) {
    private static final float[] NONE = {};

    /** Of a chunk that pooled nothing. */
    public Output(
        Status status,
        int token,
        TokenLogprobs logprobs,
        List<TokenLogprobs> promptLogprobs,
        List<Drawn> more) {
      this(status, token, logprobs, promptLogprobs, more, NONE);
    }

    /** Of a chunk of which no draft held. */
    public Output(
        Status status, int token, TokenLogprobs logprobs, List<TokenLogprobs> promptLogprobs) {
      this(status, token, logprobs, promptLogprobs, List.of());
    }
  }

  /**
   * A token drawn because the draft before it held.
   *
   * @param logprobs of the token, or null
   */
  public record Drawn(int token, TokenLogprobs logprobs) {}

  /** How a chunk ended. */
  public enum Status {
    OK,
    /** The logits held NaN or infinity: the model's own numbers, an error of this request alone. */
    NOT_FINITE
  }
}
