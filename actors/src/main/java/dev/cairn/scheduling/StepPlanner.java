package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Decides what the next step holds: first a decode row of every sequence that can go on, then
 * prefill, in chunks for which the running streams leave time. What waits is let in where it has
 * precedence over the prefill that is under way, or where that leaves room.
 */
final class StepPlanner {
  private static final int[] NO_DRAFT = {};

  /** Prefill goes to the most urgent band, then to the tenant that had least, then by key. */
  private static final Comparator<Sequence> BY_PRECEDENCE =
      (a, b) -> {
        int byLane = compare(a.ticket.lane, b.ticket.lane);
        return byLane != 0 ? byLane : a.key.compareTo(b.key);
      };

  private final SchedulingLimits limits;
  private final SchedulingPolicy policy;
  private final BlockPool pool;
  private final CommitWindow window;
  private final WaitingQueue queue;
  private final Running running;
  private final Residency residency;
  private final StepTimes times;

  /** Sequences of this plan that lack a block. */
  private int blocksMissing;

  private boolean mayDraft;

  /** Tokens that drafts of this plan may still have. */
  private int draftRoom;

  StepPlanner(
      SchedulingLimits limits,
      SchedulingPolicy policy,
      BlockPool pool,
      CommitWindow window,
      WaitingQueue queue,
      Running running,
      Residency residency,
      StepTimes times) {
    this.limits = limits;
    this.policy = policy;
    this.pool = pool;
    this.window = window;
    this.queue = queue;
    this.running = running;
    this.residency = residency;
    this.times = times;
  }

  /** Whether the device verifies drafts. */
  void mayDraft(boolean may) {
    mayDraft = may;
  }

  /**
   * A row of a planned step.
   *
   * @param sequence whose it is
   * @param chunk what the device does
   * @param isDecode whether it is of one token that was drawn by the step before, and what may
   *     follow it
   */
  record Row(Sequence sequence, Chunk chunk, boolean isDecode) {}

  /**
   * Plans a step and takes it as submitted.
   *
   * @param opens receives the slots to open before the step
   * @return rows, decode first, in the order of keys; empty where nothing can run
   */
  List<Row> plan(long nowNanos, List<StepPlan.Open> opens) {
    List<Row> rows = new ArrayList<>(running.size() + 1);
    List<Sequence> prefills = decode(nowNanos, rows);
    if (prefills.size() > 1) {
      prefills.sort(BY_PRECEDENCE);
    }
    int decodeTokens = 0;
    for (Row row : rows) {
      decodeTokens += row.chunk().rows();
    }
    int most = limits.maxBatchTokens() - decodeTokens;
    int room = times.chunkRoom(decodeTokens, most);
    int next = 0;
    boolean mayAdmit = true;
    while (room > 0 && (mayAdmit || next < prefills.size())) {
      Sequence prefill = next < prefills.size() ? prefills.get(next) : null;
      if (mayAdmit && (prefill == null || isBefore(queue.first(nowNanos), prefill))) {
        Ticket started = residency.admitNext(nowNanos, opens);
        mayAdmit = started != null;
        for (int i = 0; started != null && i < started.members.size(); i++) {
          room -= prefill(started.members.get(i), room, rows);
        }
      } else if (prefill != null) {
        next++;
        room -= prefill(prefill, room, rows);
      }
    }
    residency.settleYields(nowNanos);
    return rows;
  }

  private static boolean isBefore(Ticket ticket, Sequence prefill) {
    return ticket != null && compare(ticket.lane, prefill.ticket.lane) < 0;
  }

  private static int compare(Lane a, Lane b) {
    int byBand = a.effectiveBand().compareTo(b.effectiveBand());
    return byBand != 0 ? byBand : Double.compare(a.virtualTime, b.virtualTime);
  }

