package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

/**
 * Decides what the next step holds: first a decode row of every sequence that can go on, then
 * prefill, in order of service, in chunks that fill the step. A sequence that needs a block where
 * none is free makes the lowest one in order yield its blocks, which computes its keys and values
 * again later; never one that stands before it.
 */
final class StepPlanner {
  private static final Comparator<Sequence> BY_KEY = Comparator.comparing(s -> s.key);

  private final SchedulingLimits limits;
  private final BlockPool pool;
  private final SlotTable slots;
  private final CommitWindow window;
  private final NavigableSet<Sequence> waiting = new TreeSet<>(BY_KEY);
  private final NavigableSet<Sequence> running = new TreeSet<>(BY_KEY);
  private long preemptions;
  private long sharedTokens;

  /** Sequences of this plan that lack a block. */
  private int blocksMissing;

  StepPlanner(SchedulingLimits limits, BlockPool pool, SlotTable slots, CommitWindow window) {
    this.limits = limits;
    this.pool = pool;
    this.slots = slots;
    this.window = window;
  }

  /** A row of a planned step: which sequence, and its chunk. */
  record Row(Sequence sequence, Chunk chunk) {}

  /**
   * The only way into the queue, for new sequences and for those that yielded. Entering twice is
   * once.
   */
  void enqueue(Sequence sequence) {
    running.remove(sequence);
    sequence.state = Sequence.State.WAITING;
    waiting.add(sequence);
  }

  /** Takes a sequence out of the order; a no-op where it is not in it. */
  void remove(Sequence sequence) {
    waiting.remove(sequence);
    running.remove(sequence);
  }

  /** Removes a sequence and inserts it under another key, where it was. */
  void rekey(Sequence sequence, QueueKey key) {
    boolean wasWaiting = waiting.remove(sequence);
    boolean wasRunning = running.remove(sequence);
    sequence.key = key;
    if (wasWaiting) {
      waiting.add(sequence);
    } else if (wasRunning) {
      running.add(sequence);
    }
  }

  int waiting() {
    return waiting.size();
  }

  int running() {
    return running.size();
  }

  long preemptions() {
    return preemptions;
  }

  /** Tokens that were not computed because a cached block holds their keys and values. */
  long sharedTokens() {
    return sharedTokens;
  }

  /**
   * Plans a step and takes it as submitted.
   *
   * @param opens receives the slots to open before the step
   * @return rows in order of service, decode first; empty where nothing can run
   */
  List<Row> plan(List<StepPlan.Open> opens) {
    List<Row> rows = new ArrayList<>();
    blocksMissing = 0;
    int budget = limits.maxBatchTokens();
    for (Sequence sequence : List.copyOf(running)) {
      if (sequence.pending() == 1 && canRun(sequence) && coverNext(sequence)) {
        rows.add(take(sequence, 1));
        budget--;
      }
    }
    for (Sequence sequence : running) {
      if (budget > 0 && sequence.pending() > 1 && canRun(sequence)) {
        budget -= prefill(sequence, budget, rows);
      }
    }
    while (budget > 0 && canAdmitNext()) {
      budget -= prefill(admitNext(opens), budget, rows);
    }
    return rows;
  }

  private int prefill(Sequence sequence, int budget, List<Row> rows) {
    int count = Math.min(budget, sequence.pending());
    rows.add(take(sequence, count));
    return count;
  }

  private Row take(Sequence sequence, int count) {
    int start = sequence.computed;
    boolean sample = start + count == sequence.length && sequence.wantsToken();
    int firstBlock = sequence.blocksOnDevice();
    int[] blocks = sequence.blocksUpTo(limits.blocksFor(start + count));
    sequence.computed += count;
    sequence.stepsInFlight++;
    if (sample) {
      sequence.length++;
    }
    return new Row(sequence, new Chunk(sequence.slot, start, count, sample, firstBlock, blocks));
  }

  private boolean canRun(Sequence sequence) {
    if (sequence.state != Sequence.State.RUNNING) {
      return false;
    }
    return sequence.wantsToken()
        ? sequence.uncommitted() < window.tokens()
        : sequence.isPromptOnly() && sequence.pending() > 0;
  }

  /** Whether the KV store has room for the next position; where not, somebody may have to yield. */
  private boolean coverNext(Sequence sequence) {
    if (sequence.blockCount() * limits.blockTokens() > sequence.computed) {
      return true;
    }
    // A victim whose blocks others share too may yield none, so one may not be enough.
    while (pool.available() == 0 && blocksMissing >= blocksPromised()) {
      Sequence victim = lowestAfter(sequence);
      if (victim == null) {
        break;
      }
      preempt(victim);
    }
    if (pool.available() == 0) {
      blocksMissing++;
      return false;
    }
    sequence.addBlock(pool.take());
    return true;
  }

  /** Blocks that become available when all that yield have done so. */
  private int blocksPromised() {
    Map<Integer, Integer> references = new HashMap<>();
    for (Sequence sequence : running) {
      for (int i = 0; sequence.state == Sequence.State.YIELDING && i < sequence.blockCount(); i++) {
        references.merge(sequence.block(i), 1, Integer::sum);
      }
    }
    return (int)
        references.entrySet().stream()
            .filter(block -> block.getValue() == pool.references(block.getKey()))
            .count();
  }

  private Sequence lowestAfter(Sequence preemptor) {
    for (Sequence candidate : running.descendingSet()) {
      if (candidate == preemptor) {
        return null;
      }
      if (candidate.state == Sequence.State.RUNNING && candidate.blockCount() > 0) {
        return candidate;
      }
    }
    return null;
  }

  private void preempt(Sequence victim) {
    preemptions++;
    victim.state = Sequence.State.YIELDING;
    if (victim.stepsInFlight == 0) {
      finishYield(victim);
    }
  }

  /** The steps in flight of a yielding sequence have ended. */
  void finishYield(Sequence victim) {
    victim.giveBlocks(pool);
    enqueue(victim);
  }

  /**
   * The next in order is admitted when all that is known of it fits, with a block to spare for each
   * that runs: an admission that brought the next preemption would waste both.
   */
  private boolean canAdmitNext() {
    if (waiting.isEmpty()) {
      return false;
    }
    Sequence next = waiting.first();
    return (next.slot >= 0 || slots.hasFree())
        && next.uncommitted() < window.tokens()
        && fits(next);
  }

  private boolean fits(Sequence next) {
    int shared = next.sharable(pool, limits.blockTokens());
    int available = pool.available();
    for (int i = 0; i < shared; i++) {
      if (pool.isUnreferenced(next.sharedBlock(pool, i))) {
        available--;
      }
    }
    return available >= limits.blocksFor(next.length) - shared + running.size();
  }

  private Sequence admitNext(List<StepPlan.Open> opens) {
    Sequence next = waiting.pollFirst();
    running.add(next);
    next.state = Sequence.State.RUNNING;
    int shared = next.sharable(pool, limits.blockTokens());
    next.shareBlocks(pool, shared, limits.blockTokens());
    sharedTokens += next.computed;
    while (next.blockCount() < limits.blocksFor(next.length)) {
      next.addBlock(pool.take());
    }
    if (next.slot < 0) {
      next.slot = slots.take();
      opens.add(new StepPlan.Open(next.slot, next.unopened));
      next.unopened = null;
    }
    return next;
  }
}
