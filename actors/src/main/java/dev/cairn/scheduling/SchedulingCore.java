package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.Step;
import dev.cairn.device.StepResult;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;

/**
 * Continuous batching for one device.
 *
 * <p>The caller drives it: {@link #plan()} while steps may be submitted, {@link #complete} with
 * each result, and after either {@link #handOvers}, {@link #takeReleased()} and {@link
 * #takeFrees()}.
 */
public final class SchedulingCore {
  private static final int MOST_EXPLAINED = 256;

  private final SchedulingLimits limits;
  private final SchedulingPolicy policy;
  private final BlockPool pool;
  private final SlotTable slots;
  private final CommitWindow window;
  private final WaitingQueue queue;
  private final Arrivals arrivals;
  private final Running running = new Running();
  private final Residency residency;
  private final StepPlanner planner;
  private final Explanation explanation;
  private final Map<String, Sequence> sequences = new HashMap<>();

  /** Cancelled sequences that a step in flight still holds. */
  private final Map<String, Sequence> leaving = new HashMap<>();

  private final Deque<Planned> inFlight = new ArrayDeque<>();
  private final HandOverQueue handOvers;
  private final Guide.Factory guides;
  private final Endings endings;
  private final StepCharges charges;
  private final StepReceipt receipt;
  private List<Released> released = new ArrayList<>();
  private List<Released> evicted = new ArrayList<>();
  private boolean isHeld;

  /** Positions that the sequences which generate may reach, all together. */
  private long promisedTokens;

  private long nowNanos;
  private long nextKey;
  private long nextStep;
  private long staleResults;

  private record Planned(long stepId, List<StepPlanner.Row> rows) {}

  /** A request that a scheduler has let go of after {@link #cancel}. */
  public record Released(String requestId, int epoch) {}

  /**
   * @param limits bounds
   * @param policy how it chooses among those that wait
   * @param endsGeneration tells the tokens with which a model says that it has finished
   */
  public SchedulingCore(
      SchedulingLimits limits, SchedulingPolicy policy, IntPredicate endsGeneration) {
    this(
        limits,
        policy,
        endsGeneration,
        (admission, most) -> {
          throw new IllegalArgumentException(
              admission.requestId() + " has a grammar, and nothing here can hold it to one");
        });
  }

  /**
   * @param guides makes the guides of requests whose output is held to a language
   */
  public SchedulingCore(
      SchedulingLimits limits,
      SchedulingPolicy policy,
      IntPredicate endsGeneration,
      Guide.Factory guides) {
    this.guides = guides;
    this.limits = limits;
    this.policy = policy;
    this.pool = new BlockPool(limits.kvBlocks());
    this.slots = new SlotTable(limits.maxSlots());
    this.window = new CommitWindow(limits);
    StepTimes times = new StepTimes(policy.latencyFactor(), policy.minChunk());
    this.queue = new WaitingQueue(policy);
    this.arrivals = new Arrivals(limits, policy, queue);
    this.residency = new Residency(limits, policy, pool, slots, window, queue, running, times);
    this.planner = new StepPlanner(limits, policy, pool, window, queue, running, residency, times);
    this.explanation = new Explanation(policy, pool, queue, arrivals, residency, running);
    this.handOvers = new HandOverQueue(limits.maxHandOvers());
    this.endings = new Endings(endsGeneration, this::end);
    this.charges = new StepCharges(times, queue);
    this.receipt = new StepReceipt(limits, pool, handOvers, endings);
  }

  /**
   * Takes a request in. An epoch that is not newer than the one known is dropped and counted; a
   * newer one replaces it.
   *
   * @return whether it was taken in
   */
  public boolean admit(Admission admission, long nowNanos) {
    if (admission.tokens().length > limits.maxContext()) {
      throw new IllegalArgumentException(
          admission.requestId()
              + " has "
              + admission.tokens().length
              + " tokens, expected at most "
              + limits.maxContext());
    }
    this.nowNanos = nowNanos;
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
    Standing standing = admission.standing();
    Tenant tenant = queue.enter(standing.tenant(), standing.weight());
    QueueKey key =
        new QueueKey(
            tenant.lane(standing.band()).band,
            standing.depth(),
            standing.rootSubmittedAtMillis(),
            admission.submittedAtMillis(),
            nextKey++);
    Sequence sequence = new Sequence(admission, key, tenant, limits, policy.lookUp(), nowNanos);
    if (admission.sampling().isConstrained()) {
      sequence.guide = guides.of(admission, sequence.maxLength - sequence.promptLength);
      endings.guided(sequence);
    }
    sequences.put(sequence.requestId, sequence);
    promisedTokens += sequence.maxLength;
    tenant.live++;
    boolean readsPrompt = admission.promptLogprobs() || sequence.isPooled();
    if (sequence.wantsToken() || (sequence.isPromptOnly() && readsPrompt)) {
      for (Sequence impossible : arrivals.enter(sequence, nowNanos)) {
        end(impossible, FinishReason.ERROR, "its group is larger than the device can run at once");
      }
    } else {
      end(sequence, FinishReason.LENGTH, "");
    }
    return true;
  }

