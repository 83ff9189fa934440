package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.request.Snapshot.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is new of a request for a reader elsewhere, or as much of it as fits: first what was asked
 * for, then log-probabilities of the prompt, then tokens, and with the last of these where the
 * request stands.
 *
 * @param requestId the request
 * @param version of the snapshot from which it was cut
 * @param spec where the reader has none
 * @param firstPromptLogprob index of the first of these
 * @param promptLogprobs in order, perhaps none
 * @param firstIndex index of the first token
 * @param tokens in order, perhaps none
 * @param logprobs one for each token, or empty
 * @param whole whether nothing of the snapshot is left out
 * @param headSince version since which the request stands as it does
 * @param head where it stands; empty where the reader was told, or where the update is not whole
 */
public record Update(
    String requestId,
    long version,
    Optional<RequestSpec> spec,
    int firstPromptLogprob,
    List<TokenLogprobs> promptLogprobs,
    int firstIndex,
    int[] tokens,
    List<TokenLogprobs> logprobs,
    boolean whole,
    long headSince,
    Optional<Head> head) {
  private static final int MOST_BYTES_OF_NUMBER = 5;
  private static final int BYTES_OF_FIELDS = 96;

  /** All of a snapshot but its output. */
  public record Head(State state, Band band, List<Attempt> attempts, Optional<Finish> finish) {
    /** That of a snapshot. */
    public static Head of(Snapshot snapshot) {
      return new Head(snapshot.state(), snapshot.band(), snapshot.attempts(), snapshot.finish());
    }
  }

  /**
   * Cuts what a reader wants out of a snapshot.
   *
   * @param mostBytes about how large the update may be; it holds one thing at least
   */
  public static Update cut(RequestSpec spec, Snapshot now, Want want, int mostBytes) {
    int room = mostBytes - BYTES_OF_FIELDS - want.requestId().length();
    Optional<RequestSpec> wanted = want.needsSpec() ? Optional.of(spec) : Optional.empty();
    if (wanted.isPresent()) {
      room -= spec.promptTokens().length * MOST_BYTES_OF_NUMBER;
    }
    boolean empty = wanted.isEmpty();
    int firstPrompt = want.promptLogprobs();
    int endPrompt = firstPrompt;
    List<TokenLogprobs> prompt = now.promptLogprobs();
    while (endPrompt < prompt.size() && (room > 0 || empty)) {
      room -= bytes(prompt.get(endPrompt++));
      empty = false;
    }
    CommittedTokens tokens = now.tokens();
    int first = want.tokens();
    int end = first;
    List<TokenLogprobs> logprobs = new ArrayList<>();
    while (endPrompt == prompt.size() && end < tokens.size() && (room > 0 || empty)) {
      TokenLogprobs of = tokens.logprobs(end++);
      room -= MOST_BYTES_OF_NUMBER;
      empty = false;
      if (of != null) {
        logprobs.add(of);
        room -= bytes(of);
      }
    }
    boolean whole = endPrompt == prompt.size() && end == tokens.size();
    return new Update(
        want.requestId(),
        now.version(),
        wanted,
        firstPrompt,
        List.copyOf(prompt.subList(firstPrompt, endPrompt)),
        first,
        tokens.range(first, end),
        logprobs,
        whole,
        now.version(),
        whole ? Optional.of(Head.of(now)) : Optional.empty());
  }

  /** The same for a reader that knows where the request has stood since a version. */
  public Update sameHeadSince(long since) {
    return new Update(
        requestId,
        version,
        spec,
        firstPromptLogprob,
        promptLogprobs,
        firstIndex,
        tokens,
        logprobs,
        whole,
        since,
        Optional.empty());
  }

  /** About how large it is between nodes, in bytes. */
  public int bytes() {
    int bytes = BYTES_OF_FIELDS + requestId.length() + tokens.length * MOST_BYTES_OF_NUMBER;
    for (TokenLogprobs each : promptLogprobs) {
      bytes += bytes(each);
    }
    for (TokenLogprobs each : logprobs) {
      bytes += bytes(each);
    }
    return bytes
        + spec.map(s -> s.promptTokens().length * MOST_BYTES_OF_NUMBER).orElse(0)
        + head.map(h -> h.attempts().size() * 64).orElse(0);
  }

  private static int bytes(TokenLogprobs logprobs) {
    return 4 + 1 + logprobs.topTokens().length * (MOST_BYTES_OF_NUMBER + 4);
  }
}