  /** Adds a row for each sequence that can go on, and returns those that have to be prefilled. */
  private List<Sequence> decode(long nowNanos, List<Row> rows) {
    blocksMissing = 0;
    int rowsAtMost =
        Math.min(policy.lookUp().maxRows(), limits.maxBatchTokens() - policy.minChunk());
    draftRoom = mayDraft ? rowsAtMost - running.size() : 0;
    List<Sequence> prefills = new ArrayList<>();
    for (int i = 0; i < running.size(); i++) {
      Sequence sequence = running.get(i);
      if (!canRun(sequence)) {
        continue;
      }
      if (sequence.pending() > 1 || sequence.blockCount() == 0) {
        prefills.add(sequence);
      } else if (!sequence.awaitsGuide() && coverNext(sequence)) {
        rows.add(take(sequence, 1, true, draft(sequence)));
      }
    }
    residency.settleYields(nowNanos);
    return prefills;
  }

  private int prefill(Sequence sequence, int room, List<Row> rows) {
    if (room <= 0 || !canRun(sequence) || !residency.hasItsPrompt(sequence)) {
      return 0;
    }
    int count = Math.min(room, sequence.pending());
    if (count == sequence.pending() && sequence.wantsToken() && sequence.awaitsGuide()) {
      // The last position is where a token is drawn: it waits until it is known which it may be.
      count--;
    }
    if (count == 0) {
      return 0;
    }
    rows.add(take(sequence, count, false, NO_DRAFT));
    return count;
  }

  /** What may follow the next token of a sequence, as far as there is room for it. */
  private int[] draft(Sequence sequence) {
    if (draftRoom <= 0 || sequence.lookUp == null) {
      return NO_DRAFT;
    }
    int most = Math.min(draftRoom, sequence.maxLength - sequence.length - 1);
    most = Math.min(most, windowOf(sequence) - sequence.uncommitted() - 1);
    int[] draft = sequence.lookUp.draft(sequence.unseen(), most);
    int end = sequence.length + draft.length;
    // A guess makes nobody yield, and leaves every other sequence its next block.
    while (sequence.blockCount() * limits.blockTokens() < end
        && pool.available() > running.size()) {
      sequence.addBlock(pool.take());
    }
    int covered = sequence.blockCount() * limits.blockTokens() - sequence.length;
    draft = draft.length <= covered ? draft : Arrays.copyOf(draft, covered);
    draftRoom -= draft.length;
    return draft;
  }

  private Row take(Sequence sequence, int count, boolean isDecode, int[] draft) {
    int start = sequence.computed;
    boolean sample = start + count == sequence.length && sequence.wantsToken();
    int firstBlock = sequence.blocksOnDevice();
    int[] blocks = sequence.blocksUpTo(limits.blocksFor(start + count + draft.length));
    long[] allowed = sample ? sequence.allowed() : Chunk.ALL;
    sequence.computed += count;
    sequence.stepsInFlight++;
    if (sample) {
      sequence.length++;
    }
    sequence.drafted = draft.length > 0;
    return new Row(
        sequence,
        new Chunk(sequence.slot, start, count, sample, firstBlock, blocks, allowed, draft),
        isDecode);
  }

  private boolean canRun(Sequence sequence) {
    if (sequence.state != Sequence.State.RUNNING || sequence.drafted) {
      return false;
    }
    return sequence.wantsToken()
        ? sequence.uncommitted() < windowOf(sequence)
        : sequence.isPromptOnly() && sequence.pending() > 0;
  }

  private int windowOf(Sequence sequence) {
    return window.tokens(sequence.lookUp == null ? 1 : sequence.lookUp.mostAStep());
  }

  /** Whether the KV store has room for the next position; where not, somebody may have to yield. */
  private boolean coverNext(Sequence sequence) {
    if (sequence.blockCount() * limits.blockTokens() > sequence.computed) {
      return true;
    }
    if (pool.available() == 0) {
      residency.makeRoomForBlock(sequence, blocksMissing);
    }
    if (pool.available() == 0) {
      blocksMissing++;
      return false;
    }
    sequence.addBlock(pool.take());
    return true;
  }
}
