package dev.cairn.model.grammar;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What can be said of the tokens behind a place without knowing its stack: those that stay within
 * what the place's rule derives may follow always. Those that leave the rule are tried where the
 * stack is known; they are few. (The idea is XGrammar's, arXiv:2411.15100.)
 */
final class LocalMask {
  /** Tokens that may follow always: marked, or named where they are few. */
  private final long[] marked;

  private final int[] named;

  /** Nodes of the tree of tokens to be tried, with those that lead there. */
  private final int[] tried;

  /** Index in {@code tried} of the first that does not begin like each. */
  private final int[] triedEnds;

  /** Deepest stack that a token has led to; beyond it this mask does not hold. */
  final int depth;

  /** Most bytes to the end of the rule behind a token of this mask. */
  final int worst;

  private LocalMask(
      long[] marked, int[] named, int[] tried, int[] triedEnds, int depth, int worst) {
    this.marked = marked;
    this.named = named;
    this.tried = tried;
    this.triedEnds = triedEnds;
    this.depth = depth;
    this.worst = worst;
  }

  static LocalMask of(Machine.State alone, Automaton automaton, TokenTrie trie) {
    long[] mask = new long[trie.words()];
    Machine.State[] path = new Machine.State[trie.maxDepth + 1];
    boolean[] left = new boolean[trie.maxDepth + 1];
    IntStream.Builder toTry = IntStream.builder();
    int[] open = new int[trie.maxDepth + 1];
    path[0] = alone;
    int depth = 0;
    int worst = 0;
    // How many of the nodes that lead here are to be tried already.
    int added = 0;
    int node = 0;
    while (node < trie.nodes()) {
      int at = trie.depths[node];
      open[at] = node;
      added = Math.min(added, at - 1);
      Machine.State next = path[at - 1].after(trie.bytes[node] & 0xff);
      left[at] = left[at - 1] || (next != null && next.isComplete);
      if (next == null) {
        if (left[at - 1]) {
          while (added < at - 1) {
            toTry.add(open[++added]);
          }
          IntStream.range(node, trie.ends[node]).forEach(toTry::add);
        }
        node = trie.ends[node];
        continue;
      }
      path[at] = next;
      for (int i = 0; i < next.places.length; i++) {
        depth = Math.max(depth, next.stacks[i].depth + automaton.callsToEnd[next.places[i]]);
      }
      if (trie.isToken(node)) {
        trie.mark(node, mask);
        worst = Math.max(worst, next.bytesToEnd);
      }
      node++;
    }
    int[] tried = toTry.build().toArray();
    return new LocalMask(
        isSparse(mask) ? null : mask,
        isSparse(mask) ? tokens(mask) : null,
        tried,
        ends(tried, trie),
        depth,
        worst);
  }

  private static boolean isSparse(long[] mask) {
    return Arrays.stream(mask).map(Long::bitCount).sum() < 2L * mask.length;
  }

  private static int[] tokens(long[] mask) {
    int[] tokens = new int[(int) Arrays.stream(mask).map(Long::bitCount).sum()];
    int n = 0;
    for (int i = 0; i < mask.length; i++) {
      for (long rest = mask[i]; rest != 0; rest &= rest - 1) {
        tokens[n++] = i * Long.SIZE + Long.numberOfTrailingZeros(rest);
      }
    }
    return tokens;
  }

  private static int[] ends(int[] tried, TokenTrie trie) {
    int[] ends = new int[tried.length];
    for (int i = 0; i < tried.length; i++) {
      int found = Arrays.binarySearch(tried, trie.ends[tried[i]]);
      ends[i] = found < 0 ? -found - 1 : found;
    }
    return ends;
  }

  /** Marks the tokens that may follow always. */
  void mark(long[] mask) {
    if (marked == null) {
      for (int token : named) {
        mask[token / Long.SIZE] |= 1L << token;
      }
      return;
    }
    for (int i = 0; i < mask.length; i++) {
      mask[i] |= marked[i];
    }
  }

  /**
   * Marks those that may follow one state, of the tokens that leave the rule.
   *
   * @return most bytes to an end behind one of them
   */
  int tryTokens(Machine.State from, TokenTrie trie, long[] mask) {
    Machine.State[] path = new Machine.State[trie.maxDepth + 1];
    path[0] = from;
    int most = 0;
    int i = 0;
    while (i < tried.length) {
      int node = tried[i];
      int at = trie.depths[node];
      Machine.State next = path[at - 1].after(trie.bytes[node] & 0xff);
      if (next == null) {
        i = triedEnds[i];
        continue;
      }
      path[at] = next;
      if (trie.isToken(node)) {
        trie.mark(node, mask);
        most = Math.max(most, next.bytesToEnd);
      }
      i++;
    }
    return most;
  }

  /** Memory that it takes, roughly. */
  long bytes() {
    long own = marked == null ? 4L * named.length : 8L * marked.length;
    return own + 8L * tried.length + 80;
  }
}
