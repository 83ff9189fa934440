package dev.cairn.request;

import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Effects.Answer;
import dev.cairn.scheduling.Handover;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How one request behaves: what it writes and what it does about each thing that happens to it.
 * Pure: no actor, no clock, no thread. The caller passes the newest state, makes the events of the
 * {@link Decision} durable, and carries out its effects before it passes anything else.
 *
 * <p>What this object holds beside the state is lost with the process, and nothing that a client
 * may count on is among it.
 *
 * @param <C> what stands for a client that waits for an answer
 * @param <D> what stands for a device's scheduler
 */
public final class RequestProtocol<C, D> {
  private final String requestId;
  private final DeviceSearch<D> search;
  private final Tokenizer tokenizer;

  /** The scheduler that runs the newest epoch, or is asked whether it does. */
  private Optional<D> scheduler = Optional.empty();

  private boolean adopting;
  private Optional<StopStrings> stopStrings = Optional.empty();
  private Optional<C> submitter = Optional.empty();

  /** Why the request is about to leave its device. */
  private Optional<LetGo> leaving = Optional.empty();

  private boolean resumeAtOnce;

  /** Whether it is about to leave because no token came for too long. */
  private boolean stalled;

  private final Family family = new Family();

  /** Who asked for that and waits until it is durable. */
  private final List<C> waiting = new ArrayList<>();

  /** Where the request stood at the last {@link #check}. */
  private int checkedEpoch;

  private int checkedTokens;

  /**
   * @param maxDeviceLosses attempts lost to device failures before the request ends with an error
   */
  public RequestProtocol(
      String requestId, Placement<D> placement, Tokenizer tokenizer, int maxDeviceLosses) {
    this.requestId = requestId;
    this.search = new DeviceSearch<>(requestId, placement, maxDeviceLosses);
    this.tokenizer = tokenizer;
  }

  /** Who waits for the request to become durable; told if it never does. */
  public Optional<C> submitter() {
    return submitter;
  }

  /** Requests that are part of this one and have not ended. */
  public int children() {
    return family.children();
  }

  /**
   * The journal was read.
   *
   * @param nowMillis milliseconds since the epoch
   */
  public Decision<C, D> recovered(RequestState state, long nowMillis) {
    if (state.isDeleted()) {
      return Decision.act(Effects::forget);
    }
    if (state.spec().isEmpty()) {
      return Decision.nothing();
    }
    RequestSpec spec = state.spec().get();
    if (!state.isUnfinished()) {
      return Decision.act(
          to -> {
            to.open(state);
            to.ended();
          });
    }
    stopStrings = Optional.of(new StopStrings(spec, tokenizer, state.tokens()));
    if (!state.paused() && state.epoch() > 0) {
      scheduler = search.newest(state).map(Target::scheduler);
      adopting = scheduler.isPresent();
    }
    return Decision.act(
        to -> {
          to.open(state);
          startDeadline(spec, nowMillis, to);
          joinParent(spec, to);
          if (!state.paused()) {
            expectProgress(spec, to);
          }
          if (adopting) {
            adopt(state, to);
          } else if (!state.paused()) {
            to.assignNow();
          }
        });
  }

  private static <C, D> void joinParent(RequestSpec spec, Effects<C, D> to) {
    if (!spec.scheduling().parent().isEmpty()) {
      to.joinParent(spec.scheduling().parent());
    }
  }

  private static <C, D> void expectProgress(RequestSpec spec, Effects<C, D> to) {
    to.progressWithin(spec.scheduling().noProgressMillis());
  }

  private void startDeadline(RequestSpec spec, long nowMillis, Effects<C, D> to) {
    if (spec.timeoutMillis() > 0) {
      // A clock that was set back gives no request more time than it asked for.
      long elapsed = Math.max(0, nowMillis - spec.submittedAtMillis());
      to.deadlineIn(Math.max(0, spec.timeoutMillis() - elapsed));
    }
  }

  /** A client submits the request. */
  public Decision<C, D> submit(RequestState state, RequestSpec spec, C client, long nowMillis) {
    if (state.spec().isPresent()) {
      boolean same = state.spec().get().isSameRequest(spec);
      return reply(client, same ? Answer.KNOWN : Answer.CONFLICT);
    }
    if (state.isDeleted()) {
      return deleted(client);
    }
    List<RequestEvent> events = new ArrayList<>();
    events.add(new RequestEvent.Accepted(spec));
    // One write for both where a device is known: a request costs one commit before it runs.
    Optional<Target<D>> target = search.first(spec).target();
    target.ifPresent(t -> events.add(search.assigned(1, 0, t)));
    submitter = Optional.of(client);
    return new Decision<>(
        events,
        (next, to) -> {
          submitter = Optional.empty();
          stopStrings = Optional.of(new StopStrings(spec, tokenizer, next.tokens()));
          to.open(next);
          to.accepted(next);
          to.reply(client, Answer.KNOWN);
          startDeadline(spec, nowMillis, to);
          joinParent(spec, to);
          expectProgress(spec, to);
          admitOrWait(next, target, to);
        });
  }