  /** The next step, or empty where nothing can run or enough steps are in flight. */
  public Optional<StepPlan> plan(long nowNanos) {
    this.nowNanos = nowNanos;
    queue.enterWindow(nowNanos);
    if (isHeld || inFlight.size() >= limits.maxStepsInFlight()) {
      return Optional.empty();
    }
    endings.endWhatLeadsNowhere();
    arrivals.admitOverdue(nowNanos);
    List<StepPlan.Open> opens = new ArrayList<>();
    List<StepPlanner.Row> rows = planner.plan(nowNanos, opens);
    for (Sequence sequence : residency.takeEvicted()) {
      evicted.add(new Released(sequence.requestId, sequence.epoch));
      abandon(sequence);
    }
    if (rows.isEmpty()) {
      return Optional.empty();
    }
    List<Chunk> chunks = new ArrayList<>(rows.size());
    for (StepPlanner.Row row : rows) {
      chunks.add(row.chunk());
    }
    Step step = new Step(nextStep++, chunks);
    inFlight.addLast(new Planned(step.id(), rows));
    return Optional.of(new StepPlan(slots.takeFrees(), opens, step));
  }

  /** Whether the device verifies drafts; until it is said, it does not. */
  public void mayDraft(boolean may) {
    planner.mayDraft(may);
  }

