package dev.cairn.request;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The requests that are part of one. It is not written down: each of them is durable, knows its
 * parent, and joins it again when either of the two has come back to life.
 */
final class Family {
  private final Set<String> children = new LinkedHashSet<>();

  /** Those that were told to end and have not said yet that they have. */
  private final Set<String> leaving = new LinkedHashSet<>();

  void joined(String child) {
    children.add(child);
  }

  void left(String child) {
    children.remove(child);
    leaving.remove(child);
  }

  /** Those that have to be told to end. */
  List<String> cancel() {
    leaving.addAll(children);
    return List.copyOf(leaving);
  }

  /** One was told to end because this request was cancelled before it came. */
  void cancelled(String child) {
    leaving.add(child);
  }

  boolean isLeaving() {
    return !leaving.isEmpty();
  }

  int children() {
    return children.size();
  }
}
