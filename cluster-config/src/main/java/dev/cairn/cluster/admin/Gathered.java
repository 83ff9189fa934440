package dev.cairn.cluster.admin;

import java.util.List;

/**
 * What the nodes of a cluster answered.
 *
 * @param answers of those that did, in the order of their addresses
 * @param unanswered addresses of those that did not within the time that was given
 */
public record Gathered<T>(List<T> answers, List<String> unanswered) {
  public Gathered {
    answers = List.copyOf(answers);
    unanswered = List.copyOf(unanswered);
  }
}
