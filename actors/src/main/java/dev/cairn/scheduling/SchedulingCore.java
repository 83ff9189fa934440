package dev.cairn.scheduling;

import dev.cairn.device.Step;
import dev.cairn.device.StepResult;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * Continuous batching for one device.
 *
 * <p>The caller drives it: {@link #plan()} while steps may be submitted, {@link #complete} with
 * each result, and after either {@link #handOvers}, {@link #takeReleased()} and {@link
 * #takeFrees()}.
 */
public final class SchedulingCore {
  private final SchedulingLimits limits;
  private final IntPredicate endsGeneration;
  private final BlockPool pool;
  private final SlotTable slots;
  private final CommitWindow window;
  private final StepPlanner planner;
  private final Map<String, Sequence> sequences = new HashMap<>();

  /** Cancelled sequences that a step in flight still holds. */
  private final Map<String, Sequence> leaving = new HashMap<>();

  private final Deque<Planned> inFlight = new ArrayDeque<>();
  private final HandOverQueue handOvers;
  private List<Released> released = new ArrayList<>();
  private long nextKey;
  private long nextStep;
  private long staleResults;

  private record Planned(long stepId, List<StepPlanner.Row> rows) {}

  /** A request that a scheduler has let go of after {@link #cancel}. */
  public record Released(String requestId, int epoch) {}

  /**
   * @param limits bounds
   * @param endsGeneration tells the tokens with which a model says that it has finished
   */
  public SchedulingCore(SchedulingLimits limits, IntPredicate endsGeneration) {
    this.limits = limits;
    this.endsGeneration = endsGeneration;
    this.pool = new BlockPool(limits.kvBlocks());
    this.slots = new SlotTable(limits.maxSlots());
    this.window = new CommitWindow(limits);
    this.planner = new StepPlanner(limits, pool, slots, window);
    this.handOvers = new HandOverQueue(limits.maxHandOvers());
  }

  /**
   * Takes a request in. An epoch that is not newer than the one known is dropped and counted; a
   * newer one replaces it.
   *
   * @return whether it was taken in
   */
  public boolean admit(Admission admission) {
    if (admission.tokens().length > limits.maxContext()) {
      throw new IllegalArgumentException(
          admission.requestId()
              + " has "
              + admission.tokens().length
              + " tokens, expected at most "
              + limits.maxContext());
    }
    Sequence known = sequences.get(admission.requestId());
    Sequence left = leaving.get(admission.requestId());
    if ((known != null && known.epoch >= admission.epoch())
        || (left != null && left.epoch >= admission.epoch())) {
      staleResults++;
      return false;
    }
    if (known != null) {
      abandon(known);
    }
    QueueKey key = new QueueKey(admission.band(), admission.submittedAtMillis(), nextKey++);
    Sequence sequence = new Sequence(admission, key, limits);
    sequences.put(sequence.requestId, sequence);
    if (sequence.wantsToken() || (sequence.isPromptOnly() && admission.promptLogprobs())) {
      planner.enqueue(sequence);
    } else {
      end(sequence, FinishReason.LENGTH, "");
    }
    return true;
  }

  /** The next step, or empty where nothing can run or enough steps are in flight. */
  public Optional<StepPlan> plan() {
    if (inFlight.size() >= limits.maxStepsInFlight()) {
      return Optional.empty();
    }
    List<StepPlan.Open> opens = new ArrayList<>();
    List<StepPlanner.Row> rows = planner.plan(opens);
    if (rows.isEmpty()) {
      return Optional.empty();
    }
    Step step = new Step(nextStep++, rows.stream().map(StepPlanner.Row::chunk).toList());
    inFlight.addLast(new Planned(step.id(), rows));
    return Optional.of(new StepPlan(slots.takeFrees(), opens, step));
  }

  /** What a step was. */
  public record Completed(int rows, int tokens) {}

  /**
   * Takes the result of the oldest step in flight.
   *
   * @return the step, or empty where the result is of another one and was dropped and counted
   */
  public Optional<Completed> complete(StepResult result) {
    Planned planned = inFlight.peekFirst();
    if (planned == null
        || planned.stepId() != result.id()
        || planned.rows().size() != result.outputs().size()) {
      staleResults++;
      return Optional.empty();
    }
    inFlight.removeFirst();
    window.stepTook(result.endNanos() - result.startNanos());
    handOvers.refill();
    int tokens = 0;
    for (int i = 0; i < planned.rows().size(); i++) {
      StepPlanner.Row row = planned.rows().get(i);
      tokens += row.chunk().count();
      row.sequence().stepsInFlight--;
      receive(row, result.outputs().get(i));
      settle(row.sequence());
    }
    return Optional.of(new Completed(planned.rows().size(), tokens));
  }

  private void receive(StepPlanner.Row row, StepResult.Output output) {
    Sequence sequence = row.sequence();
    if (sequence.state == Sequence.State.ENDED || sequence.state == Sequence.State.ABANDONED) {
      return;
    }
    if (output.status() != StepResult.Status.OK) {
      end(sequence, FinishReason.ERROR, "the model computed values that are not finite numbers");
      return;
    }
    int after = row.chunk().start() + row.chunk().count();
    sequence.publishBlocks(pool, after / limits.blockTokens());
    sequence.appendPromptLogprobs(row.chunk().start(), output.promptLogprobs());
    if (row.chunk().sample()) {
      if (after - sequence.promptLength != sequence.received) {
        throw new IllegalStateException(
            "token "
                + (after - sequence.promptLength)
                + " of "
                + sequence.requestId
                + " came, expected token "
                + sequence.received);
      }
      sequence.appendToTail(output.token(), output.logprobs());
      if (!sequence.ignoreEos && endsGeneration.test(output.token())) {
        end(sequence, FinishReason.STOP, "");
      } else if (after + 1 == sequence.maxLength) {
        end(sequence, FinishReason.LENGTH, "");
      }
      handOvers.offer(sequence);
    } else if (sequence.isPromptOnly() && after == sequence.length) {
      end(sequence, FinishReason.LENGTH, "");
    }
  }

  private void end(Sequence sequence, FinishReason reason, String detail) {
    planner.remove(sequence);
    sequence.state = Sequence.State.ENDED;
    sequence.end = Optional.of(new Handover.End(reason, detail));
    handOvers.offer(sequence);
  }

  /** Gives back what a sequence no longer needs, once no step in flight uses it. */
  private void settle(Sequence sequence) {
    if (sequence.stepsInFlight > 0) {
      return;
    }
    switch (sequence.state) {
      case YIELDING -> planner.finishYield(sequence);
      case ENDED -> giveBack(sequence);
      case ABANDONED -> {
        giveBack(sequence);
        if (leaving.remove(sequence.requestId, sequence)) {
          released.add(new Released(sequence.requestId, sequence.epoch));
        }
      }
      case WAITING, RUNNING -> {
        // keeps what it has
      }
    }
  }

  private void giveBack(Sequence sequence) {
    sequence.giveBlocks(pool);
    if (sequence.slot >= 0) {
      slots.give(sequence.slot);
      sequence.slot = -1;
    }
  }

  private void abandon(Sequence sequence) {
    sequences.remove(sequence.requestId, sequence);
    planner.remove(sequence);
    sequence.state = Sequence.State.ABANDONED;
    sequence.dropTail();
    sequence.end = Optional.empty();
    settle(sequence);
  }

  /**
   * Tokens to hand over now. Each names a commit that its owner has to acknowledge with {@link
   * #committed} or {@link #release}.
   */
  public List<Handover> handOvers(long nowNanos) {
    return handOvers.take(nowNanos, inFlight.isEmpty());
  }

  /**
   * The owner made tokens durable.
   *
   * @param nextIndex number of tokens of the output that are committed
   * @return whether that was the end of it and nothing of the request is left here
   */
  public boolean committed(String requestId, int epoch, int nextIndex, long nowNanos) {
    Sequence sequence = sequences.get(requestId);
    if (sequence == null
        || sequence.epoch != epoch
        || sequence.commitInFlight == null
        || sequence.handedOver != nextIndex) {
      staleResults++;
      return false;
    }
    sequence.commitInFlight = null;
    sequence.committed = nextIndex;
    window.commitTook(nowNanos - sequence.handedOverAtNanos);
    if (sequence.isHandedOver()) {
      sequences.remove(requestId, sequence);
      return true;
    }
    handOvers.offer(sequence);
    return false;
  }

  /**
   * A new owner of a request asks to go on with an epoch that may still be here. Tokens that were
   * handed to the owner before it and that it does not have are handed over again.
   *
   * @param nextIndex number of tokens of the output that are committed
   * @return whether the epoch is here and goes on; if not, nothing of it is here any more
   */
  public boolean adopt(String requestId, int epoch, int nextIndex, long nowNanos) {
    Sequence sequence = sequences.get(requestId);
    if (sequence == null || sequence.epoch != epoch) {
      return false;
    }
    if (nextIndex == sequence.committed) {
      handOvers.repeat(sequence, nowNanos);
      return true;
    }
    if (sequence.commitInFlight != null
        && nextIndex == sequence.handedOver
        && !sequence.isHandedOver()) {
      committed(requestId, epoch, nextIndex, nowNanos);
      return true;
    }
    abandon(sequence);
    return false;
  }

  /** The owner ended the request itself; a no-op where this epoch is not here. */
  public void release(String requestId, int epoch) {
    Sequence sequence = sequences.get(requestId);
    if (sequence != null && sequence.epoch == epoch) {
      abandon(sequence);
    }
  }

  /**
   * Moves a request to another place in the order of service: out, and in again under a key of its
   * own. What runs goes on. A no-op where this epoch is not here.
   */
  public void prioritize(String requestId, int epoch, Band band) {
    Sequence sequence = sequences.get(requestId);
    if (sequence != null && sequence.epoch == epoch && sequence.key.band() != band) {
      planner.rekey(sequence, sequence.key.in(band));
    }
  }

  /** Whether this epoch is here and more is to be computed of it. */
  public boolean generates(String requestId, int epoch) {
    Sequence sequence = sequences.get(requestId);
    return sequence != null && sequence.epoch == epoch && sequence.outstanding() > 0;
  }

  /** Hands over again what no owner has acknowledged for so long. */
  public void repeatOverdue(long nowNanos, long patienceNanos) {
    for (Sequence sequence : sequences.values()) {
      if (nowNanos - sequence.handedOverAtNanos >= patienceNanos) {
        handOvers.repeat(sequence, nowNanos);
      }
    }
  }

  /**
   * Lets go of a request.
   *
   * @param newestEpoch a newer one stays
   * @return whether it is here; then {@link #takeReleased()} names it when no step holds it any
   *     more
   */
  public boolean cancel(String requestId, int newestEpoch) {
    Sequence sequence = sequences.get(requestId);
    if (sequence == null || sequence.epoch > newestEpoch) {
      return leaving.containsKey(requestId);
    }
    leaving.put(requestId, sequence);
    abandon(sequence);
    return true;
  }

  /** Cancelled requests that the device has let go of since the last call. */
  public List<Released> takeReleased() {
    List<Released> taken = released;
    released = new ArrayList<>();
    return taken;
  }

  /** Slots to empty now because no step is planned that would carry them. */
  public List<Integer> takeFrees() {
    return slots.takeFrees();
  }

  /**
   * The device lost all its slots. Sequences that were on it are forgotten: their owners admit them
   * again. What waits with its tokens, and what was generated to its end, stays.
   *
   * @return the sequences forgotten
   */
  public List<Released> deviceLost() {
    List<Released> lost = new ArrayList<>();
    for (Planned planned : inFlight) {
      planned.rows().forEach(row -> row.sequence().stepsInFlight--);
      planned.rows().forEach(row -> settle(row.sequence()));
    }
    inFlight.clear();
    for (Sequence sequence : List.copyOf(sequences.values())) {
      if (sequence.slot >= 0) {
        lost.add(new Released(sequence.requestId, sequence.epoch));
        abandon(sequence);
      }
    }
    slots.reset();
    pool.forgetAll();
    return lost;
  }

  /** Tokens that the sequences known may still need, prompts and outputs together. */
  public long outstandingTokens() {
    return sequences.values().stream().mapToLong(Sequence::outstanding).sum();
  }

  public SchedulingStats stats() {
    return new SchedulingStats(
        planner.waiting(),
        planner.running(),
        sequences.size(),
        slots.inUse(),
        pool.total() - pool.available(),
        pool.total(),
        inFlight.size(),
        window.tokens(),
        planner.preemptions(),
        staleResults,
        pool.cached(),
        planner.sharedTokens());
  }
}
