package dev.cairn.model.grammar;

import java.util.BitSet;
import java.util.List;

/**
 * A context-free grammar over bytes (UTF-8). Rule 0 is where it begins.
 *
 * @param names of the rules
 * @param rules what each derives
 */
record Grammar(List<String> names, List<Grammar.Expr> rules) {
  /** What a rule, or part of one, derives. */
  sealed interface Expr {}

  /** One byte of a set. */
  record Bytes(BitSet allowed) implements Expr {
    static Bytes of(int from, int to) {
      BitSet set = new BitSet(256);
      set.set(from, to + 1);
      return new Bytes(set);
    }
  }

  /** What a rule derives. */
  record Ref(int rule) implements Expr {}

  /** All of these, one behind the other. */
  record Sequence(List<Expr> parts) implements Expr {}

  /** One of these. */
  record Choice(List<Expr> options) implements Expr {}

  /**
   * The same again and again.
   *
   * @param most how often at most; -1: any number of times
   */
  record Repeat(Expr part, int least, int most) implements Expr {}
}
