package dev.cairn.cluster;

import java.util.List;

/** The journal's index of requests that have begun and not ended. */
@FunctionalInterface
public interface UnfinishedIndex {
  /**
   * Ids in ascending order.
   *
   * @param after the last id of the page before, or the empty string
   * @param max most ids to return
   */
  List<String> page(String after, int max);
}
