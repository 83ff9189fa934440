package dev.cairn.persistence;

import dev.cairn.model.TokenLogprobs;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What the journal holds of a request, in order. Every event names the request, the epoch it
 * belongs to and the index of the first generated token that it speaks of.
 */
public sealed interface RequestEvent {
  /** Version of the events' form that this program writes. */
  int SCHEMA_VERSION = 3;

  String requestId();

  /** Number of the attempt to run the request on a device; 0 before the first. */
  int epoch();

  /** Index of a generated token; see each event. */
  int index();

  /** The request exists. Marks it as unfinished in the journal. */
  record Accepted(RequestSpec spec) implements RequestEvent {
    @Override
    public String requestId() {
      return spec.id();
    }

    @Override
    public int epoch() {
      return 0;
    }

    @Override
    public int index() {
      return 0;
    }
  }

  /**
   * A device was chosen, and a new epoch begins.
   *
   * @param index number of tokens committed before
   * @param device name of the device
   * @param numericsVersion of the device
   */
  record Assigned(String requestId, int epoch, int index, String device, String numericsVersion)
      implements RequestEvent {}

  /**
   * Tokens became part of the output.
   *
   * @param index of the first of them
   * @param tokens perhaps none, where only log-probabilities of the prompt came
   * @param logprobs one for each token, or empty where the request asks for none
   * @param promptLogprobs of prompt tokens 1 and up, in order, in the first event that follows the
   *     prefill, where the request asks for them; else empty
   */
  record TokensCommitted(
      String requestId,
      int epoch,
      int index,
      int[] tokens,
      List<TokenLogprobs> logprobs,
      List<TokenLogprobs> promptLogprobs)
      implements RequestEvent {
    public TokensCommitted {
      logprobs = List.copyOf(logprobs);
      promptLogprobs = List.copyOf(promptLogprobs);
    }

    /** By value, but for the log-probabilities, whose arrays are compared by identity. */
    @Override
    public boolean equals(Object other) {
      return other instanceof TokensCommitted that
          && requestId.equals(that.requestId)
          && epoch == that.epoch
          && index == that.index
          && Arrays.equals(tokens, that.tokens)
          && logprobs.equals(that.logprobs)
          && promptLogprobs.equals(that.promptLogprobs);
    }

    @Override
    public int hashCode() {
      return Objects.hash(requestId, epoch, index, Arrays.hashCode(tokens));
    }
  }

  /**
   * Nothing is generated until the request is resumed.
   *
   * @param index number of tokens committed before
   */
  record Paused(String requestId, int epoch, int index) implements RequestEvent {}

  /**
   * A paused request goes on.
   *
   * @param index number of tokens committed before
   */
  record Resumed(String requestId, int epoch, int index) implements RequestEvent {}

  /**
   * The request's urgency changed.
   *
   * @param index number of tokens committed before
   * @param band its urgency from now on
   */
  record Prioritized(String requestId, int epoch, int index, Band band) implements RequestEvent {}

  /**
   * The request ended. Removes it from the journal's unfinished ones.
   *
   * @param index number of tokens of the output
   * @param detail a sentence where the reason needs one, else empty
   */
  record Finished(String requestId, int epoch, int index, FinishReason reason, String detail)
      implements RequestEvent {}

  /**
   * A request that had ended was deleted. The journal erases all events of it that came before, so
   * that this one stands for the id alone until the request's time to be kept is over.
   *
   * @param index number of tokens that the output had
   */
  record Deleted(String requestId, int epoch, int index) implements RequestEvent {}
}
