package dev.cairn.cluster;

import dev.cairn.persistence.RequestSpec;
import java.util.Optional;

/**
 * How large the messages of a request may become between nodes. Artery drops what does not fit into
 * a frame, so a request that might not is refused before it is accepted.
 */
final class MessageSize {
  private static final long FIELDS = 4_096;

  /** A token in CBOR. */
  private static final long TOKEN = 5;

  /** Log-probabilities of a position in CBOR, without and for each alternative. */
  private static final long LOGPROBS = 48;

  private static final long ALTERNATIVE = 10;

  private MessageSize() {}

  /** Why a request is refused; empty where all its messages fit. */
  static Optional<String> refusal(RequestSpec spec, ShardedRequests.Limits limits) {
    long most = most(spec, limits);
    return most <= limits.maxMessageBytes()
        ? Optional.empty()
        : Optional.of(
            "the request might need messages of "
                + most
                + " bytes between nodes, expected at most "
                + limits.maxMessageBytes()
                + " (pekko.remote.artery.advanced.maximum-large-frame-size): ask for a shorter"
                + " prompt, fewer log-probabilities or none of the prompt");
  }

  /**
   * Why a text is refused of which a vector is wanted; empty where all its messages fit.
   *
   * @param width numbers of the vector
   * @param maxMessageBytes most that a message between nodes may hold
   */
  static Optional<String> refusal(int tokens, int width, long maxMessageBytes) {
    long most = FIELDS + TOKEN * Math.max(tokens, width);
    return most <= maxMessageBytes
        ? Optional.empty()
        : Optional.of(
            "an input of "
                + tokens
                + " tokens might need messages of "
                + most
                + " bytes between nodes, expected at most "
                + maxMessageBytes
                + " (pekko.remote.artery.advanced.maximum-large-frame-size)");
  }

  /** Bytes of the largest message of a request: its prompt and output, or what is handed over. */
  static long most(RequestSpec spec, ShardedRequests.Limits limits) {
    long prompt = spec.promptTokens().length;
    long text = spec.stop().stream().mapToLong(stop -> 4L * stop.length()).sum();
    long known = Math.min((long) limits.maxContext() + 1, prompt + spec.maxTokens());
    long position = LOGPROBS + ALTERNATIVE * Math.max(0, spec.logprobs());
    long handedOver =
        (spec.promptLogprobs() ? prompt * position : 0)
            + Math.min(limits.maxHandOver(), spec.maxTokens())
                * (TOKEN + (spec.logprobs() >= 0 ? position : 0));
    return FIELDS + text + Math.max(known * TOKEN, handedOver);
  }
}