  /** A client asks whether there is such a request. */
  public Decision<C, D> find(RequestState state, C client) {
    return state.spec().isEmpty() ? unknown(client) : reply(client, Answer.KNOWN);
  }

  /**
   * A client deletes the request, which has to have ended: it is answered that it exists where it
   * has not.
   */
  public Decision<C, D> delete(RequestState state, C client) {
    if (state.isDeleted()) {
      return deleted(client);
    }
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    if (state.isUnfinished()) {
      return reply(client, Answer.KNOWN);
    }
    return new Decision<>(
        List.of(new RequestEvent.Deleted(requestId, state.epoch(), state.tokens().size())),
        (next, to) -> {
          to.forget();
          to.reply(client, Answer.DELETED);
          to.unneeded();
        });
  }

  private Decision<C, D> deleted(C client) {
    return Decision.act(
        to -> {
          to.reply(client, Answer.DELETED);
          to.unneeded();
        });
  }

  /**
   * A client ends the request and what is part of it; it is answered when all of that is durable.
   */
  public Decision<C, D> cancel(RequestState state, C client) {
    List<String> children = family.cancel();
    Decision<C, D> own = leaveFor(state, client, LetGo.CANCEL);
    if (children.isEmpty()) {
      return own;
    }
    if (!state.isUnfinished()) {
      waiting.add(client);
      return Decision.act(to -> children.forEach(to::cancelChild));
    }
    return new Decision<>(
        own.events(),
        (next, to) -> {
          children.forEach(to::cancelChild);
          own.whenDurable().accept(next, to);
        });
  }

  /**
   * The request that this one is part of was cancelled, and wants to hear when this one has ended.
   */
  public Decision<C, D> cancelWithParent(RequestState state, C parent) {
    if (state.spec().isEmpty()) {
      return unknown(parent);
    }
    boolean stays = state.spec().get().scheduling().keepWhenParentCancelled();
    return stays ? reply(parent, Answer.KNOWN) : cancel(state, parent);
  }

