package dev.cairn.simulation;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;

/** Time, chance and the network of a simulation: one seed decides all of it. */
final class World {
  /** Nanoseconds of a millisecond. */
  static final long MS = 1_000_000;

  final Random random;
  private final boolean traced;
  private final PriorityQueue<Timed> agenda =
      new PriorityQueue<>(Comparator.comparingLong(Timed::at).thenComparingLong(Timed::order));
  private long order;
  private long now;
  private long skewMillis;

  /** While true messages are lost, repeated and overtaken. */
  boolean chaotic = true;

  private record Timed(long at, long order, Runnable what) {}

  World(long seed, boolean traced) {
    this.random = new Random(seed);
    this.traced = traced;
  }

  long now() {
    return now;
  }

  /** The wall clock, which somebody may set. */
  long clockMillis() {
    return 1_000_000_000L + now / MS + skewMillis;
  }

  void setClock(long byMillis) {
    skewMillis += byMillis;
  }

  void in(long nanos, Runnable what) {
    agenda.add(new Timed(now + nanos, order++, what));
  }

  /** Carries a message from one process to another. */
  void send(Runnable deliver) {
    if (chaotic && random.nextInt(40) == 0) {
      return;
    }
    in(delay(), deliver);
    if (chaotic && random.nextInt(40) == 0) {
      in(delay() * 3, deliver);
    }
  }

  private long delay() {
    return chaotic && random.nextInt(12) == 0 ? between(1, 400) * MS : between(1, 2000) * 1000;
  }

  long between(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  boolean chance(int oneIn) {
    return random.nextInt(oneIn) == 0;
  }

  /** Does the next thing; false where nothing is left to do. */
  boolean step() {
    Timed next = agenda.poll();
    if (next == null) {
      return false;
    }
    now = next.at();
    next.what().run();
    return true;
  }

  void trace(String what, Object... about) {
    if (traced) {
      System.out.printf("%9.3f ms  %s%n", now / 1e6, String.format(what, about));
    }
  }
}