  /**
   * What a step was.
   *
   * @param rows chunks of prompt and decode rows
   * @param tokens that it computed, but for those of drafts that did not hold
   * @param drafted tokens of drafts
   * @param held of these, those that were drawn
   */
  public record Completed(int rows, int tokens, int drafted, int held) {}

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
    long nanos = Math.max(1, result.endNanos() - result.startNanos());
    window.stepTook(nanos);
    handOvers.refill();
    Completed completed = charges.of(planned.rows(), result.outputs(), nanos);
    for (int i = 0; i < planned.rows().size(); i++) {
      StepPlanner.Row row = planned.rows().get(i);
      row.sequence().stepsInFlight--;
      receipt.of(row, result.outputs().get(i), result.endNanos());
      settle(row.sequence());
    }
    return Optional.of(completed);
  }

  private void end(Sequence sequence, FinishReason reason, String detail) {
    leaveOrder(sequence);
    sequence.state = Sequence.State.ENDED;
    sequence.end = Optional.of(new Handover.End(reason, detail));
    handOvers.offer(sequence);
    settle(sequence);
  }

  private void leaveOrder(Sequence sequence) {
    if (sequence.isLive()) {
      promisedTokens -= sequence.maxLength;
      sequence.tenant.live--;
    }
    residency.remove(sequence, nowNanos);
  }

  /** Gives back what a sequence no longer needs, once no step in flight uses it. */
  private void settle(Sequence sequence) {
    if (sequence.stepsInFlight > 0) {
      return;
    }
    switch (sequence.state) {
      case YIELDING -> residency.finishYield(sequence, nowNanos);
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

  private void forget(Sequence sequence) {
    sequences.remove(sequence.requestId, sequence);
    arrivals.gone(sequence, nowNanos);
  }

  private void abandon(Sequence sequence) {
    leaveOrder(sequence);
    forget(sequence);
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
    if (!sequence.isPooled()) {
      window.commitTook(nowNanos - sequence.handedOverAtNanos);
    }
    this.nowNanos = nowNanos;
    if (sequence.isHandedOver()) {
      forget(sequence);
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

  /** Whether this epoch is here and more is to be computed of it. */
  public boolean generates(String requestId, int epoch) {
    Sequence sequence = sequences.get(requestId);
    return sequence != null && sequence.epoch == epoch && sequence.isLive();
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
   * Lets go of a request, and of all that is admitted with it.
   *
   * @param newestEpoch a newer one stays
   * @return the requests that leave, itself among them; {@link #takeReleased()} names each when no
   *     step holds it any more. Empty where it is not here
   */
  public List<String> cancel(String requestId, int newestEpoch) {
    Sequence sequence = sequences.get(requestId);
    if (sequence == null || sequence.epoch > newestEpoch) {
      return leaving.containsKey(requestId) ? List.of(requestId) : List.of();
    }
    List<Sequence> falling = sequence.othersOfGroup();
    falling.add(0, sequence);
    for (Sequence each : falling) {
      leaving.put(each.requestId, each);
      abandon(each);
    }
    return falling.stream().map(each -> each.requestId).toList();
  }

  /**
   * Changes the urgency of a request, and of all that is admitted with it; a no-op where it is not
   * here or generates no more.
   */
  public void prioritize(String requestId, int epoch, Band band) {
    Sequence sequence = sequences.get(requestId);
    if (sequence == null
        || sequence.epoch != epoch
        || !sequence.isLive()
        || sequence.band == band) {
      return;
    }
    Lane lane = sequence.tenant.lane(band);
    Ticket old = sequence.ticket;
    if (old == null) {
      sequence.band = band;
      sequence.key = sequence.key.with(lane.band);
      return;
    }
    old.members.forEach(member -> member.band = band);
    residency.replace(old, old.with(lane), arrivals, nowNanos);
  }

  /** Nothing of a tenant runs from the next step on, until {@link #letTenantGo}. */
  public void holdTenant(String tenant) {
    residency.yieldAll(queue.hold(tenant), nowNanos);
  }

  public void letTenantGo(String tenant) {
    queue.letGo(tenant);
  }

  /** No further step is planned, until it is said otherwise. */
  public void hold(boolean held) {
    isHeld = held;
  }

  /** Whether no further step is planned. */
  public boolean isHeld() {
    return isHeld;
  }

  /** Tenants of which nothing may run. */
  public Set<String> heldTenants() {
    Set<String> held = new TreeSet<>();
    for (Tenant tenant : queue.tenants()) {
      if (tenant.isHeld) {
        held.add(tenant.name);
      }
    }
    return held;
  }

  /** Whether nothing that may not run is in a step, or has tokens that are not committed. */
  public boolean isHalted() {
    if (isHeld && !inFlight.isEmpty()) {
      return false;
    }
    for (Sequence sequence : sequences.values()) {
      boolean held = isHeld || sequence.tenant.isHeld;
      if (held && (sequence.stepsInFlight > 0 || sequence.uncommitted() > 0)) {
        return false;
      }
    }
    return true;
  }

  /** Why a request waits; empty where it is not here or does not wait. */
  public Optional<PendingReason> pendingReason(String requestId, long nowNanos) {
    return Optional.ofNullable(sequences.get(requestId))
        .filter(sequence -> sequence.state == Sequence.State.WAITING)
        .map(sequence -> explanation.of(sequence, isHeld, nowNanos));
  }

  /**
   * How many sequences wait for which reason. Of a long queue the reasons of the first {@value
   * #MOST_EXPLAINED} that are come across are found out, and the others count as queued behind
   * them, so that looking costs the same whatever waits.
   */
  public Map<PendingReason.Code, Integer> waitingByReason(long nowNanos) {
    Map<PendingReason.Code, Integer> reasons = new EnumMap<>(PendingReason.Code.class);
    int explained = 0;
    for (Sequence sequence : sequences.values()) {
      if (explained == MOST_EXPLAINED) {
        break;
      }
      if (sequence.state == Sequence.State.WAITING) {
        explained++;
        reasons.merge(explanation.of(sequence, isHeld, nowNanos).code(), 1, Integer::sum);
      }
    }
    if (queue.waiting() > explained) {
      reasons.merge(PendingReason.Code.QUEUED, queue.waiting() - explained, Integer::sum);
    }
    return reasons;
  }

  /** Cancelled requests that the device has let go of since the last call. */
  public List<Released> takeReleased() {
    List<Released> taken = released;
    released = new ArrayList<>();
    return taken;
  }

  /**
   * Requests that waited with a slot of the device and lost it to others since the last call. Their
   * owners have to admit them again, under a new epoch.
   */
  public List<Released> takeEvicted() {
    List<Released> taken = evicted;
    evicted = new ArrayList<>();
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
    long computed = 0;
    for (int i = 0; i < running.size(); i++) {
      computed += running.get(i).computed;
    }
    return promisedTokens - computed;
  }

  /** Where each tenant stands that is known. */
  public List<TenantStats> tenants() {
    return queue.tenants().stream().map(Tenant::stats).toList();
  }

  /** Sessions with a turn here. */
  int sessions() {
    return arrivals.sessions();
  }

  /** Blocks that can be taken; all there are when nothing is here. */
  int available() {
    return pool.available();
  }

  public SchedulingStats stats() {
    return new SchedulingStats(
        queue.waiting(),
        running.size(),
        sequences.size(),
        slots.inUse(),
        pool.total() - pool.free(),
        pool.total(),
        inFlight.size(),
        window.tokens(),
        residency.preemptions(),
        staleResults,
        pool.cached(),
        residency.sharedTokens());
  }
}
