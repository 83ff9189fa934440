package dev.cairn.cluster.admin;

import dev.cairn.request.Snapshot.State;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.stream.Stream;

/**
 * Which of the newest requests are wanted.
 *
 * @param tenant whose they are; empty: anybody's
 * @param state where they stand; empty: anywhere but at their end
 * @param limit most requests in the page
 */
public record NewestFilter(Optional<String> tenant, Optional<State> state, int limit) {
  /** The newest first; of two that came at once the one of the larger id. */
  public static final Comparator<RequestRow> NEWEST_FIRST =
      Comparator.comparingLong(RequestRow::submittedAtMillis)
          .thenComparing(RequestRow::id)
          .reversed();

  /** Counts all and keeps the newest, in one pass that holds no more than a page. */
  public NodeAdmin.NewestPage page(Stream<RequestRow> requests) {
    PriorityQueue<RequestRow> newest = new PriorityQueue<>(NEWEST_FIRST.reversed());
    int[] counts = new int[State.values().length];
    requests
        .filter(row -> tenant.isEmpty() || tenant.get().equals(row.tenant()))
        .forEach(
            row -> {
              counts[row.state().ordinal()]++;
              if (state.isEmpty() ? row.isUnfinished() : state.get() == row.state()) {
                newest.add(row);
                if (newest.size() > limit) {
                  newest.remove();
                }
              }
            });
    List<RequestRow> rows = new ArrayList<>(newest);
    rows.sort(NEWEST_FIRST);
    return new NodeAdmin.NewestPage(
        rows,
        new StateCounts(
            counts[State.ACCEPTED.ordinal()],
            counts[State.ASSIGNED.ordinal()],
            counts[State.PAUSED.ordinal()],
            counts[State.FINISHED.ordinal()]));
  }
}
