package dev.cairn.cluster.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Snapshot.State;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class NewestFilterTest {
  private static RequestRow row(int number, State state, String tenant, long atMillis) {
    return new RequestRow(
        String.format("r%05d", number),
        "n",
        "m",
        state,
        Band.INTERACTIVE,
        tenant,
        "",
        "d",
        1,
        2,
        3,
        4,
        atMillis,
        state == State.FINISHED
            ? Optional.of(new Snapshot.Finish(FinishReason.LENGTH, ""))
            : Optional.empty());
  }

  private static List<RequestRow> shuffled(int count, long seed) {
    List<RequestRow> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(row(i, State.values()[i % 4], "t" + i % 3, i / 2));
    }
    Collections.shuffle(rows, new Random(seed));
    return rows;
  }

  @Test
  @DisplayName("a page holds the newest of those wanted, and the counts of all, in any order given")
  void newest() {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    List<RequestRow> rows = shuffled(1200, seed);
    for (Optional<String> tenant : List.of(Optional.<String>empty(), Optional.of("t1"))) {
      for (Optional<State> state : List.of(Optional.<State>empty(), Optional.of(State.FINISHED))) {
        NodeAdmin.NewestPage page = new NewestFilter(tenant, state, 20).page(rows.stream());
        List<RequestRow> expected =
            rows.stream()
                .filter(row -> tenant.isEmpty() || row.tenant().equals(tenant.get()))
                .filter(row -> state.map(s -> s == row.state()).orElse(row.isUnfinished()))
                .sorted(NewestFilter.NEWEST_FIRST)
                .limit(20)
                .toList();
        assertThat(page.requests()).as("-Dcairn.seed=%d", seed).isEqualTo(expected);
        int each = tenant.isEmpty() ? 300 : 100;
        assertThat(page.counts()).isEqualTo(new StateCounts(each, each, each, each));
      }
    }
    NodeAdmin.NewestPage first =
        new NewestFilter(Optional.empty(), Optional.empty(), 1).page(rows.stream());
    assertThat(first.requests()).extracting(RequestRow::id).containsExactly("r01198");
  }
}
