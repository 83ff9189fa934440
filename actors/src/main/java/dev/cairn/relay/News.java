package dev.cairn.relay;

import dev.cairn.request.Update;
import java.util.List;

/**
 * The answer to a {@link Pull}; none has more than one.
 *
 * @param incarnation that of the pull
 * @param round number of the newest pull that it answers
 * @param updates what is new
 * @param notHere requests that this node does not own
 * @param behind requests of which this node, their owner, has less than the reader
 */
public record News(
    long incarnation, long round, List<Update> updates, List<String> notHere, List<String> behind) {
  public News {
    updates = List.copyOf(updates);
    notHere = List.copyOf(notHere);
    behind = List.copyOf(behind);
  }
}
