package dev.cairn.cluster.admin;

import dev.cairn.request.Snapshot.State;
import java.util.Optional;

/**
 * Which requests are wanted.
 *
 * @param state where they stand
 * @param device name of the device that their newest attempt went to
 * @param after id behind which the page begins; empty: from the first
 * @param limit most requests in the page
 */
public record RequestFilter(
    Optional<State> state, Optional<String> device, String after, int limit) {
  boolean takes(RequestRow row) {
    return row.id().compareTo(after) > 0
        && state.map(wanted -> wanted == row.state()).orElse(true)
        && device.map(wanted -> wanted.equals(row.device())).orElse(true);
  }
}
