package dev.cairn.model.grammar;

import dev.cairn.model.grammar.Grammar.Bytes;
import dev.cairn.model.grammar.Grammar.Choice;
import dev.cairn.model.grammar.Grammar.Expr;
import dev.cairn.model.grammar.Grammar.Ref;
import dev.cairn.model.grammar.Grammar.Repeat;
import dev.cairn.model.grammar.Grammar.Sequence;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the automaton of a grammar, from the end to the beginning: what an expression is followed
 * by is there before the expression. Small rules that call no other are written out where they are
 * called, and the last call of a rule is a jump, so that few calls are left.
 */
final class AutomatonBuilder {
  /** Parts of a rule that is written out where it is called. */
  private static final int SMALL = 24;

  private static final int END = 0;

  private final Grammar grammar;
  private final int maxPlaces;
  private final List<List<Integer>> jumps = new ArrayList<>();
  private final List<int[]> edges = new ArrayList<>();
  private final List<int[]> calls = new ArrayList<>();
  private final int[] starts;
  private final List<Integer> toBuild = new ArrayList<>();

  private AutomatonBuilder(Grammar grammar, int maxPlaces) {
    this.grammar = grammar;
    this.maxPlaces = maxPlaces;
    this.starts = new int[grammar.rules().size()];
  }

  static Automaton build(Grammar grammar, int maxPlaces) {
    AutomatonBuilder builder = new AutomatonBuilder(grammar, maxPlaces);
    builder.place();
    int start = builder.start(0);
    while (!builder.toBuild.isEmpty()) {
      int rule = builder.toBuild.remove(builder.toBuild.size() - 1);
      int begin = builder.compile(grammar.rules().get(rule), END);
      builder.jumps.get(builder.starts[rule]).add(begin);
    }
    return builder.withoutJumps(start);
  }

  private int place() {
    if (edges.size() >= maxPlaces) {
      throw new GrammarException(
          "The grammar has more than "
              + maxPlaces
              + " places when its repetitions are written out; expected a smaller one, or smaller"
              + " counts.");
    }
    jumps.add(new ArrayList<>(1));
    edges.add(new int[0]);
    calls.add(new int[0]);
    return edges.size() - 1;
  }

  private int start(int rule) {
    if (starts[rule] == 0) {
      starts[rule] = place();
      toBuild.add(rule);
    }
    return starts[rule];
  }

  /** The place from which an expression leads to another place. */
  private int compile(Expr expr, int next) {
    if (expr instanceof Bytes bytes) {
      int place = place();
      edges.set(place, ranges(bytes.allowed(), next));
      return place;
    }
    if (expr instanceof Sequence sequence) {
      int place = next;
      for (int i = sequence.parts().size() - 1; i >= 0; i--) {
        place = compile(sequence.parts().get(i), place);
      }
      return place;
    }
    if (expr instanceof Choice choice) {
      int place = place();
      for (Expr option : choice.options()) {
        jumps.get(place).add(compile(option, next));
      }
      return place;
    }
    if (expr instanceof Repeat repeat) {
      return repeat(repeat, next);
    }
    int rule = ((Ref) expr).rule();
    if (next == END) {
      return start(rule);
    }
    if (size(grammar.rules().get(rule)) <= SMALL) {
      return compile(grammar.rules().get(rule), next);
    }
    int place = place();
    calls.set(place, new int[] {start(rule), next});
    return place;
  }

  private int repeat(Repeat repeat, int next) {
    int place = next;
    if (repeat.most() < 0) {
      place = place();
      jumps.get(place).add(next);
      jumps.get(place).add(compile(repeat.part(), place));
    }
    for (int i = repeat.least(); i < repeat.most(); i++) {
      int optional = place();
      jumps.get(optional).add(next);
      jumps.get(optional).add(compile(repeat.part(), place));
      place = optional;
    }
    for (int i = 0; i < repeat.least(); i++) {
      place = compile(repeat.part(), place);
    }
    return place;
  }

  private static int[] ranges(BitSet set, int target) {
    List<Integer> out = new ArrayList<>();
    for (int from = set.nextSetBit(0); from >= 0; ) {
      int to = set.nextClearBit(from);
      out.addAll(List.of(from, to - 1, target));
      from = set.nextSetBit(to);
    }
    return out.stream().mapToInt(i -> i).toArray();
  }

  /** Parts of an expression; more than {@link #SMALL} where it calls a rule. */
  private static int size(Expr expr) {
    int size = 1;
    if (expr instanceof Ref) {
      return SMALL + 1;
    } else if (expr instanceof Sequence sequence) {
      for (int i = 0; i < sequence.parts().size() && size <= SMALL; i++) {
        size += size(sequence.parts().get(i));
      }
    } else if (expr instanceof Choice choice) {
      for (int i = 0; i < choice.options().size() && size <= SMALL; i++) {
        size += size(choice.options().get(i));
      }
    } else if (expr instanceof Repeat repeat) {
      int times = Math.max(repeat.least(), repeat.most());
      size += Math.min(SMALL + 1, size(repeat.part()) * Math.max(1, times));
    }
    return size;
  }

  /** Gives each place what it could do after jumps. */
  private Automaton withoutJumps(int start) {
    Map<Integer, Integer> numbers = new HashMap<>();
    List<Integer> kept = new ArrayList<>();
    List<int[]> allEdges = new ArrayList<>();
    List<int[]> allCalls = new ArrayList<>();
    BitSet ends = new BitSet();
    number(start, numbers, kept);
    long total = 0;
    for (int i = 0; i < kept.size(); i++) {
      List<Integer> reached = reached(kept.get(i));
      List<int[]> out = new ArrayList<>();
      List<int[]> called = new ArrayList<>();
      for (int place : reached) {
        ends.set(i, ends.get(i) || place == END);
        out.add(edges.get(place));
        called.add(calls.get(place));
      }
      allEdges.add(joined(out, 3, 2, numbers, kept));
      allCalls.add(joined(called, 2, 0, numbers, kept));
      total += allEdges.get(i).length;
      if (total > 64L * maxPlaces) {
        throw new GrammarException("The grammar is too large; expected one with fewer choices.");
      }
    }
    boolean[] isEnd = new boolean[kept.size()];
    ends.stream().forEach(i -> isEnd[i] = true);
    return new Automaton(0, allEdges.toArray(int[][]::new), allCalls.toArray(int[][]::new), isEnd);
  }

  private List<Integer> reached(int from) {
    List<Integer> reached = new ArrayList<>(List.of(from));
    BitSet seen = new BitSet();
    seen.set(from);
    for (int i = 0; i < reached.size(); i++) {
      for (int to : jumps.get(reached.get(i))) {
        if (!seen.get(to)) {
          seen.set(to);
          reached.add(to);
        }
      }
    }
    return reached;
  }

  /** Puts arrays together, with the places in them numbered anew. */
  private static int[] joined(
      List<int[]> parts, int width, int first, Map<Integer, Integer> numbers, List<Integer> kept) {
    int[] out = new int[parts.stream().mapToInt(part -> part.length).sum()];
    int at = 0;
    for (int[] part : parts) {
      for (int i = 0; i < part.length; i++) {
        out[at++] = i % width < first ? part[i] : number(part[i], numbers, kept);
      }
    }
    return out;
  }

  private static int number(int place, Map<Integer, Integer> numbers, List<Integer> kept) {
    Integer known = numbers.get(place);
    if (known == null) {
      known = kept.size();
      numbers.put(place, known);
      kept.add(place);
    }
    return known;
  }
}
