package dev.cairn.model.grammar;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A grammar over the tokens of a vocabulary. What may follow is worked out once for each state and
 * then looked up. Safe for any number of threads.
 */
public final class TokenLanguage {
  /**
   * Bounds of one language.
   *
   * @param maxCharacters of its grammar
   * @param maxPlaces of its automaton
   * @param cacheBytes memory for states and masks; when it is used up they are worked out anew
   */
  public record Limits(int maxCharacters, int maxPlaces, long cacheBytes) {}

  /**
   * Tokens that may follow a state.
   *
   * @param tokens one bit each; not to be changed
   * @param worst most bytes to an end behind one of them
   */
  record Mask(long[] tokens, int worst) {}

  private static final int MAX_PREPARED = 4_096;

  private final Automaton automaton;
  private final TokenTrie trie;
  private final Limits limits;
  private final AtomicReferenceArray<LocalMask> local;
  private final AtomicLong localBytes = new AtomicLong();
  private volatile Machine machine;

  /**
   * @param grammar GBNF
   * @throws GrammarException where it is none, is larger than the limits, or no token can begin it
   */
  public TokenLanguage(String grammar, TokenTrie trie, Limits limits) {
    if (grammar.length() > limits.maxCharacters()) {
      throw new GrammarException(
          "The grammar has "
              + grammar.length()
              + " characters; expected at most "
              + limits.maxCharacters()
              + ".");
    }
    this.automaton = AutomatonBuilder.build(GrammarParser.parse(grammar), limits.maxPlaces());
    this.trie = trie;
    this.limits = limits;
    this.local = new AtomicReferenceArray<>(automaton.size());
    this.machine = new Machine(automaton);
    if (isEmpty(mask(machine.start).tokens())) {
      throw new GrammarException(
          "No token of the vocabulary can begin what the grammar describes.");
    }
  }

  /** Where every output begins. */
  public Cursor begin() {
    return new Cursor(this, current().start);
  }

  /** Fewest bytes of an output. */
  public int leastBytes() {
    return automaton.bytesToEnd[automaton.start];
  }

  /**
   * Works out beforehand what can be said of places without their stacks, as far as it takes no
   * more than half of the cache.
   */
  public void prepare() {
    for (int place = 0; place < Math.min(automaton.size(), MAX_PREPARED); place++) {
      if (automaton.edges[place].length > 0 && localBytes.get() < limits.cacheBytes() / 2) {
        local(place);
      }
    }
  }

  TokenTrie trie() {
    return trie;
  }

  /** Memory that what is remembered takes, roughly. */
  public long cachedBytes() {
    return machine.bytes() + localBytes.get();
  }

  /** Begins with no states remembered where they take more than they may. */
  Machine current() {
    Machine now = machine;
    if (now.bytes() > limits.cacheBytes() / 2) {
      synchronized (this) {
        if (machine == now) {
          machine = new Machine(automaton);
        }
        now = machine;
      }
    }
    return now;
  }

  /** The tokens that may follow a state. */
  Mask mask(Machine.State state) {
    Mask known = state.mask;
    if (known == null) {
      known = work(state);
      state.mask = known;
      state.machine().used(8L * known.tokens().length);
    }
    return known;
  }

  private Mask work(Machine.State state) {
    long[] mask = new long[trie.words()];
    int worst = 0;
    if (state.isComplete) {
      trie.markEnds(mask);
    }
    for (int i = 0; i < state.places.length; i++) {
      LocalMask each = local(state.places[i]);
      if (state.stacks[i].depth + each.depth > Machine.MAX_DEPTH) {
        return new Mask(all(state, Integer.MAX_VALUE, 0), Automaton.NEVER);
      }
      each.mark(mask);
      worst = Math.max(worst, each.worst + state.stacks[i].bytesToEnd);
      worst = Math.max(worst, each.tryTokens(state, trie, mask));
    }
    return new Mask(mask, worst);
  }

  private LocalMask local(int place) {
    LocalMask known = local.get(place);
    if (known == null) {
      known = LocalMask.of(current().alone(place), automaton, trie);
      if (localBytes.get() < limits.cacheBytes() / 2 && local.compareAndSet(place, null, known)) {
        localBytes.addAndGet(known.bytes());
      }
    }
    return known;
  }

  /**
   * The tokens that may follow a state and from which an end is near enough, every token tried.
   *
   * @param most bytes to an end behind them
   * @param perByte how many fewer these have to be for each byte of a token
   */
  long[] all(Machine.State from, int most, int perByte) {
    long[] mask = new long[trie.words()];
    if (from.isComplete) {
      trie.markEnds(mask);
    }
    Machine.State[] path = new Machine.State[trie.maxDepth + 1];
    path[0] = from;
    int node = 0;
    while (node < trie.nodes()) {
      int at = trie.depths[node];
      Machine.State next = path[at - 1].after(trie.bytes[node] & 0xff);
      if (next == null) {
        node = trie.ends[node];
        continue;
      }
      path[at] = next;
      if (next.bytesToEnd <= most - perByte * at) {
        trie.mark(node, mask);
      }
      node++;
    }
    return mask;
  }

  static boolean isEmpty(long[] mask) {
    for (long word : mask) {
      if (word != 0) {
        return false;
      }
    }
    return true;
  }
}
