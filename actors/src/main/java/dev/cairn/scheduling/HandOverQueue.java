package dev.cairn.scheduling;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Sequences with tokens to hand over, first come, first served. Each hand-over costs a message and
 * a journal event, so a step hands over for a bounded number of sequences and lets the tails of the
 * others grow; the first tokens of an output and its end do not wait.
 */
final class HandOverQueue {
  private final int perStep;
  private final Deque<Sequence> urgent = new ArrayDeque<>();
  private final Deque<Sequence> others = new ArrayDeque<>();
  private final List<Handover> repeated = new ArrayList<>();
  private int budget;

  HandOverQueue(int perStep) {
    this.perStep = perStep;
    this.budget = perStep;
  }

  /** A step has ended: others may be handed over again. */
  void refill() {
    budget = perStep;
  }

  /** Enters a sequence if it has something to hand over and may. */
  void offer(Sequence sequence) {
    if (!sequence.hasSomethingToHandOver()) {
      return;
    }
    boolean isUrgent = sequence.end.isPresent() || sequence.isFirstHandOver();
    if (isUrgent && sequence.queuedAs != Sequence.Queued.URGENT) {
      sequence.queuedAs = Sequence.Queued.URGENT;
      urgent.addLast(sequence);
    } else if (sequence.queuedAs == Sequence.Queued.NO) {
      sequence.queuedAs = Sequence.Queued.OTHERS;
      others.addLast(sequence);
    }
  }

  /** Has the hand-over of a sequence that is not acknowledged taken again. */
  void repeat(Sequence sequence, long nowNanos) {
    if (sequence.commitInFlight != null) {
      sequence.handedOverAtNanos = nowNanos;
      repeated.add(sequence.commitInFlight);
    }
  }

  /**
   * Takes what may be handed over now.
   *
   * @param unbounded whether no step is in flight whose end would ask again
   */
  List<Handover> take(long nowNanos, boolean unbounded) {
    List<Handover> taken = new ArrayList<>(repeated);
    repeated.clear();
    take(urgent, nowNanos, taken);
    while (!others.isEmpty() && (unbounded || budget > 0)) {
      if (take(others.pollFirst(), nowNanos, taken)) {
        budget--;
      }
    }
    return taken;
  }

  private static void take(Deque<Sequence> queue, long nowNanos, List<Handover> taken) {
    while (!queue.isEmpty()) {
      take(queue.pollFirst(), nowNanos, taken);
    }
  }

  private static boolean take(Sequence sequence, long nowNanos, List<Handover> taken) {
    sequence.queuedAs = Sequence.Queued.NO;
    if (!sequence.hasSomethingToHandOver()) {
      return false;
    }
    taken.add(sequence.handOver(nowNanos));
    return true;
  }
}
