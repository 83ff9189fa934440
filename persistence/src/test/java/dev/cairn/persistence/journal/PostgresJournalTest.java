package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static dev.cairn.persistence.journal.JournalNode.spec;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.postgres.LocalPostgres;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The journal in PostgreSQL, against the plugin in an actor system and a real server. */
class PostgresJournalTest {
  private static final long PATIENCE_NANOS = Duration.ofSeconds(60).toNanos();

  private final String url = LocalPostgres.shared().createDatabase();

  private JournalNode start(String settings) {
    return JournalNode.start(JournalNode.postgres(url, settings));
  }

  private Config config() {
    return JournalNode.postgres(url, "");
  }

  private static void until(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static AtomicWrite accepted(String id) {
    return atomic(
        event(id, 1, new Accepted(spec(id))), event(id, 2, new Assigned(id, 1, 0, "cpu-0", "n-1")));
  }

  private static AtomicWrite tokens(String id, long sequenceNr, int index) {
    return atomic(
        event(
            id,
            sequenceNr,
            new TokensCommitted(id, 1, index, new int[] {7, 8}, List.of(), List.of())));
  }

  private static AtomicWrite finished(String id, long sequenceNr, int index) {
    return atomic(event(id, sequenceNr, new Finished(id, 1, index, FinishReason.LENGTH, "")));
  }

  @Test
  @DisplayName("what is written is replayed, with the bytes of Cairn's own serializer")
  void writesAndReplays() throws Exception {
    try (JournalNode node = start("")) {
      node.write(accepted("r1"));
      node.write(tokens("r1", 3, 0));
      node.write(finished("r1", 4, 2));
      JournalNode.Replay replay = node.replay("r1");
      assertThat(replay.sequenceNrs()).containsExactly(1L, 2L, 3L, 4L);
      assertThat(replay.payloads().get(0)).isEqualTo(new Accepted(spec("r1")));
      assertThat(replay.highest()).isEqualTo(4);
      assertThat(node.replay("nobody").highest()).isZero();
    }
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement sql = connection.createStatement();
        ResultSet row =
            sql.executeQuery(
                "SELECT event_ser_id, event_ser_manifest FROM event_journal"
                    + " WHERE sequence_number = 3")) {
      assertThat(row.next()).isTrue();
      assertThat(row.getInt(1)).isEqualTo(20_261);
      assertThat(row.getString(2)).startsWith("tokens:");
    }
  }

