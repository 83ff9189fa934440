package dev.cairn.model;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * Looks for several strings at once in text that comes character by character (Aho and Corasick,
 * Efficient string matching, 1975). Its state is the longest end of the text that begins one of the
 * strings.
 */
final class StopMatcher {
  private static final class Node {
    private final Map<Character, Node> children = new HashMap<>();
    private final int depth;
    private Node fallback;

    /** Length of the longest string that ends here, or 0. */
    private int matched;

    Node(int depth) {
      this.depth = depth;
    }
  }

  private final Node root = new Node(0);
  private Node state = root;

  /**
   * A matcher at the start of a text.
   *
   * @param strings none of them empty; unpaired surrogates, which no decoded text has, count as
   *     U+FFFD
   */
  StopMatcher(List<String> strings) {
    for (String string : strings) {
      if (string.isEmpty()) {
        throw new IllegalArgumentException("a stop string must not be empty");
      }
      add(WellFormed.of(string));
    }
    root.fallback = root;
    Queue<Node> queue = new ArrayDeque<>();
    for (Node child : root.children.values()) {
      child.fallback = root;
      queue.add(child);
    }
    while (!queue.isEmpty()) {
      Node node = queue.remove();
      node.matched = Math.max(node.matched, node.fallback.matched);
      node.children.forEach(
          (c, child) -> {
            child.fallback = step(node.fallback, c);
            queue.add(child);
          });
    }
  }

  private void add(String string) {
    Node node = root;
    for (int i = 0; i < string.length(); i++) {
      int depth = i + 1;
      node = node.children.computeIfAbsent(string.charAt(i), c -> new Node(depth));
    }
    node.matched = string.length();
  }

  private Node step(Node from, char c) {
    Node node = from;
    while (node != root && !node.children.containsKey(c)) {
      node = node.fallback;
    }
    return node.children.getOrDefault(c, root);
  }

  /** Takes the next character; returns the length of the longest string that ends with it, or 0. */
  int next(char c) {
    state = step(state, c);
    return state.matched;
  }

  /** Length of the longest end of the text so far that begins one of the strings. */
  int partial() {
    return state.depth;
  }
}
