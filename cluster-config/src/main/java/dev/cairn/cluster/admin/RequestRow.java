package dev.cairn.cluster.admin;

import dev.cairn.actors.RequestView;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Snapshot.Finish;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A request in a list.
 *
 * @param node where its actor is
 * @param band its urgency now
 * @param parent request that it is part of; empty: none
 * @param device of its newest attempt; empty before the first
 * @param epoch number of that attempt
 * @param promptTokens number of tokens of the prompt
 * @param tokens number of tokens committed
 * @param submittedAtMillis milliseconds since the epoch
 * @param finish how it ended; empty while it is unfinished
 */
public record RequestRow(
    String id,
    String node,
    String model,
    Snapshot.State state,
    Band band,
    String tenant,
    String parent,
    String device,
    int epoch,
    int promptTokens,
    int tokens,
    int maxTokens,
    long submittedAtMillis,
    Optional<Finish> finish) {
  public RequestRow {
    // A node of an earlier version does not say it.
    parent = Objects.requireNonNullElse(parent, "");
  }

  /** The row of a request whose actor is on a node. */
  public static RequestRow of(String node, RequestView view) {
    RequestSpec spec = view.spec();
    Snapshot now = view.snapshot();
    List<Attempt> attempts = now.attempts();
    return new RequestRow(
        spec.id(),
        node,
        spec.model(),
        now.state(),
        now.band(),
        spec.scheduling().tenant(),
        spec.scheduling().parent(),
        attempts.isEmpty() ? "" : attempts.get(attempts.size() - 1).device(),
        now.epoch(),
        spec.promptTokens().length,
        now.tokens().size(),
        spec.maxTokens(),
        spec.submittedAtMillis(),
        now.finish());
  }

  public boolean isUnfinished() {
    return finish.isEmpty();
  }
}
