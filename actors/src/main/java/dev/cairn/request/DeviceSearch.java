package dev.cairn.request;

import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Need;
import dev.cairn.placement.Verdict;
import java.util.List;
import java.util.Optional;

/**
 * Looks for devices on behalf of one request, counts those that failed it, and remembers why it got
 * the last one.
 *
 * @param <D> what stands for a device's scheduler
 */
final class DeviceSearch<D> {
  private final String requestId;
  private final Placement<D> placement;
  private final int maxLosses;
  private int losses;
  private List<Verdict> lastVerdicts = List.of();

  DeviceSearch(String requestId, Placement<D> placement, int maxLosses) {
    this.requestId = requestId;
    this.placement = placement;
    this.maxLosses = maxLosses;
  }

  /** For a request that is about to be accepted. */
  Choice<D> first(RequestSpec spec) {
    return remembered(placement.choose(Need.of(spec)));
  }

  /** For the rest of a request. */
  Choice<D> next(RequestState state) {
    return remembered(placement.choose(need(state, "", false)));
  }

  /**
   * For the rest of a request that has a device.
   *
   * @param exact whether to stay where it is unless another device of its numerics version takes it
   */
  Choice<D> elsewhere(RequestState state, boolean exact) {
    return remembered(placement.choose(need(state, state.device(), exact)));
  }

  private Choice<D> remembered(Choice<D> choice) {
    lastVerdicts = choice.verdicts();
    return choice;
  }

  /** Reasons of the last choice; empty before the first. */
  List<Verdict> lastVerdicts() {
    return lastVerdicts;
  }

  /** What a choice would be made from now. */
  List<Verdict> verdictsNow(RequestState state) {
    return placement.explain(need(state, "", false));
  }

  /** The device that the newest attempt went to, while it serves the request's model. */
  Optional<Target<D>> newest(RequestState state) {
    return placement.named(state.device(), state.spec().orElseThrow());
  }

  /** Has others preferred to the request's device for a while. */
  void avoid(RequestState state) {
    placement.failed(state.device());
  }

  /** Counts a device that failed the request; whether it may have another one. */
  boolean lost(RequestState state) {
    avoid(state);
    return ++losses <= maxLosses;
  }

  int losses() {
    return losses;
  }

  RequestEvent.Assigned assigned(int epoch, int index, Target<D> target) {
    return new RequestEvent.Assigned(
        requestId, epoch, index, target.device(), target.numericsVersion());
  }

  /** The last attempt that is left to a request goes to whatever device there is. */
  private Need need(RequestState state, String except, boolean exact) {
    String numerics = losses < maxLosses ? state.numericsVersion() : "";
    return new Need(state.spec().orElseThrow(), state.tokens().size(), numerics, except, exact);
  }
}
