package dev.cairn.model.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Recognizes a language byte by byte. A state is the set of all places, each with its stack, that
 * the bytes so far may have led to; equal sets are one state, and a step from a state is worked out
 * once. From every state an end can be reached. Safe for any number of threads.
 */
final class Machine {
  /** Rules in one another; what would need more is not of the language. */
  static final int MAX_DEPTH = 128;

  private static final int MAX_STACKS = 4_000;
  private static final int STATE_BYTES = 200;
  private static final int STACK_BYTES = 48;
  private static final int STEPS_BYTES = 1_100;

  private final Automaton automaton;
  private final Map<Key, State> states = new ConcurrentHashMap<>();
  private final AtomicInteger frames = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();
  private final State dead = new State(this, new int[0], new Frame[0], false);
  final Frame bottom = new Frame(0, null, 0, 0, 0);
  final State start;

  Machine(Automaton automaton) {
    this.automaton = automaton;
    Closure closure = new Closure();
    closure.add(automaton.start, bottom);
    this.start = closure.state();
  }

  /** A stack of calls that have not returned. */
  static final class Frame {
    final int back;
    final Frame below;
    final int depth;

    /** Fewest bytes until all have returned. */
    final int bytesToEnd;

    private final int id;
    private final Map<Integer, Frame> above = new ConcurrentHashMap<>(2);

    private Frame(int back, Frame below, int depth, int bytesToEnd, int id) {
      this.back = back;
      this.below = below;
      this.depth = depth;
      this.bytesToEnd = bytesToEnd;
      this.id = id;
    }
  }

  private record Key(long[] stacks, boolean complete) {
    @Override
    public boolean equals(Object o) {
      return o instanceof Key that
          && complete == that.complete
          && Arrays.equals(stacks, that.stacks);
    }

    @Override
    public int hashCode() {
      return 31 * Arrays.hashCode(stacks) + (complete ? 1 : 0);
    }
  }

  /** All that may come next. */
  static final class State {
    private final Machine machine;
    final int[] places;
    final Frame[] stacks;

    /** Whether the bytes so far are of the language. */
    final boolean isComplete;

    /** Fewest bytes to an end. */
    final int bytesToEnd;

    private volatile State[] next;

    /** Which tokens may follow, kept here by {@link TokenLanguage}. */
    volatile TokenLanguage.Mask mask;

    private State(Machine machine, int[] places, Frame[] stacks, boolean isComplete) {
      this.machine = machine;
      this.places = places;
      this.stacks = stacks;
      this.isComplete = isComplete;
      int least = isComplete ? 0 : Automaton.NEVER;
      for (int i = 0; i < places.length; i++) {
        least = Math.min(least, machine.automaton.bytesToEnd[places[i]] + stacks[i].bytesToEnd);
      }
      this.bytesToEnd = least;
    }

    /** The state after a byte, or null where none is possible. */
    State after(int b) {
      State[] steps = next;
      if (steps == null) {
        steps = new State[256];
        machine.bytes.addAndGet(STEPS_BYTES);
        next = steps;
      }
      // States are immutable, so that a thread may see those of another, or work one out again.
      State after = steps[b];
      if (after == null) {
        after = machine.step(this, b);
        steps[b] = after;
      }
      return after == machine.dead ? null : after;
    }

    /** Whether nothing can follow. */
    boolean isLast() {
      return places.length == 0;
    }

    Machine machine() {
      return machine;
    }
  }

  /** Memory that is used, roughly. */
  long bytes() {
    return bytes.get();
  }

  void used(long more) {
    bytes.addAndGet(more);
  }

  /** The state of one place alone, at the bottom: as if its rule were all there is. */
  State alone(int place) {
    return intern(new int[] {place}, new Frame[] {bottom}, false);
  }

  /** The same state, here. */
  State adopt(State state) {
    Frame[] stacks = new Frame[state.stacks.length];
    for (int i = 0; i < stacks.length; i++) {
      stacks[i] = adopt(state.stacks[i]);
    }
    return intern(state.places, stacks, state.isComplete);
  }

  private Frame adopt(Frame frame) {
    return frame.below == null ? bottom : push(frame.back, adopt(frame.below));
  }

  private Frame push(int back, Frame below) {
    return below.above.computeIfAbsent(
        back,
        b -> {
          bytes.addAndGet(2 * STACK_BYTES);
          return new Frame(
              back,
              below,
              below.depth + 1,
              below.bytesToEnd + automaton.bytesToEnd[back],
              frames.incrementAndGet());
        });
  }

  private State step(State from, int b) {
    Closure closure = new Closure();
    for (int i = 0; i < from.places.length; i++) {
      int[] edges = automaton.edges[from.places[i]];
      for (int e = 0; e < edges.length; e += 3) {
        if (edges[e] <= b && b <= edges[e + 1]) {
          closure.add(edges[e + 2], from.stacks[i]);
        }
      }
    }
    return closure.state();
  }

  private State intern(int[] places, Frame[] stacks, boolean complete) {
    if (places.length == 0 && !complete) {
      return dead;
    }
    long[] key = new long[places.length];
    for (int i = 0; i < key.length; i++) {
      key[i] = key(places[i], stacks[i]);
    }
    Arrays.sort(key);
    return states.computeIfAbsent(
        new Key(key, complete),
        k -> {
          bytes.addAndGet(STATE_BYTES + (long) STACK_BYTES * places.length);
          return new State(this, places, stacks, complete);
        });
  }

  private static long key(int place, Frame stack) {
    return (long) stack.id << 32 | place;
  }

  /** The places before bytes that some places lead to. */
  private final class Closure {
    private final List<Integer> places = new ArrayList<>();
    private final List<Frame> stacks = new ArrayList<>();
    private final Set<Long> seen = new HashSet<>();
    private boolean complete;

    void add(int place, Frame stack) {
      if (automaton.bytesToEnd[place] >= Automaton.NEVER
          || stack.depth + automaton.callsToEnd[place] > MAX_DEPTH
          || !seen.add(key(place, stack))) {
        return;
      }
      if (seen.size() > MAX_STACKS) {
        throw new GrammarException(
            "The grammar can be read in more than " + MAX_STACKS + " ways at one place.");
      }
      if (automaton.edges[place].length > 0) {
        places.add(place);
        stacks.add(stack);
      }
      int[] calls = automaton.calls[place];
      for (int i = 0; i < calls.length; i += 2) {
        if (stack.depth + 1 + automaton.callsToEnd[calls[i]] <= MAX_DEPTH
            && stack.depth + automaton.callsToEnd[calls[i + 1]] <= MAX_DEPTH
            && automaton.bytesToEnd[calls[i + 1]] < Automaton.NEVER) {
          add(calls[i], push(calls[i + 1], stack));
        }
      }
      if (automaton.isEnd[place]) {
        if (stack.below == null) {
          complete = true;
        } else {
          add(stack.back, stack.below);
        }
      }
    }

    State state() {
      return intern(
          places.stream().mapToInt(p -> p).toArray(), stacks.toArray(Frame[]::new), complete);
    }
  }
}
