package dev.cairn.model.grammar;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * A grammar as a pushdown automaton over bytes. A place is left by a byte, by a call of a rule,
 * which returns to another place, or, where it is an end, to where its own rule was called.
 */
final class Automaton {
  /** More than any output has: of places from which no end is reached. */
  static final int NEVER = Integer.MAX_VALUE / 4;

  /** Where every output begins. */
  final int start;

  /** From, to and target of each range of bytes, by place. */
  final int[][] edges;

  /** Beginning of the rule and place to return to of each call, by place. */
  final int[][] calls;

  final boolean[] isEnd;

  /** Fewest bytes to the end of the place's rule. */
  final int[] bytesToEnd;

  /** Calls in one another that are needed to reach the end of the place's rule. */
  final int[] callsToEnd;

  Automaton(int start, int[][] edges, int[][] calls, boolean[] isEnd) {
    this.start = start;
    this.edges = edges;
    this.calls = calls;
    this.isEnd = isEnd;
    this.bytesToEnd = new int[edges.length];
    this.callsToEnd = new int[edges.length];
    Arrays.fill(bytesToEnd, NEVER);
    Arrays.fill(callsToEnd, NEVER);
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int place = 0; place < edges.length; place++) {
        changed |= improve(place);
      }
    }
    if (bytesToEnd[start] >= NEVER) {
      throw new GrammarException("The grammar has no end: every output would go on for ever.");
    }
    refuseLeftRecursion();
  }

  int size() {
    return edges.length;
  }

  private boolean improve(int place) {
    int bytes = isEnd[place] ? 0 : NEVER;
    int nested = bytes;
    for (int i = 0; i < edges[place].length; i += 3) {
      int target = edges[place][i + 2];
      bytes = Math.min(bytes, bytesToEnd[target] + 1);
      nested = Math.min(nested, callsToEnd[target]);
    }
    for (int i = 0; i < calls[place].length; i += 2) {
      int rule = calls[place][i];
      int back = calls[place][i + 1];
      bytes = Math.min(bytes, bytesToEnd[rule] + bytesToEnd[back]);
      nested = Math.min(nested, Math.max(callsToEnd[rule] + 1, callsToEnd[back]));
    }
    boolean better = bytes < bytesToEnd[place] || nested < callsToEnd[place];
    bytesToEnd[place] = Math.min(bytesToEnd[place], bytes);
    callsToEnd[place] = Math.min(callsToEnd[place], nested);
    return better;
  }

  /** A rule that calls itself before any byte would be called for ever. */
  private void refuseLeftRecursion() {
    Map<Integer, Set<Integer>> first = new LinkedHashMap<>();
    first.put(start, calledBeforeBytes(start));
    for (int[] each : calls) {
      for (int i = 0; i < each.length; i += 2) {
        first.computeIfAbsent(each[i], this::calledBeforeBytes);
      }
    }
    boolean changed = true;
    while (changed) {
      changed = first.values().removeIf(called -> called.stream().noneMatch(first::containsKey));
    }
    if (!first.isEmpty()) {
      throw new GrammarException("The grammar has a rule that begins with itself.");
    }
  }

  private Set<Integer> calledBeforeBytes(int rule) {
    Set<Integer> called = new LinkedHashSet<>();
    Set<Integer> seen = new LinkedHashSet<>();
    Deque<Integer> open = new ArrayDeque<>();
    open.add(rule);
    while (!open.isEmpty()) {
      int place = open.remove();
      for (int i = 0; i < calls[place].length; i += 2) {
        called.add(calls[place][i]);
        int back = calls[place][i + 1];
        if (bytesToEnd[calls[place][i]] == 0 && seen.add(back)) {
          open.add(back);
        }
      }
    }
    return called;
  }
}
