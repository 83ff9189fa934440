package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.cairn.persistence.RequestEvent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rocksdb.RocksDBException;
import org.slf4j.LoggerFactory;

class GroupCommitTest {
  @TempDir Path directory;

  /** Returns once the plugin's actor has seen everything that was sent to it before. */
  private static void settle(JournalNode node) {
    TestKit probe = node.probe();
    node.send(probe, atomic(event("marker", 1, new Object())));
    probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
    probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class);
  }

  private static void expectStored(TestKit probe) {
    probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
    probe.expectMsgClass(JournalProtocol.WriteMessageSuccess.class);
  }

  @Test
  @DisplayName("writes of many actors that arrive during a sync share the next one")
  void sharesSyncs() {
    try (JournalNode node = JournalNode.start(directory)) {
      List<Integer> batches = new CopyOnWriteArrayList<>();
      node.journal().onCommit((events, nanos) -> batches.add(events));
      Gate gate = new Gate(node);
      TestKit probe = node.probe();
      node.send(probe, atomic(event("first", 1, "x")));
      gate.awaitEntered();
      for (int n = 0; n < 64; n++) {
        node.send(probe, atomic(event("p" + n, 1, "x"), event("p" + n, 2, "y")));
      }
      settle(node);
      assertThat(node.journal().stats().queueDepth()).isEqualTo(64);
      assertThat(node.journal().stats().currentCommitNanos()).isPositive();
      gate.open.countDown();

      probe.receiveN(2 + 64 * 3);
      JournalStats stats = node.journal().stats();
      assertThat(stats.commits()).isEqualTo(2);
      assertThat(stats.events()).isEqualTo(129);
      assertThat(stats.bytes()).isPositive();
      assertThat(stats.lastCommitNanos()).isPositive();
      assertThat(stats.currentCommitNanos()).isZero();
      node.writeTexts("last", 1, 1);
      assertThat(batches).startsWith(1, 128);
      assertThat(node.replay("p63").highest()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @CsvSource({"batch-events, 10, 4", "batch-bytes, 1, 31"})
  @DisplayName("L13 batch-events and batch-bytes bound what one sync takes")
  void boundsBatch(String key, int value, long commits) {
    try (JournalNode node = JournalNode.start(directory, Map.of("cairn.journal." + key, value))) {
      Gate gate = new Gate(node);
      TestKit probe = node.probe();
      node.send(probe, atomic(event("first", 1, "x")));
      gate.awaitEntered();
      for (int n = 0; n < 30; n++) {
        node.send(probe, atomic(event("p" + n, 1, "x")));
      }
      settle(node);
      gate.open.countDown();

      probe.receiveN(62);
      assertThat(node.journal().stats().commits()).isEqualTo(commits);
    }
  }

  @ParameterizedTest
  @CsvSource({"queue-writes, 2, 3", "queue-bytes, 1, 2"})
  @DisplayName("L13 a full queue rejects, loudly, and the rest is stored")
  void boundsQueue(String key, int value, int taken) {
    try (JournalNode node = JournalNode.start(directory, Map.of("cairn.journal." + key, value))) {
      Gate gate = new Gate(node);
      List<TestKit> probes = new ArrayList<>();
      for (int n = 0; n <= taken; n++) {
        probes.add(node.probe());
        node.send(probes.get(n), atomic(event("p" + n, 1, "x")));
        gate.awaitEntered();
      }
      TestKit last = probes.get(taken);
      last.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      assertThat(last.expectMsgClass(JournalProtocol.WriteMessageRejected.class).cause())
          .isInstanceOf(JournalOverloadedException.class)
          .hasMessageContaining("holds " + (taken - 1) + " writes");
      gate.open.countDown();

      for (int n = 0; n < taken; n++) {
        expectStored(probes.get(n));
      }
      assertThat(node.journal().stats().overloads()).isEqualTo(1);
      assertThat(node.journal().stats().failed()).isFalse();
      assertThat(node.replay("p" + taken).highest()).isZero();
    }
  }

  @Test
  @DisplayName("a write that the full queue rejected does not hide an earlier one from readers")
  void overloadKeepsInFlight() {
    try (JournalNode node = JournalNode.start(directory, Map.of("cairn.journal.queue-writes", 1))) {
      Gate gate = new Gate(node);
      TestKit probe = node.probe();
      node.send(probe, atomic(event("p", 1, "x")));
      gate.awaitEntered();
      node.send(probe, atomic(event("q", 1, "x")));
      node.send(probe, atomic(event("p", 2, "x")));
      settle(node);
      Command first = node.journal().inFlight("p").orElseThrow();
      assertThat(((Command.Write) first).writes().get(0).highest()).isEqualTo(1);
      gate.open.countDown();

      assertThat(node.replay("p").highest()).isEqualTo(1);
      assertThat(node.replay("q").highest()).isEqualTo(1);
      node.writeTexts("r", 1, 2);
      assertThat(node.journal().inFlight("p")).isEmpty();
    }
  }

  @Test
  @DisplayName("I10 a commit slower than slow-commit is logged as a warning")
  void slowCommit() {
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    Logger logger = (Logger) LoggerFactory.getLogger(GroupCommit.class);
    logger.setLevel(Level.WARN);
    logger.setAdditive(false);
    logger.addAppender(lines);
    lines.start();
    try (JournalNode node =
        JournalNode.start(directory, Map.of("cairn.journal.slow-commit", "0 ms"))) {
      node.writeTexts("p", 1, 2);
    } finally {
      logger.detachAppender(lines);
      logger.setAdditive(true);
      logger.setLevel(null);
    }
    assertThat(lines.list)
        .extracting(ILoggingEvent::getFormattedMessage)
        .hasSize(2)
        .allMatch(line -> line.startsWith("A commit of 1 events took"));
  }

  @Test
  @DisplayName("L4 a failing write acknowledges nothing, counts nothing and stops the journal")
  void failStop() {
    AtomicInteger failures = new AtomicInteger();
    CountDownLatch told = new CountDownLatch(1);
    AtomicInteger commits = new AtomicInteger();
    AtomicReference<Throwable> late = new AtomicReference<>();
    try (JournalNode node = JournalNode.start(directory)) {
      node.journal().onCommit((events, nanos) -> commits.incrementAndGet());
      node.writeTexts("p", 1, 2);
      JournalStats before = node.journal().stats();
      node.journal().onFailure(cause -> failures.incrementAndGet());
      node.journal().onFailure(cause -> told.countDown());
      BatchWrite real = node.journal().databaseWrite();
      node.journal()
          .replaceWrite(
              batch -> {
                real.write(batch);
                throw new RocksDBException("fdatasync: Input/output error");
              });

      assertFails(node, "p", 3);
      node.journal().replaceWrite(real);
      assertFails(node, "p", 3);
      assertFails(node, "q", 1);

      assertThat(node.replayFailure("p")).isInstanceOf(JournalFailedException.class);
      assertThatThrownBy(() -> node.journal().unfinished("", 1))
          .isInstanceOf(JournalFailedException.class);
      JournalStats after = node.journal().stats();
      assertThat(after.failed()).isTrue();
      assertThat(after.cause().orElseThrow()).hasMessageContaining("Input/output error");
      assertThat(after.commits()).isEqualTo(before.commits());
      assertThat(after.events()).isEqualTo(before.events());
      assertThat(commits).as("those before the failure").hasValue(2);
      Gate.awaitQuietly(told);
      assertThat(failures).hasValue(1);
      node.journal().onFailure(late::set);
      assertThat(late.get()).hasMessageContaining("Input/output error");
    }
    try (JournalNode again = JournalNode.start(directory)) {
      assertThat(again.replay("p").payloads()).startsWith("a-1", "a-2");
      assertThat(again.replay("q").highest()).isZero();
    }
  }

  private static void assertFails(JournalNode node, String id, long sequenceNr) {
    TestKit probe = node.probe();
    node.send(probe, atomic(event(id, sequenceNr, "lost")));
    assertThat(probe.expectMsgClass(JournalProtocol.WriteMessagesFailed.class).cause())
        .isInstanceOf(JournalFailedException.class);
    probe.expectMsgClass(JournalProtocol.WriteMessageFailure.class);
  }

  @Test
  @DisplayName("H6 a listener that throws does not disturb the journal")
  void throwingListeners() {
    try (JournalNode node = JournalNode.start(directory)) {
      AtomicInteger heard = new AtomicInteger();
      node.journal()
          .onCommit(
              (events, nanos) -> {
                throw new IllegalStateException("listener");
              });
      node.journal().onCommit((events, nanos) -> heard.incrementAndGet());
      node.writeTexts("p", 1, 3);
      node.writeTexts("q", 1, 1);

      assertThat(heard.get()).isGreaterThanOrEqualTo(3);
    }
  }

  @Test
  @DisplayName("the end of the actor system waits for the writes in flight")
  void closesAfterWrites() {
    JournalNode node = JournalNode.start(directory);
    Gate gate = new Gate(node);
    TestKit probe = node.probe();
    node.send(probe, atomic(event("first", 1, "x")));
    gate.awaitEntered();
    for (int n = 0; n < 10; n++) {
      node.send(probe, atomic(event("p" + n, 1, "x")));
    }
    settle(node);
    node.system().terminate();
    gate.open.countDown();
    node.close();

    try (JournalNode again = JournalNode.start(directory)) {
      for (int n = 0; n < 10; n++) {
        assertThat(again.replay("p" + n).highest()).isEqualTo(1);
      }
    }
  }

  @Test
  @DisplayName(
      "L11 on a full disk new requests are rejected, others wait and go on when there is room")
  void fullDisk() {
    Map<String, Object> settings =
        Map.of("cairn.journal.min-free-bytes", 1000, "cairn.journal.free-space-interval", "5 ms");
    try (JournalNode node = JournalNode.start(directory, settings)) {
      node.writeTexts("running", 1, 1);
      node.journal().space().replaceGauge(() -> 999);
      TestKit waiting = node.probe();
      node.send(waiting, atomic(event("running", 2, "x")));
      TestKit fresh = node.probe();
      node.send(fresh, atomic(event("new", 1, new RequestEvent.Accepted(JournalNode.spec("new")))));

      fresh.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      assertThat(fresh.expectMsgClass(JournalProtocol.WriteMessageRejected.class).cause())
          .isInstanceOf(JournalFullException.class)
          .hasMessageContaining("1000 bytes");
      assertThat(node.journal().stats().diskFull()).isTrue();
      assertThat(node.journal().stats().commits()).isEqualTo(1);
      node.journal().space().replaceGauge(() -> 1000);

      expectStored(waiting);
      assertThat(node.journal().stats().failed()).isFalse();
      assertThat(node.journal().stats().diskFull()).isFalse();
    }
  }
}
