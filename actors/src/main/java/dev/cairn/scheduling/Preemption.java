package dev.cairn.scheduling;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Whom to make yield so that something else can run: the tickets that stand last, as few as are
 * enough, and none where even all of them would not be enough.
 */
final class Preemption {
  private final BlockPool pool;
  private final Running running;

  Preemption(BlockPool pool, Running running) {
    this.pool = pool;
    this.running = running;
  }

  /** What those chosen so far would give back. */
  final class Gain {
    private final Map<Integer, Integer> references = new HashMap<>();
    private int blocks;
    private int sequences;

    private void add(Sequence sequence) {
      sequences++;
      for (int i = 0; i < sequence.blockCount(); i++) {
        int block = sequence.block(i);
        // A block that others share becomes available with the last of them.
        if (references.merge(block, 1, Integer::sum) == pool.references(block)) {
          blocks++;
        }
      }
      blocks += sequence.reservedBlocks;
    }

    private void add(Ticket ticket) {
      ticket.members.forEach(this::add);
    }

    int blocks() {
      return blocks;
    }

    int sequences() {
      return sequences;
    }
  }

  /** What those that yield already will give back. */
  Gain promised() {
    Gain gain = new Gain();
    for (int i = 0; i < running.size(); i++) {
      if (running.get(i).state == Sequence.State.YIELDING) {
        gain.add(running.get(i));
      }
    }
    return gain;
  }

  /**
   * Chooses victims.
   *
   * @param mayYield which tickets may be chosen, asked from the last one on
   * @param isEnough whether what they give back would do
   * @return empty where there is no such set, or none is needed
   */
  List<Ticket> victims(Predicate<Ticket> mayYield, Predicate<Gain> isEnough) {
    Gain gain = promised();
    List<Ticket> victims = new ArrayList<>();
    if (isEnough.test(gain)) {
      return victims;
    }
    for (Ticket ticket : running.fromLast()) {
      if (mayYield.test(ticket)) {
        gain.add(ticket);
        victims.add(ticket);
        if (isEnough.test(gain)) {
          return victims;
        }
      }
    }
    return List.of();
  }
}