  @Test
  @DisplayName("the tools read it: index, summaries, events, and a verification that finds damage")
  void reader() throws Exception {
    try (JournalNode node = start("")) {
      node.write(accepted("r1"));
      node.write(accepted("r22"));
      node.write(accepted("r3"));
      node.write(tokens("r3", 3, 0));
      node.write(tokens("r1", 3, 0));
      node.write(finished("r1", 4, 2));
      JournalAccess access = JournalExtension.get(node.system());
      assertThat(access.unfinished("", 10)).containsExactly("r3", "r22");
      assertThat(access.unfinished("r3", 10)).containsExactly("r22");
      assertThat(access.isShared()).isTrue();
      assertThat(access.place()).contains("PostgreSQL at 127.0.0.1:");
      try (JournalReader reader = JournalReader.open(config())) {
        node.write(accepted("late"));
        assertThat(reader.persistenceIds("", 2)).containsExactly("r1", "r22");
        assertThat(reader.persistenceIds("r22", 2)).containsExactly("r3");
        assertThat(reader.unfinished("", 10)).containsExactly("r3", "r22");
        assertThat(reader.summary("r1").orElseThrow().state()).isEqualTo("length");
        assertThat(reader.requests("r1", 10))
            .extracting(RequestSummary::persistenceId)
            .containsExactly("r22", "r3");
        assertThat(reader.events("r3", 2, 10))
            .extracting(StoredEvent::sequenceNr)
            .containsExactly(2L, 3L);
        assertThat(reader.verify(10))
            .isEqualTo(new JournalReader.Verification(3, 9, List.of(), List.of()));
      }
    }
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement sql = connection.createStatement()) {
      sql.execute("DELETE FROM event_journal WHERE persistence_id = 'r1' AND sequence_number = 3");
      sql.execute("UPDATE cairn_request SET finished_millis = NULL WHERE persistence_id = 'r1'");
    }
    try (JournalReader reader = JournalReader.open(config())) {
      assertThat(reader.verify(10).problems())
          .hasSize(2)
          .anyMatch(problem -> problem.contains("r1, sequence number 4: found index 2, expected 0"))
          .anyMatch(problem -> problem.contains("names request r1, which has ended"));
    }
  }

  @Test
  @DisplayName(
      "of two incarnations one commits a sequence number, and the loser's batch mates do too")
  void theFence() {
    // One transaction at a time, so that what comes meanwhile makes up one batch.
    try (JournalNode one = start("cairn.postgres.parallel-batches = 1");
        JournalNode other = start("cairn.postgres.parallel-batches = 1")) {
      one.write(accepted("r1"));
      one.write(tokens("r1", 3, 0));
      List<TestKit> mates = new ArrayList<>();
      TestKit loser = other.probe();
      for (int i = 0; i < 40; i++) {
        mates.add(other.probe());
        other.send(mates.get(i), accepted("m" + i));
        if (i == 20) {
          other.send(loser, tokens("r1", 3, 0));
        }
      }
      for (TestKit mate : mates) {
        mate.expectMsgClass(Duration.ofSeconds(60), JournalProtocol.WriteMessagesSuccessful$.class);
      }
      loser.expectMsgClass(Duration.ofSeconds(60), JournalProtocol.WriteMessagesFailed.class);
      assertThat(loser.expectMsgClass(JournalProtocol.WriteMessageFailure.class).cause())
          .isInstanceOf(SequenceNumberExistsException.class)
          .hasMessageContaining("r1 begins at sequence number 3, which another incarnation")
          .hasNoCause();
      assertThat(JournalExtension.get(other.system()).stats().failedWrites()).isEqualTo(1);
      assertThat(other.replay("r1").sequenceNrs()).containsExactly(1L, 2L, 3L);
      assertThat(JournalExtension.get(other.system()).unavailable()).isEmpty();
    }
  }

  @Test
  @DisplayName("queue-writes bounds what waits; what finds no room fails and is counted")
  void bounded() throws Exception {
    try (JournalNode node = start("cairn.postgres.queue-writes = 2");
        Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "")) {
      node.write(accepted("first"));
      JournalAccess access = JournalExtension.get(node.system());
      connection.setAutoCommit(false);
      List<TestKit> probes = new ArrayList<>();
      try (Statement sql = connection.createStatement()) {
        sql.execute("LOCK TABLE event_journal IN EXCLUSIVE MODE");
        for (int i = 0; i < 3; i++) {
          probes.add(node.probe());
          node.send(probes.get(i), accepted("w" + i));
        }
        probes.get(2).expectMsgClass(JournalProtocol.WriteMessagesFailed.class);
        assertThat(probes.get(2).expectMsgClass(JournalProtocol.WriteMessageFailure.class).cause())
            .isInstanceOf(JournalOverloadedException.class)
            .hasMessageContaining("2 writes")
            .hasMessageContaining("cairn.postgres.queue-writes");
        assertThat(access.stats().overloads()).isEqualTo(1);
        assertThat(access.stats().queueDepth()).isEqualTo(2);
        until(() -> access.stats().currentCommitNanos() > 0, "a commit under way");
        connection.rollback();
      }
      probes.get(0).expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      probes.get(1).expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      until(() -> access.stats().queueDepth() == 0, "an empty queue");
    }
  }

  @Test
  @DisplayName("commits are counted and told, L4 after they are durable")
  void commits() {
    try (JournalNode node = start("")) {
      JournalAccess access = JournalExtension.get(node.system());
      AtomicLong events = new AtomicLong();
      access.onCommit((count, nanos) -> events.addAndGet(count));
      node.write(accepted("r1"));
      until(() -> events.get() == 2, "the commit to be told");
      JournalStats stats = access.stats();
      assertThat(stats.commits()).isEqualTo(1);
      assertThat(stats.events()).isEqualTo(2);
      assertThat(stats.bytes()).isPositive();
      assertThat(stats.lastCommitNanos()).isPositive();
      assertThat(stats.diskFull()).isFalse();
    }
  }

  @Test
  @DisplayName(
      "retention.time deletes finished requests, by one node at a time, and no unfinished one")
  void retentionByTime() throws Exception {
    String soon = "cairn.journal.retention { time = 1 ms, interval = 50 ms, batch-requests = 2 }";
    try (JournalNode node = start("")) {
      for (int i = 0; i < 7; i++) {
        node.write(accepted("r" + i));
        node.write(finished("r" + i, 3, 0));
      }
      node.write(accepted("open"));
    }
    try (JournalNode one = start(soon);
        JournalNode other = start(soon)) {
      JournalAccess first = JournalExtension.get(one.system());
      JournalAccess second = JournalExtension.get(other.system());
      until(
          () ->
              first.stats().storage().expiredRequests() + second.stats().storage().expiredRequests()
                  == 7,
          "all seven to be deleted, each once");
      until(() -> first.stats().storage().diskBytes() > 0, "the first to have measured");
      until(() -> first.stats().storage().finishedRequests() == 0, "nothing finished to be kept");
      try (JournalReader reader = JournalReader.open(config())) {
        assertThat(reader.persistenceIds("", 10)).containsExactly("open");
        assertThat(reader.unfinished("", 10)).containsExactly("open");
        assertThat(reader.verify(10).problems()).isEmpty();
      }
      assertThat(one.replay("r0").events()).isEmpty();
    }
  }

  @Test
  @DisplayName(
      "a deleted request's events are erased with its deletion, which is kept for its time")
  void deletion() throws Exception {
    try (JournalNode node = start("")) {
      node.write(accepted("kept"), finished("kept", 3, 0));
      node.write(accepted("r"));
      node.write(finished("r", 3, 0));
      node.write(JournalNode.atomic(JournalNode.event("r", 4, new Deleted("r", 1, 0))));
      assertThat(node.replay("r").payloads()).containsExactly(new Deleted("r", 1, 0));
      assertThat(node.replay("r").highest()).isEqualTo(4);
      assertThat(node.replay("kept").payloads()).hasSize(3);
      try (JournalReader reader = JournalReader.open(config())) {
        assertThat(reader.summary("r")).isEmpty();
        assertThat(reader.unfinished("", 10)).isEmpty();
        assertThat(reader.verify(10).problems()).isEmpty();
      }
    }
    String soon = "cairn.journal.retention { time = 1 ms, interval = 50 ms }";
    try (JournalNode node = start(soon)) {
      JournalAccess access = JournalExtension.get(node.system());
      until(() -> access.stats().storage().expiredRequests() == 2, "both to be gone");
      assertThat(node.replay("r").payloads()).isEmpty();
    }
  }

  @Test
  @DisplayName("retention.bytes deletes the requests first that finished first")
  void retentionByBytes() throws Exception {
    try (JournalNode node = start("")) {
      for (int i = 0; i < 5; i++) {
        node.write(accepted("r" + i));
        node.write(finished("r" + i, 3, 0));
      }
      JournalAccess access = JournalExtension.get(node.system());
      assertThat(access.stats().storage().expiredRequests()).isZero();
    }
    long all;
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement sql = connection.createStatement();
        ResultSet row = sql.executeQuery("SELECT sum(bytes) FROM cairn_request")) {
      row.next();
      all = row.getLong(1);
    }
    String room =
        "cairn.journal.retention { time = 0, interval = 50 ms, bytes = " + all * 2 / 5 + " }";
    try (JournalNode node = start(room)) {
      JournalAccess access = JournalExtension.get(node.system());
      until(() -> access.stats().storage().expiredRequests() == 3, "three to be deleted");
      try (JournalReader reader = JournalReader.open(config())) {
        assertThat(reader.persistenceIds("", 10)).containsExactly("r3", "r4");
      }
    }
  }

  @Test
  @DisplayName("the benchmark measures commits and leaves nothing behind")
  void benchmark() throws Exception {
    JournalBenchmark.Result result = JournalBenchmark.run(config(), 4, Duration.ofMillis(400));
    assertThat(result.eventsPerSecond()).isPositive();
    assertThat(result.toJson()).contains("\"durability\":\"postgresql\",\"writers\":4");
    try (JournalReader reader = JournalReader.open(config())) {
      assertThat(reader.persistenceIds("", 10)).isEmpty();
    }
  }
}
