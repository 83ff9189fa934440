package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.Band;
import dev.cairn.scheduling.PendingReason.Code;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class OrderTest {
  @Test
  @DisplayName(
      "S1 a key is computed once; a changed priority takes the request out and puts it in anew")
  void priorityChangesByRemovingAndEntering() {
    Cairns cairns = Cairns.running(1);
    cairns.submit(Requested.of("running").at(1));
    cairns.plan();
    cairns.submit(Requested.of("a").at(2));
    cairns.submit(Requested.of("b").at(3));
    cairns.submit(Requested.of("c").at(4));
    cairns.driver.core.prioritize("c", 1, Band.PRODUCTION);
    cairns.driver.core.prioritize("a", 1, Band.BATCH);
    cairns.driver.core.prioritize("absent", 1, Band.SYSTEM);
    assertThat(cairns.driver.core.stats().queued()).isEqualTo(3);
    cairns.drain();
    assertThat(cairns.started).containsExactly("running", "c", "b", "a");
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S2 ten thousand equal keys do not throw, and are served in the order they came")
  void equalKeysAreFirstInFirstOut() {
    WaitingQueue queue = new WaitingQueue(SchedulingPolicy.of(4));
    List<Ticket> tickets = Tickets.enqueue(queue, 10_000, i -> Requested.of("r").at(5));
    for (Ticket expected : tickets) {
      Ticket next = queue.next(0, any -> true);
      assertThat(next).isSameAs(expected);
      queue.start(next);
    }
    assertThat(queue.next(0, any -> true)).isNull();
  }

  @Test
  @DisplayName(
      "S3 a child comes before its parent's and other trees' waiting work; the older tree first")
  void childrenComeFirst() {
    Cairns cairns = Cairns.running(1);
    cairns.submit(Requested.of("first").at(1));
    cairns.plan();
    Requested parent = Requested.of("parent").at(20);
    Requested older = Requested.of("older").at(10);
    cairns.submit(parent);
    cairns.submit(older);
    cairns.submit(Requested.of("child").below(parent, 30));
    cairns.submit(Requested.of("child of older").below(older, 40));
    cairns.submit(Requested.of("grandchild").below(Requested.of("c").below(parent, 30), 50));
    cairns.drain();
    assertThat(cairns.started)
        .containsExactly("first", "grandchild", "child of older", "child", "older", "parent");
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S3 a running parent is not disturbed by its child")
  void runningParentIsNotDisturbed() {
    Cairns cairns = Cairns.running(1);
    Requested parent = Requested.of("parent").at(20).tokens(5, 20);
    cairns.submit(parent);
    cairns.step();
    cairns.submit(Requested.of("child").below(parent, 30));
    cairns.step();
    cairns.step();
    assertThat(cairns.driver.core.stats().preemptions()).isZero();
    assertThat(cairns.started).containsExactly("parent");
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName(
      "S4 S5 cancelling many leaves the order of the rest; cancelling what is absent does nothing")
  void bulkCancelKeepsTheOrder() {
    Cairns cairns = Cairns.running(1);
    cairns.submit(Requested.of("running").at(0));
    cairns.plan();
    List<Integer> order = new ArrayList<>(IntStream.range(1, 60).boxed().toList());
    Collections.shuffle(order, new Random(3));
    order.forEach(i -> cairns.submit(Requested.of("r" + i).at(i).tokens(3, 1)));
    List<String> expected = new ArrayList<>(List.of("running"));
    for (int i = 1; i < 60; i++) {
      if (i % 3 == 0) {
        expected.add("r" + i);
      } else {
        assertThat(cairns.driver.core.cancel("r" + i, Integer.MAX_VALUE)).isNotEmpty();
        assertThat(cairns.driver.core.cancel("r" + i, Integer.MAX_VALUE)).isEmpty();
      }
    }
    assertThat(cairns.driver.core.cancel("absent", 1)).isEmpty();
    cairns.driver.core.release("absent", 1);
    cairns.drain();
    assertThat(cairns.started).containsExactlyElementsOf(expected);
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S6 what is preempted comes back under its own key, and twice in is once")
  void requeueKeepsThePlace() {
    WaitingQueue queue = new WaitingQueue(SchedulingPolicy.of(4));
    List<Ticket> tickets = Tickets.enqueue(queue, 3, i -> Requested.of("r" + i).at(i));
    Ticket first = queue.next(0, any -> true);
    queue.start(first);
    queue.stopped(first.lane);
    queue.enqueue(first, 1);
    queue.enqueue(first, 2);
    assertThat(queue.waiting()).isEqualTo(3);
    assertThat(queue.next(3, any -> true)).isSameAs(first);
    queue.remove(first);
    queue.remove(first);
    assertThat(queue.waiting()).isEqualTo(2);
    assertThat(queue.next(3, any -> true)).isSameAs(tickets.get(1));
  }

  @Test
  @DisplayName("S7 a request whose parent nobody knows is the root of a tree of its own")
  void orphansAreRoots() {
    Cairns cairns = Cairns.running(1);
    cairns.submit(Requested.of("running").at(0));
    cairns.plan();
    Requested lost = Requested.of("lost").at(5);
    cairns.submit(Requested.of("root").at(7));
    cairns.submit(lost);
    cairns.submit(Requested.of("child").below(Requested.of("x").at(9), 9));
    cairns.drain();
    assertThat(cairns.started).containsExactly("running", "child", "lost", "root");
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S9 what is cancelled between plan and result leaves no token behind")
  void aPlanIsRevalidated() {
    Cairns cairns = Cairns.running(2);
    CoreDriver.Request request = cairns.submit(Requested.of("a").tokens(5, 20));
    cairns.plan();
    cairns.driver.core.cancel("a", Integer.MAX_VALUE);
    cairns.driver.runOne();
    cairns.driver.collect();
    assertThat(request.output).isEmpty();
    cairns.drain();
    assertThat(request.released).isTrue();
    assertThat(request.output).isEmpty();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S11 a tree that spawns for ever does not keep another root from starting")
  void perpetualTreesDoNotStarve() {
    SchedulingPolicy policy = Policies.aging(1, 50_000_000, 4);
    Cairns cairns = Cairns.running(1, policy);
    Requested root = Requested.of("tree").at(1);
    cairns.submit(root);
    Requested parent = root;
    cairns.submit(Requested.of("other").at(2));
    int spawned = 0;
    while (!cairns.started.contains("other") && spawned < 400) {
      parent = Requested.of("spawn" + spawned++).below(parent, 2 + spawned).tokens(3, 2);
      cairns.submit(parent);
      cairns.step();
    }
    long waited = cairns.driver.now;
    assertThat(cairns.started).contains("other");
    // Overdue after 50 ms, and from then on among the next four that start.
    assertThat(waited).isBetween(50_000_000L, 50_000_000L + 4 * 4 * 2_000_000L);
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S15 the extremes of every number keep their order")
  void extremesDoNotOverflow() {
    QueueKey deepest = new QueueKey(Band.INTERACTIVE, Integer.MAX_VALUE, 0, 0, 9);
    QueueKey early = new QueueKey(Band.INTERACTIVE, 0, Long.MIN_VALUE, Long.MIN_VALUE, 1);
    QueueKey late = new QueueKey(Band.INTERACTIVE, 0, Long.MAX_VALUE, Long.MAX_VALUE, 2);
    QueueKey last = new QueueKey(Band.INTERACTIVE, 0, Long.MAX_VALUE, Long.MAX_VALUE, 3);
    List<QueueKey> keys = new ArrayList<>(List.of(last, late, early, deepest));
    Collections.sort(keys);
    assertThat(keys).containsExactly(deepest, early, late, last);
  }

  @Test
  @DisplayName("L7 turns of a session never overlap, and each waits for the one before it")
  void turnsNeverOverlap() {
    Cairns cairns = Cairns.running(4);
    cairns.submit(Requested.of("one").at(1).session("s"));
    cairns.submit(Requested.of("two").at(2).session("s"));
    cairns.submit(Requested.of("three").at(3).session("s"));
    cairns.submit(Requested.of("other").at(4).session("t"));
    cairns.submit(Requested.of("other tenant").at(5).tenant("b").session("s"));
    while (cairns.driver.core.stats().entries() > 0) {
      cairns.step();
      assertThat(cairns.driver.core.stats().running()).isLessThanOrEqualTo(3);
    }
    assertThat(cairns.started.indexOf("two")).isGreaterThan(cairns.started.indexOf("one"));
    assertThat(cairns.started.indexOf("three")).isGreaterThan(cairns.started.indexOf("two"));
    cairns.assertWhole();
  }

  @Test
  @DisplayName(
      "L7 a later turn says that its session is busy, and a cancelled turn lets the next go")
  void aCancelledTurnLetsTheNextGo() {
    Cairns cairns = Cairns.running(4);
    cairns.submit(Requested.of("one").at(1).session("s").tokens(5, 40));
    cairns.submit(Requested.of("two").at(2).session("s"));
    cairns.step();
    assertThat(cairns.whyWaits("two")).isEqualTo(Code.SESSION_BUSY);
    cairns.driver.core.cancel("one", 1);
    cairns.drain();
    assertThat(cairns.started).containsExactly("one", "two");
    assertThat(cairns.driver.requests.get("two").end).isPresent();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("L7 a turn whose device was lost comes before the turns that follow it")
  void aLostTurnComesBackFirst() {
    Cairns cairns = Cairns.running(4);
    Requested one = Requested.of("one").at(1).session("s").tokens(5, 40);
    cairns.submit(one);
    cairns.submit(Requested.of("two").at(2).session("s"));
    cairns.step();
    CoreDriver.Request lost = cairns.driver.requests.get("one");
    assertThat(cairns.driver.loseDevice()).hasSize(1);
    cairns.started.clear();
    cairns.driver.readmit(lost);
    cairns.drain();
    assertThat(cairns.started).containsExactly("one", "two");
    cairns.assertWhole();
  }
}
