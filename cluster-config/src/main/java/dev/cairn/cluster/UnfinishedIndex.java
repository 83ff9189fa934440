package dev.cairn.cluster;

import java.io.IOException;
import java.util.List;

/** The journal's index of requests that have begun and not ended. */
@FunctionalInterface
public interface UnfinishedIndex {
  /**
   * Ids, in the journal's order.
   *
   * @param after the last id of the page before, or the empty string
   * @param max most ids to return
   * @throws IOException where the journal cannot be read
   */
  List<String> page(String after, int max) throws IOException;
}
