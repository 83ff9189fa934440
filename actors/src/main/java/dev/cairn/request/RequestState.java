package dev.cairn.request;

import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.request.Snapshot.State;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What the events of one request add up to; the fold of the journal, without any actor.
 *
 * @param spec empty before the request is accepted
 * @param epoch newest attempt, 0 before the first
 * @param device name of that attempt's device, empty before the first
 * @param paused whether it waits to be resumed
 * @param tokens committed output; the one list that grows
 * @param promptLogprobs of prompt tokens 1 and up, or empty
 * @param finish empty while unfinished
 */
public record RequestState(
    Optional<RequestSpec> spec,
    int epoch,
    String device,
    boolean paused,
    CommittedTokens tokens,
    List<TokenLogprobs> promptLogprobs,
    Optional<Finish> finish) {
  /** Requests have no tenants yet, so all of them may share cached keys and values. */
  private static final String NO_SALT = "";

  /** Before anything was written. */
  public static final RequestState NONE =
      new RequestState(
          Optional.empty(), 0, "", false, CommittedTokens.EMPTY, List.of(), Optional.empty());

  /** The state after an event. An event that does not follow is a damaged journal. */
  public RequestState apply(RequestEvent event) {
    if (event instanceof RequestEvent.Accepted accepted) {
      expect(spec.isEmpty(), event, "a request that is not accepted yet");
      return new RequestState(
          Optional.of(accepted.spec()), 0, device, paused, tokens, promptLogprobs, finish);
    }
    expect(isUnfinished(), event, "an accepted, unfinished request");
    expect(event.index() == tokens.size(), event, "index " + tokens.size());
    if (event instanceof RequestEvent.Assigned assigned) {
      expect(assigned.epoch() > epoch, event, "an epoch after " + epoch);
      expect(!paused, event, "a request that is not paused");
      return new RequestState(
          spec, assigned.epoch(), assigned.device(), false, tokens, promptLogprobs, finish);
    }
    expect(event.epoch() == epoch, event, "epoch " + epoch);
    if (event instanceof RequestEvent.Paused) {
      expect(!paused, event, "a request that is not paused");
      return new RequestState(spec, epoch, device, true, tokens, promptLogprobs, finish);
    }
    if (event instanceof RequestEvent.Resumed) {
      expect(paused, event, "a paused request");
      return new RequestState(spec, epoch, device, false, tokens, promptLogprobs, finish);
    }
    if (event instanceof RequestEvent.TokensCommitted committed) {
      expect(!paused, event, "a request that is not paused");
      return new RequestState(
          spec,
          epoch,
          device,
          false,
          tokens.append(committed.tokens(), committed.logprobs()),
          committed.promptLogprobs().isEmpty() ? promptLogprobs : committed.promptLogprobs(),
          finish);
    }
    RequestEvent.Finished finished = (RequestEvent.Finished) event;
    return new RequestState(
        spec,
        epoch,
        device,
        paused,
        tokens,
        promptLogprobs,
        Optional.of(new Finish(finished.reason(), finished.detail())));
  }

  /** Whether tokens are the next ones of this attempt; nothing else is ever committed. */
  boolean isNext(Handover handover) {
    return isUnfinished()
        && !paused
        && handover.epoch() == epoch
        && handover.firstIndex() == tokens.size();
  }

  /** Whether a repeated hand-over of this attempt says something else than what was committed. */
  boolean contradicts(Handover handover) {
    if (handover.epoch() != epoch) {
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
              epoch,
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
            events.add(new RequestEvent.Finished(requestId, epoch, total, e.reason(), e.detail())));
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
        epoch,
        request.submittedAtMillis(),
        known,
        prompt,
        request.maxTokens(),
        request.sampling(),
        request.seed(),
        request.ignoreEos(),
        request.logprobs(),
        request.promptLogprobs() && promptLogprobs.isEmpty(),
        NO_SALT);
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
            : paused ? State.PAUSED : epoch == 0 ? State.ACCEPTED : State.ASSIGNED;
    return new Snapshot(state, epoch, tokens, promptLogprobs, finish);
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
