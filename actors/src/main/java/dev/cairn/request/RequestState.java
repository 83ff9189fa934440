package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.request.Snapshot.State;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.Standing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What the events of one request add up to; the fold of the journal, without any actor.
 *
 * @param version how many events it is made of
 * @param spec empty before the request is accepted, and when it was deleted
 * @param band its urgency now
 * @param attempts the newest of them, at most {@link #MAX_ATTEMPTS}, in order
 * @param paused whether it waits to be resumed
 * @param tokens committed output; the one list that grows
 * @param promptLogprobs of prompt tokens 1 and up, or empty
 * @param finish empty while unfinished; of a request that was deleted nothing else is left
 */
public record RequestState(
    long version,
    Optional<RequestSpec> spec,
    Band band,
    List<Attempt> attempts,
    boolean paused,
    CommittedTokens tokens,
    List<TokenLogprobs> promptLogprobs,
    Optional<Finish> finish) {
  /** Attempts that are remembered; beyond, the oldest that added no token is forgotten first. */
  public static final int MAX_ATTEMPTS = 16;

  /** Before anything was written. */
  public static final RequestState NONE =
      new RequestState(
          0,
          Optional.empty(),
          Scheduling.DEFAULT.band(),
          List.of(),
          false,
          CommittedTokens.EMPTY,
          List.of(),
          Optional.empty());

  /** The state after an event. An event that does not follow is a damaged journal. */
  public RequestState apply(RequestEvent event) {
    if (event instanceof RequestEvent.Accepted accepted) {
      expect(spec.isEmpty() && finish.isEmpty(), event, "a request that is not accepted yet");
      RequestSpec request = accepted.spec();
      return new RequestState(
          version + 1,
          Optional.of(request),
          request.scheduling().band(),
          attempts,
          paused,
          tokens,
          promptLogprobs,
          finish);
    }
    if (event instanceof RequestEvent.Deleted) {
      // The journal has erased what was before it, so that it is the first event too.
      expect(!isDeleted() && !isUnfinished(), event, "a request that has ended");
      return deleted(version + 1);
    }
    expect(isUnfinished(), event, "an accepted, unfinished request");
    expect(event.index() == tokens.size(), event, "index " + tokens.size());
    if (event instanceof RequestEvent.Assigned assigned) {
      expect(assigned.epoch() > epoch(), event, "an epoch after " + epoch());
      expect(!paused, event, "a request that is not paused");
      return new RequestState(
          version + 1, spec, band, attemptsAnd(assigned), false, tokens, promptLogprobs, finish);
    }
    expect(event.epoch() == epoch(), event, "epoch " + epoch());
    if (event instanceof RequestEvent.Paused) {
      expect(!paused, event, "a request that is not paused");
      return paused(true);
    }
    if (event instanceof RequestEvent.Resumed) {
      expect(paused, event, "a paused request");
      return paused(false);
    }
    if (event instanceof RequestEvent.Prioritized prioritized) {
      return new RequestState(
          version + 1, spec, prioritized.band(), attempts, paused, tokens, promptLogprobs, finish);
    }
    if (event instanceof RequestEvent.TokensCommitted committed) {
      expect(!paused, event, "a request that is not paused");
      return new RequestState(
          version + 1,
          spec,
          band,
          attempts,
          false,
          tokens.append(committed.tokens(), committed.logprobs()),
          committed.promptLogprobs().isEmpty() ? promptLogprobs : committed.promptLogprobs(),
          finish);
    }
    RequestEvent.Finished finished = (RequestEvent.Finished) event;
    Finish end = new Finish(finished.reason(), finished.detail());
    return new RequestState(
        version + 1, spec, band, attempts, paused, tokens, promptLogprobs, Optional.of(end));
  }

  private RequestState paused(boolean now) {
    return new RequestState(version + 1, spec, band, attempts, now, tokens, promptLogprobs, finish);
  }

  private List<Attempt> attemptsAnd(RequestEvent.Assigned assigned) {
    List<Attempt> all = new ArrayList<>(attempts);
    all.add(
        new Attempt(
            assigned.epoch(), assigned.index(), assigned.device(), assigned.numericsVersion()));
    if (all.size() > MAX_ATTEMPTS) {
      int forgotten = 0;
      for (int i = 0; i < MAX_ATTEMPTS; i++) {
        if (all.get(i).firstIndex() == all.get(i + 1).firstIndex()) {
          forgotten = i;
          break;
        }
      }
      all.remove(forgotten);
    }
    return List.copyOf(all);
  }

  /** Number of the newest attempt, 0 before the first. */
  public int epoch() {
    return attempts.isEmpty() ? 0 : newest().epoch();
  }

  /** Name of the newest attempt's device, empty before the first. */
  public String device() {
    return attempts.isEmpty() ? "" : newest().device();
  }

  private Attempt newest() {
    return attempts.get(attempts.size() - 1);
  }

  /** Numerics version that computed the last token; empty where there is none yet. */
  public String numericsVersion() {
    for (int i = attempts.size() - 1; i >= 0; i--) {
      if (attempts.get(i).firstIndex() < tokens.size()) {
        return attempts.get(i).numericsVersion();
      }
    }
    return "";
  }

  /** Whether tokens are the next ones of this attempt; nothing else is ever committed. */
  boolean isNext(Handover handover) {
    return isUnfinished()
        && !paused
        && handover.epoch() == epoch()
        && handover.firstIndex() == tokens.size();
  }

  /** Whether a repeated hand-over of this attempt says something else than what was committed. */
  boolean contradicts(Handover handover) {
    if (handover.epoch() != epoch()) {
      return false;
    }
    for (int i = 0; i < handover.tokens().length; i++) {
      int index = handover.firstIndex() + i;
      if (index < tokens.size() && tokens.get(index) != handover.tokens()[i]) {
        return true;
      }
    }
    return false;
  }

  /**
   * Events that commit a hand-over.
   *
   * @param kept how many of its tokens belong to the output
   * @param stopped whether they complete a stop string
   */
  List<RequestEvent> commit(Handover handover, int kept, boolean stopped) {
    String requestId = handover.requestId();
    List<RequestEvent> events = new ArrayList<>(2);
    if (kept > 0 || !handover.promptLogprobs().isEmpty()) {
      events.add(
          new RequestEvent.TokensCommitted(
              requestId,
              epoch(),
              tokens.size(),
              Arrays.copyOf(handover.tokens(), kept),
              handover.logprobs().isEmpty() ? List.of() : handover.logprobs().subList(0, kept),
              handover.promptLogprobs()));
    }
    Optional<Finish> end =
        stopped
            ? Optional.of(new Finish(FinishReason.STOP, ""))
            : handover.end().map(e -> new Finish(e.reason(), e.detail()));
    int total = tokens.size() + kept;
    end.ifPresent(
        e ->
            events.add(
                new RequestEvent.Finished(requestId, epoch(), total, e.reason(), e.detail())));
    return events;
  }

  /** What a scheduler is given to run the rest of the request. */
  Admission admission() {
    RequestSpec request = spec.orElseThrow();
    int prompt = request.promptTokens().length;
    int[] known = Arrays.copyOf(request.promptTokens(), prompt + tokens.size());
    System.arraycopy(tokens.toArray(), 0, known, prompt, tokens.size());
    return new Admission(
        request.id(),
        epoch(),
        standing(request),
        request.submittedAtMillis(),
        known,
        prompt,
        request.maxTokens(),
        request.sampling(),
        request.seed(),
        request.ignoreEos(),
        request.logprobs(),
        request.promptLogprobs() && promptLogprobs.isEmpty(),
        request.scheduling().tenant(),
        request.scheduling().lookUp());
  }

  /** When the root of the request's tree was submitted. */
  long rootSubmittedAtMillis() {
    RequestSpec request = spec.orElseThrow();
    return request.scheduling().depth() == 0
        ? request.submittedAtMillis()
        : request.scheduling().rootSubmittedAtMillis();
  }

  private Standing standing(RequestSpec request) {
    Scheduling scheduling = request.scheduling();
    return new Standing(
        band,
        scheduling.tenant(),
        scheduling.depth(),
        rootSubmittedAtMillis(),
        scheduling.session(),
        scheduling.group(),
        Math.max(1, scheduling.groupSize()),
        scheduling.weight());
  }

  private static RequestState deleted(long version) {
    return new RequestState(
        version,
        Optional.empty(),
        NONE.band(),
        List.of(),
        false,
        CommittedTokens.EMPTY,
        List.of(),
        Optional.of(new Finish(FinishReason.CANCELLED, "deleted")));
  }

  /** Whether the request existed and was deleted. */
  public boolean isDeleted() {
    return spec.isEmpty() && finish.isPresent();
  }

  /** Whether the request exists and has not ended. */
  public boolean isUnfinished() {
    return spec.isPresent() && finish.isEmpty();
  }

  /** What readers see of it. */
  public Snapshot snapshot() {
    State state =
        finish.isPresent()
            ? State.FINISHED
            : paused ? State.PAUSED : attempts.isEmpty() ? State.ACCEPTED : State.ASSIGNED;
    return new Snapshot(version, state, band, attempts, tokens, promptLogprobs, finish);
  }

  private static void expect(boolean holds, RequestEvent event, String expected) {
    if (!holds) {
      throw new IllegalStateException(
          "the journal of request "
              + event.requestId()
              + " holds "
              + event.getClass().getSimpleName()
              + " of epoch "
              + event.epoch()
              + " and index "
              + event.index()
              + ", expected "
              + expected);
    }
  }
}
