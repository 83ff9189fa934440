package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RecoveryTest {
  private static final int UNFINISHED = 1000;
  private static final int CONCURRENT = 64;

  private final TreeSet<String> ids = new TreeSet<>();
  private final List<String> woken = new ArrayList<>();
  private final Deque<CompletableFuture<Object>> waking = new ArrayDeque<>();
  private int largestPage;
  private int recovered;

  private List<String> page(String after, int most) {
    List<String> page = ids.tailSet(after, false).stream().limit(most).toList();
    largestPage = Math.max(largestPage, page.size());
    return page;
  }

  private CompletableFuture<Object> wake(String id) {
    woken.add(id);
    waking.add(new CompletableFuture<>());
    return waking.getLast();
  }

  private CompletableFuture<Integer> start(UnfinishedIndex index) {
    return new Recovery(index, this::wake, CONCURRENT, Runnable::run, back -> recovered = back)
        .start()
        .toCompletableFuture();
  }

  @Test
  @DisplayName("L5 unfinished requests come back in order, as many at a time as configured")
  void isBounded() {
    IntStream.range(0, UNFINISHED).forEach(i -> ids.add(String.format("%04d", i)));
    CompletableFuture<Integer> done = start(this::page);
    int ended = 0;
    while (!waking.isEmpty()) {
      assertThat(waking).hasSize(Math.min(CONCURRENT, UNFINISHED - ended));
      assertThat(done).isNotDone();
      waking.removeFirst().complete("known");
      ended++;
      assertThat(recovered).isEqualTo(ended);
    }
    assertThat(done).isCompletedWithValue(UNFINISHED);
    assertThat(woken).containsExactlyElementsOf(ids);
    assertThat(largestPage).isEqualTo(CONCURRENT);
  }

  @Test
  @DisplayName("a journal without unfinished requests is recovered at once")
  void nothingToDo() {
    assertThat(start(this::page)).isCompletedWithValue(0);
  }

  @Test
  @DisplayName("a request that cannot be brought back, or an index that fails, fails the start")
  void failures() {
    ids.add("0001");
    CompletableFuture<Integer> done = start(this::page);
    waking.removeFirst().completeExceptionally(new IllegalStateException("not this one"));
    assertThatThrownBy(done::join).hasMessageContaining("not this one");
    CompletableFuture<Integer> unreadable =
        start(
            (after, most) -> {
              throw new IOException("no index");
            });
    assertThatThrownBy(unreadable::join).hasMessageContaining("no index");
  }
}
