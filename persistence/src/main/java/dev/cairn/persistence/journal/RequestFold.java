package dev.cairn.persistence.journal;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.Paused;
import dev.cairn.persistence.RequestEvent.Prioritized;
import dev.cairn.persistence.RequestEvent.Resumed;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import java.util.Optional;

/** Follows one request's events and says what does not fit together. */
final class RequestFold {
  private final String persistenceId;
  private Optional<RequestSpec> spec = Optional.empty();
  private Optional<FinishReason> reason = Optional.empty();
  private long events;
  private int epoch;
  private int tokens;
  private boolean paused;
  private boolean deleted;
  private long lastEventMillis;

  RequestFold(String persistenceId) {
    this.persistenceId = persistenceId;
  }

  /** Takes the next event; returns what is wrong with it, if anything. */
  Optional<String> next(RequestEvent event, long timestampMillis) {
    Optional<String> problem = check(event);
    events++;
    lastEventMillis = timestampMillis;
    if (event instanceof Accepted accepted) {
      spec = Optional.of(accepted.spec());
    } else if (event instanceof Assigned assigned) {
      epoch = assigned.epoch();
    } else if (event instanceof TokensCommitted committed) {
      tokens = committed.index() + committed.tokens().length;
    } else if (event instanceof Finished finished) {
      reason = Optional.of(finished.reason());
    } else if (event instanceof Deleted) {
      deleted = true;
      spec = Optional.empty();
    } else if (!(event instanceof Prioritized)) {
      paused = event instanceof Paused;
    }
    return problem;
  }

  /** Empty where no request was accepted, or it was deleted. */
  Optional<RequestSummary> summary() {
    return spec.map(
        accepted ->
            new RequestSummary(
                persistenceId, accepted, events, epoch, tokens, paused, lastEventMillis, reason));
  }

  private Optional<String> check(RequestEvent event) {
    if (deleted) {
      return Optional.of("an event behind the deletion");
    }
    if (event instanceof Deleted) {
      // The journal erases what came before in the same write.
      return events == 0 || reason.isPresent()
          ? Optional.empty()
          : Optional.of("a deletion before the end");
    }
    if (event instanceof Accepted) {
      return spec.isEmpty() ? Optional.empty() : Optional.of("a second acceptance");
    }
    if (spec.isEmpty()) {
      return Optional.of("an event before the acceptance");
    }
    if (!event.requestId().equals(spec.get().id())) {
      return Optional.of("an event of request " + event.requestId());
    }
    if (reason.isPresent()) {
      return Optional.of("an event behind the end");
    }
    boolean any = event instanceof Finished || event instanceof Prioritized;
    if (event instanceof Resumed ? !paused : paused && !any) {
      return Optional.of(paused ? "an event of a paused request" : "the end of no pause");
    }
    if (event instanceof Assigned) {
      return event.epoch() > epoch
          ? Optional.empty()
          : Optional.of("epoch " + event.epoch() + " behind epoch " + epoch);
    }
    if (event.epoch() != epoch) {
      return Optional.of("epoch " + event.epoch() + ", expected " + epoch);
    }
    return event.index() == tokens
        ? Optional.empty()
        : Optional.of("index " + event.index() + ", expected " + tokens);
  }
}