  /** A request that is about to be submitted asks for its place in the tree. */
  public Decision<C, D> place(RequestState state, C client) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    int depth = state.spec().get().scheduling().depth() + 1;
    String tenant = state.spec().get().scheduling().tenant();
    return Decision.act(to -> to.joined(client, tenant, depth, state.rootSubmittedAtMillis()));
  }

  /** A request is part of this one, and has not ended. */
  public Decision<C, D> childJoined(RequestState state, String child) {
    if (state.spec().isEmpty()) {
      return Decision.act(Effects::unneeded);
    }
    family.joined(child);
    boolean cancelled =
        state.finish().filter(end -> end.reason() == FinishReason.CANCELLED).isPresent()
            || leaving.filter(LetGo.CANCEL::equals).isPresent()
            || family.isLeaving();
    if (cancelled) {
      family.cancelled(child);
      return Decision.act(to -> to.cancelChild(child));
    }
    // It has ended and may have been forgotten since: its parent has to reach the child.
    return state.isUnfinished()
        ? Decision.nothing()
        : Decision.act(to -> joinParent(state.spec().orElseThrow(), to));
  }

  /** A request that is part of this one has ended, or stays though this one was cancelled. */
  public Decision<C, D> childLeft(RequestState state, String child) {
    family.left(child);
    if (state.spec().isEmpty() || state.isUnfinished()) {
      return Decision.nothing();
    }
    return Decision.act(
        to -> {
          leaveParent(state, to);
          answerWaiting(to);
        });
  }

  /** Who cancels the parent wants the end of all that is part of this request as well. */
  private void leaveParent(RequestState state, Effects<C, D> to) {
    String parent = state.spec().orElseThrow().scheduling().parent();
    if (!parent.isEmpty() && family.children() == 0) {
      to.leaveParent(parent);
    }
  }

  /** A client asks why the request waits. */
  public Decision<C, D> pendingReason(RequestState state, C client) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    return Decision.act(
        to -> {
          if (!state.isUnfinished()) {
            to.pending(client, "", "");
          } else if (state.paused()) {
            to.pending(client, "paused", "is paused until it is resumed");
          } else if (scheduler.isEmpty()) {
            to.pending(client, "no_device", "no device that serves its model takes it now");
          } else {
            to.askPending(scheduler.get(), client);
          }
        });
  }

  /** A client halts the request; it is answered when that is durable. */
  public Decision<C, D> pause(RequestState state, C client) {
    if (state.paused() && state.isUnfinished()) {
      return reply(client, Answer.KNOWN);
    }
    resumeAtOnce = false;
    return leaveFor(state, client, LetGo.PAUSE);
  }

  private Decision<C, D> leaveFor(RequestState state, C client, LetGo why) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    if (!state.isUnfinished()) {
      return family.isLeaving() ? Decision.nothing() : reply(client, Answer.KNOWN);
    }
    waiting.add(client);
    return leave(state, why);
  }

  /** A client lets a paused request go on. */
  public Decision<C, D> resume(RequestState state, C client) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    if (!state.paused() || !state.isUnfinished()) {
      resumeAtOnce = leaving.isPresent();
      return reply(client, Answer.KNOWN);
    }
    List<RequestEvent> events = new ArrayList<>();
    int index = state.tokens().size();
    events.add(new RequestEvent.Resumed(requestId, state.epoch(), index));
    Optional<Target<D>> target = search.next(state).target();
    target.ifPresent(t -> events.add(search.assigned(state.epoch() + 1, index, t)));
    return new Decision<>(
        events,
        (next, to) -> {
          to.publish(next);
          to.reply(client, Answer.KNOWN);
          expectProgress(next.spec().orElseThrow(), to);
          admitOrWait(next, target, to);
        });
  }

  /** The request's time is over. */
  public Decision<C, D> deadline(RequestState state) {
    return state.isUnfinished() ? leave(state, LetGo.TIMEOUT) : Decision.nothing();
  }

  /** No token was committed for as long as the request allows. */
  public Decision<C, D> noProgress(RequestState state) {
    if (!state.isUnfinished() || state.paused()) {
      return Decision.nothing();
    }
    stalled = true;
    return leave(state, LetGo.TIMEOUT);
  }

  private String timeout(RequestSpec spec) {
    return stalled
        ? "no token came for " + spec.scheduling().noProgressMillis() + " ms"
        : "its time of " + spec.timeoutMillis() + " ms was over";
  }

  private Decision<C, D> leave(RequestState state, LetGo why) {
    leaving = Optional.of(leaving.map(why::or).orElse(why));
    return scheduler.isEmpty()
        ? left(state)
        : Decision.act(to -> to.leave(scheduler.get(), state.epoch(), why));
  }

  /** A scheduler has let go of an epoch. */
  public Decision<C, D> released(RequestState state, int epoch, LetGo why) {
    if (!state.isUnfinished() || state.paused() || epoch != state.epoch()) {
      return Decision.nothing();
    }
    leaving = Optional.of(leaving.map(why::or).orElse(why));
    return left(state);
  }

  /** Nothing of the request is on a device, and it wanted to leave. */
  private Decision<C, D> left(RequestState state) {
    LetGo why = leaving.orElseThrow();
    scheduler = Optional.empty();
    adopting = false;
    switch (why) {
      case CANCEL:
        return finish(state, FinishReason.CANCELLED, "cancelled");
      case TIMEOUT:
        return finish(state, FinishReason.TIMEOUT, timeout(state.spec().orElseThrow()));
      case MOVE:
        leaving = Optional.empty();
        return assign(state, search.elsewhere(state, false));
      default:
        leaving = Optional.empty();
    }
    if (resumeAtOnce) {
      resumeAtOnce = false;
      Decision<C, D> again = assign(state, search.next(state));
      return new Decision<>(
          again.events(),
          (next, to) -> {
            again.whenDurable().accept(next, to);
            answerWaiting(to);
          });
    }
    RequestEvent paused = new RequestEvent.Paused(requestId, state.epoch(), state.tokens().size());
    return new Decision<>(
        List.of(paused),
        (next, to) -> {
          to.progressWithin(0);
          to.publish(next);
          answerWaiting(to);
        });
  }

  /** A device lost an epoch. */
  public Decision<C, D> deviceLost(RequestState state, int epoch) {
    if (!state.isUnfinished() || state.paused() || epoch != state.epoch()) {
      return Decision.nothing();
    }
    scheduler = Optional.empty();
    adopting = false;
    if (leaving.isPresent()) {
      return left(state);
    }
    if (!search.lost(state)) {
      return finish(
          state,
          FinishReason.ERROR,
          "the device failed " + search.losses() + " times while it ran this request");
    }
    return assign(state, search.next(state));
  }

  /** A scheduler gave an epoch's slot to others; it has to be admitted again. */
  public Decision<C, D> evicted(RequestState state, int epoch) {
    if (!state.isUnfinished() || state.paused() || epoch != state.epoch()) {
      return Decision.nothing();
    }
    scheduler = Optional.empty();
    adopting = false;
    return leaving.isPresent() ? left(state) : assign(state, search.next(state));
  }

  /** A scheduler is gone, with its device. */
  public Decision<C, D> schedulerGone(RequestState state, D gone) {
    return scheduler.filter(gone::equals).isPresent()
        ? deviceLost(state, state.epoch())
        : Decision.nothing();
  }

  /**
   * A scheduler does not answer, or is no longer listed. If another device takes the request, it
   * goes on there under an epoch of its own; what the other may still send is dropped.
   */
  public Decision<C, D> schedulerAway(RequestState state, D away) {
    if (!state.isUnfinished() || state.paused() || scheduler.filter(away::equals).isEmpty()) {
      return Decision.nothing();
    }
    int epoch = state.epoch();
    if (leaving.isPresent()) {
      Decision<C, D> left = left(state);
      return new Decision<>(
          left.events(),
          (next, to) -> {
            to.release(away, epoch);
            left.whenDurable().accept(next, to);
          });
    }
    Choice<D> choice = search.elsewhere(state, false);
    choice.target().ifPresent(found -> search.avoid(state));
    return move(state, away, choice);
  }

  /**
   * A scheduler that is to be emptied asks for an epoch to go elsewhere. It stays where no other
   * device of its numerics version takes it.
   */
  public Decision<C, D> move(RequestState state, D from, int epoch) {
    if (!state.isUnfinished() || state.paused() || epoch != state.epoch()) {
      return Decision.act(to -> to.release(from, epoch));
    }
    return leaving.isPresent() || scheduler.filter(from::equals).isEmpty()
        ? Decision.nothing()
        : move(state, from, search.elsewhere(state, true));
  }

  private Decision<C, D> move(RequestState state, D from, Choice<D> choice) {
    if (choice.target().isEmpty()) {
      return Decision.nothing();
    }
    adopting = false;
    int epoch = state.epoch();
    Target<D> target = choice.target().get();
    return new Decision<>(
        List.of(search.assigned(epoch + 1, state.tokens().size(), target)),
        (next, to) -> {
          to.publish(next);
          to.release(from, epoch);
          admitOrWait(next, choice.target(), to);
        });
  }

  /** A client changes the request's urgency; it is answered when that is durable. */
  public Decision<C, D> prioritize(RequestState state, Band band, C client) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    if (!state.isUnfinished() || state.band() == band) {
      return reply(client, Answer.KNOWN);
    }
    int index = state.tokens().size();
    return new Decision<>(
        List.of(new RequestEvent.Prioritized(requestId, state.epoch(), index, band)),
        (next, to) -> {
          to.publish(next);
          scheduler.ifPresent(chosen -> to.prioritize(chosen, next.epoch(), band));
          to.reply(client, Answer.KNOWN);
        });
  }

  /** A client asks why the request is where it is. */
  public Decision<C, D> explain(RequestState state, C client) {
    if (state.spec().isEmpty()) {
      return unknown(client);
    }
    List<Verdict> now = state.isUnfinished() ? search.verdictsNow(state) : List.of();
    return Decision.act(to -> to.explain(client, state, search.lastVerdicts(), now));
  }

  /** A scheduler still runs an epoch and goes on with it. */
  public Decision<C, D> adopted(RequestState state, int epoch) {
    if (epoch == state.epoch()) {
      adopting = false;
    }
    return Decision.nothing();
  }

  /**
   * Time has passed: where nothing has come since the last time, asks what became of it; and tells
   * the parent again, which may have come back to life.
   */
  public Decision<C, D> check(RequestState state) {
    Decision<C, D> progress = checkProgress(state);
    if (!state.isUnfinished()) {
      return progress;
    }
    return new Decision<>(
        progress.events(),
        (next, to) -> {
          joinParent(next.spec().orElseThrow(), to);
          progress.whenDurable().accept(next, to);
        });
  }

  private Decision<C, D> checkProgress(RequestState state) {
    if (!state.isUnfinished() || state.paused() || scheduler.isEmpty()) {
      return Decision.nothing();
    }
    int tokens = state.tokens().size();
    boolean stands = checkedEpoch == state.epoch() && checkedTokens == tokens;
    checkedEpoch = state.epoch();
    checkedTokens = tokens;
    if (!stands) {
      return Decision.nothing();
    }
    adopting = true;
    return Decision.act(to -> adopt(state, to));
  }

  private void adopt(RequestState state, Effects<C, D> to) {
    to.adopt(scheduler.orElseThrow(), state.epoch(), state.tokens().size(), state.band());
  }

  /** A scheduler does not run an epoch, or did not say that it does. */
  public Decision<C, D> notHeld(RequestState state, int epoch) {
    if (!adopting || !state.isUnfinished() || epoch != state.epoch()) {
      return Decision.nothing();
    }
    adopting = false;
    scheduler = Optional.empty();
    return leaving.isPresent() ? left(state) : assign(state, search.next(state));
  }

  /** It is time to look for a device. */
  public Decision<C, D> assignDue(RequestState state) {
    return state.isUnfinished() && !state.paused() && scheduler.isEmpty()
        ? assign(state, search.next(state))
        : Decision.nothing();
  }

  private Decision<C, D> assign(RequestState state, Choice<D> choice) {
    int known = state.spec().orElseThrow().promptTokens().length + state.tokens().size();
    Optional<Target<D>> target = choice.target();
    if (target.isEmpty() && choice.longest().isPresent()) {
      return finish(
          state,
          FinishReason.ERROR,
          "the request has "
              + known
              + " tokens, more than the "
              + choice.longest().getAsInt()
              + " that the device takes now");
    }
    if (target.isEmpty()) {
      return Decision.act(Effects::assignLater);
    }
    RequestEvent event = search.assigned(state.epoch() + 1, state.tokens().size(), target.get());
    return new Decision<>(
        List.of(event),
        (next, to) -> {
          to.publish(next);
          admitOrWait(next, target, to);
        });
  }

  private void admitOrWait(RequestState state, Optional<Target<D>> target, Effects<C, D> to) {
    scheduler = target.map(Target::scheduler);
    scheduler.ifPresentOrElse(chosen -> to.admit(chosen, state.admission()), to::assignLater);
  }

  /** A scheduler hands over tokens. */
  public Decision<C, D> generated(RequestState state, D from, Handover handover) {
    if (!state.isNext(handover)) {
      return stale(state, from, handover);
    }
    adopting = false;
    int kept = stopStrings.orElseThrow().take(handover.tokens());
    boolean stopped = stopStrings.get().found();
    return new Decision<>(
        state.commit(handover, kept, stopped),
        (next, to) -> {
          // Readers have the tokens before the device is told so: a pause that it confirms is one
          // after which no token comes.
          to.publish(next);
          boolean asHandedOver =
              kept == handover.tokens().length
                  && next.finish().isPresent() == handover.end().isPresent();
          if (asHandedOver) {
            to.acknowledge(from, next.epoch(), next.tokens().size());
          } else {
            to.release(from, next.epoch());
          }
          to.measure(handover.firstIndex(), kept);
          if (kept > 0) {
            expectProgress(next.spec().orElseThrow(), to);
          }
          if (next.finish().isPresent()) {
            end(next, to);
          }
        });
  }

  /** Drops tokens, and tells who sent them what to do with the rest. */
  private Decision<C, D> stale(RequestState state, D from, Handover handover) {
    boolean current = state.isUnfinished() && !state.paused() && handover.epoch() == state.epoch();
    return Decision.act(
        to -> {
          to.stale(state, handover, state.contradicts(handover));
          if (current) {
            to.acknowledge(from, state.epoch(), state.tokens().size());
          } else {
            to.release(from, handover.epoch());
          }
        });
  }

  private Decision<C, D> finish(RequestState state, FinishReason reason, String detail) {
    RequestEvent event =
        new RequestEvent.Finished(requestId, state.epoch(), state.tokens().size(), reason, detail);
    return new Decision<>(
        List.of(event),
        (next, to) -> {
          to.publish(next);
          end(next, to);
        });
  }

  private void end(RequestState state, Effects<C, D> to) {
    leaveParent(state, to);
    answerWaiting(to);
    scheduler = Optional.empty();
    stopStrings = Optional.empty();
    leaving = Optional.empty();
    to.ended();
  }

  private void answerWaiting(Effects<C, D> to) {
    if (family.isLeaving()) {
      return;
    }
    waiting.forEach(client -> to.reply(client, Answer.KNOWN));
    waiting.clear();
  }

  private Decision<C, D> reply(C client, Answer answer) {
    return Decision.act(to -> to.reply(client, answer));
  }

  private Decision<C, D> unknown(C client) {
    return Decision.act(
        to -> {
          to.reply(client, Answer.UNKNOWN);
          to.unneeded();
        });
  }
}
