package dev.cairn.model.grammar;

import dev.cairn.model.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The tokens of a model as a tree of their bytes, its nodes in the order in which they are visited:
 * behind a node stands all that begins with it.
 */
public final class TokenTrie {
  /** Ids of the vocabulary. */
  final int size;

  /** Byte that leads to each node. */
  final byte[] bytes;

  /** Bytes from the root to each node, 1 or more. */
  final short[] depths;

  /** The first node behind all that begins with each node. */
  final int[] ends;

  /** Longest token, in bytes. */
  final int maxDepth;

  private final int[] firstToken;
  private final int[] tokens;
  private final byte[][] byToken;
  private final long[] endTokens;
  private final Tokenizer tokenizer;

  public TokenTrie(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
    size = tokenizer.size();
    byToken = new byte[size][];
    endTokens = new long[words()];
    List<Integer> order = new ArrayList<>();
    int most = 0;
    for (int token = 0; token < size; token++) {
      byToken[token] = tokenizer.bytes(token);
      if (tokenizer.endsGeneration(token)) {
        endTokens[token / Long.SIZE] |= 1L << token;
      } else if (byToken[token].length > 0 && byToken[token].length < Short.MAX_VALUE) {
        order.add(token);
        most += byToken[token].length;
      }
    }
    order.sort((a, b) -> Arrays.compareUnsigned(byToken[a], byToken[b]));
    byte[] nodeBytes = new byte[most];
    short[] nodeDepths = new short[most];
    int[] nodeTokens = new int[most + 1];
    int nodes = 0;
    int longest = 0;
    byte[] last = {};
    tokens = new int[order.size()];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = order.get(i);
      byte[] word = byToken[tokens[i]];
      int common = Arrays.mismatch(last, word);
      for (int depth = common < 0 ? word.length : common; depth < word.length; depth++) {
        nodeBytes[nodes] = word[depth];
        nodeDepths[nodes] = (short) (depth + 1);
        nodeTokens[nodes] = i;
        nodes++;
      }
      nodeTokens[nodes] = i + 1;
      longest = Math.max(longest, word.length);
      last = word;
    }
    bytes = Arrays.copyOf(nodeBytes, nodes);
    depths = Arrays.copyOf(nodeDepths, nodes);
    firstToken = Arrays.copyOf(nodeTokens, nodes + 1);
    maxDepth = longest;
    ends = new int[nodes];
    int[] open = new int[longest + 2];
    int depth = 0;
    for (int node = 0; node <= nodes; node++) {
      int now = node < nodes ? depths[node] : 1;
      while (depth >= now) {
        ends[open[depth--]] = node;
      }
      if (node < nodes) {
        depth = now;
        open[depth] = node;
      }
    }
  }

  /** 64-bit words that have a bit for each token. */
  int words() {
    return (size + Long.SIZE - 1) / Long.SIZE;
  }

  int nodes() {
    return bytes.length;
  }

  /** Marks the tokens that a node spells. */
  void mark(int node, long[] mask) {
    for (int i = firstToken[node]; i < firstToken[node + 1]; i++) {
      mask[tokens[i] / Long.SIZE] |= 1L << tokens[i];
    }
  }

  /** Whether a node spells a token, not only a beginning. */
  boolean isToken(int node) {
    return firstToken[node] < firstToken[node + 1];
  }

  /** The bytes of a token; not to be changed. */
  byte[] bytes(int token) {
    return byToken[token];
  }

  boolean endsOutput(int token) {
    return (endTokens[token / Long.SIZE] >>> token & 1) != 0;
  }

  /** Marks the tokens with which a model ends. */
  void markEnds(long[] mask) {
    for (int i = 0; i < mask.length; i++) {
      mask[i] |= endTokens[i];
    }
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }
}
