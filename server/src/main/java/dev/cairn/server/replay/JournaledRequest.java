package dev.cairn.server.replay;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Constraints;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.StoredEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A request and its output as the journal has them.
 *
 * @param spec as it was accepted
 * @param tokens committed
 * @param logprobs one for each token, or empty
 * @param promptLogprobs of prompt tokens 1 and up, or empty
 * @param reason why it ended; empty while it is unfinished
 * @param numericsVersions of every device that ran it
 */
record JournaledRequest(
    RequestSpec spec,
    int[] tokens,
    List<TokenLogprobs> logprobs,
    List<TokenLogprobs> promptLogprobs,
    Optional<FinishReason> reason,
    SortedSet<String> numericsVersions) {
  private static final int PAGE = 1024;

  /** Reads a request; empty where the journal has none of this id. */
  static Optional<JournaledRequest> read(JournalReader journal, String id) throws IOException {
    RequestSpec spec = null;
    int[] tokens = new int[0];
    List<TokenLogprobs> logprobs = new ArrayList<>();
    List<TokenLogprobs> promptLogprobs = List.of();
    Optional<FinishReason> reason = Optional.empty();
    SortedSet<String> numericsVersions = new TreeSet<>();
    List<StoredEvent> page = journal.events(id, 1, PAGE);
    while (!page.isEmpty()) {
      for (StoredEvent stored : page) {
        RequestEvent event = stored.requestEvent().orElse(null);
        if (event instanceof Accepted accepted) {
          spec = accepted.spec();
        } else if (event instanceof Assigned assigned) {
          numericsVersions.add(assigned.numericsVersion());
        } else if (event instanceof TokensCommitted committed) {
          int size = tokens.length;
          tokens = Arrays.copyOf(tokens, size + committed.tokens().length);
          System.arraycopy(committed.tokens(), 0, tokens, size, committed.tokens().length);
          logprobs.addAll(committed.logprobs());
          if (!committed.promptLogprobs().isEmpty()) {
            promptLogprobs = committed.promptLogprobs();
          }
        } else if (event instanceof Finished finished) {
          reason = Optional.of(finished.reason());
        }
      }
      page = journal.events(id, page.get(page.size() - 1).sequenceNr() + 1, PAGE);
    }
    return spec == null
        ? Optional.empty()
        : Optional.of(
            new JournaledRequest(spec, tokens, logprobs, promptLogprobs, reason, numericsVersions));
  }

  /** Whether its end is the model's own and has to come out again; else a prefix is compared. */
  boolean isWhole() {
    return reason.filter(r -> r == FinishReason.STOP || r == FinishReason.LENGTH).isPresent();
  }

  /** The request that computes the same once more and no more than that. */
  RequestSpec again() {
    boolean stops = reason.filter(r -> r == FinishReason.STOP).isPresent();
    return spec.toBuilder()
        .maxTokens(stops ? spec.maxTokens() : tokens.length)
        .cancelOnDisconnect(false)
        .timeoutMillis(0)
        .constraints(Constraints.NONE)
        .scheduling(Scheduling.DEFAULT)
        .build();
  }
}
