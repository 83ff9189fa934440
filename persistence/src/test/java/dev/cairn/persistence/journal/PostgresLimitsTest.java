package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static dev.cairn.persistence.journal.JournalNode.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import dev.cairn.postgres.LocalPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/**
 * The keys of {@code cairn.postgres} that bound work and waits, shown by a table that is locked.
 */
class PostgresLimitsTest {
  private static final long PATIENCE_NANOS = Duration.ofSeconds(60).toNanos();
  private static final String QUIET = "cairn.journal.retention.interval = 1 h\n";

  private final String url = LocalPostgres.shared().createDatabase();
  private Connection locker;
  private Connection looker;

  @BeforeEach
  void connect() throws SQLException {
    PostgresJournal.prepare(JournalNode.postgres(url, ""));
    locker = DriverManager.getConnection(url, LocalPostgres.USER, "");
    locker.setAutoCommit(false);
    looker = DriverManager.getConnection(url, LocalPostgres.USER, "");
  }

  @AfterEach
  void disconnect() throws SQLException {
    locker.close();
    looker.close();
  }

  private JournalNode start(String settings) {
    JournalNode node = JournalNode.start(JournalNode.postgres(url, QUIET + settings));
    node.write(accepted("first"));
    return node;
  }

  private void lock(String table, String mode) throws SQLException {
    try (Statement sql = locker.createStatement()) {
      sql.execute("LOCK TABLE " + table + " IN " + mode + " MODE");
    }
  }

  private int count(String query) throws SQLException {
    try (Statement sql = looker.createStatement();
        ResultSet row = sql.executeQuery(query)) {
      row.next();
      return row.getInt(1);
    }
  }

  private int waiting() throws SQLException {
    return count(
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
            + " AND relation = 'event_journal'::regclass");
  }

  private static void until(Callable<Boolean> condition, String what) throws Exception {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.call()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  /** Two events in one write. */
  private static AtomicWrite accepted(String id) {
    return atomic(
        event(id, 1, new Accepted(spec(id))), event(id, 2, new Assigned(id, 1, 0, "cpu-0", "n-1")));
  }

  private static List<TestKit> send(JournalNode node, int writes) {
    List<TestKit> probes = new ArrayList<>();
    for (int i = 0; i < writes; i++) {
      probes.add(node.probe());
      node.send(probes.get(i), accepted("w" + i));
    }
    return probes;
  }

  private static void awaitWritten(List<TestKit> probes) {
    for (TestKit probe : probes) {
      probe.expectMsgClass(Duration.ofSeconds(60), JournalProtocol.WriteMessagesSuccessful$.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 10", "400, 2"})
  @DisplayName("batch-events bounds what one transaction takes of the writes that wait")
  void batchEvents(int events, int commits) throws Exception {
    try (JournalNode node =
        start("cairn.postgres { parallel-batches = 1, batch-events = " + events + " }")) {
      JournalAccess access = JournalExtension.get(node.system());
      long before = access.stats().commits();
      lock("event_journal", "EXCLUSIVE");
      List<TestKit> probes = new ArrayList<>(send(node, 1));
      until(() -> waiting() == 1, "the first to wait");
      for (int i = 1; i < 10; i++) {
        TestKit probe = node.probe();
        node.send(probe, accepted("v" + i));
        probes.add(probe);
      }
      until(() -> access.stats().queueDepth() == 10, "all to wait");
      locker.rollback();
      awaitWritten(probes);
      assertThat(access.stats().commits() - before).isEqualTo(commits);
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "3"})
  @DisplayName("parallel-batches bounds the transactions at a time")
  void parallelBatches(int parallel) throws Exception {
    try (JournalNode node =
        start("cairn.postgres { batch-events = 2, parallel-batches = " + parallel + " }")) {
      lock("event_journal", "EXCLUSIVE");
      List<TestKit> probes = send(node, 8);
      until(() -> waiting() == parallel, "so many transactions to wait");
      locker.rollback();
      awaitWritten(probes);
    }
  }

  @ParameterizedTest
  @CsvSource({"2", "5"})
  @DisplayName("connections is the number that write and replay, beside one for tools")
  void connections(int connections) throws Exception {
    try (JournalNode node =
        start("cairn.postgres { parallel-batches = 1, connections = " + connections + " }")) {
      until(
          () ->
              count(
                      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cairn'"
                          + " AND datname = current_database()")
                  == connections + 1,
          "the connections");
      assertThat(node.replay("first").highest()).isEqualTo(2);
    }
  }

  @Test
  @DisplayName("tool-connections, connect-timeout, probe-interval: a probe that gets none says so")
  void toolConnections() throws Exception {
    String one =
        "cairn.postgres { tool-connections = 1, connect-timeout = 3 s, socket-timeout = 8 s,"
            + " probe-interval = 20 ms }";
    try (JournalNode node = start(one)) {
      JournalAccess access = JournalExtension.get(node.system());
      // The retention's first sweep needs the connection too, and must not be what waits.
      until(
          () ->
              access.unavailable().isEmpty()
                  && access.stats().storage().diskBytes() > 0
                  && count(
                          "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cairn'"
                              + " AND datname = current_database() AND state <> 'idle'")
                      == 0,
          "the first sweep to end");
      lock("cairn_request", "ACCESS EXCLUSIVE");
      // It waits for the lock with the only connection, until the driver gives it up.
      CompletableFuture<List<String>> asked =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return access.unfinished("", 1);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      until(() -> access.unavailable().isPresent(), "a probe without a connection");
      assertThatThrownBy(() -> asked.get(60, TimeUnit.SECONDS))
          .rootCause()
          .isInstanceOf(SocketTimeoutException.class);
      locker.rollback();
      until(() -> access.unavailable().isEmpty(), "the database to answer again");
      assertThat(access.unfinished("", 1)).containsExactly("first");
    }
  }

  @Test
  @DisplayName("socket-timeout ends a write that hangs, whose outcome is unknown")
  void socketTimeout() throws Exception {
    try (JournalNode node = start("cairn.postgres.socket-timeout = 3 s")) {
      lock("event_journal", "EXCLUSIVE");
      TestKit probe = send(node, 1).get(0);
      probe.expectMsgClass(Duration.ofSeconds(60), JournalProtocol.WriteMessagesFailed.class);
      assertThat(probe.expectMsgClass(JournalProtocol.WriteMessageFailure.class).cause())
          .hasMessageContaining("whether it is committed has to be read");
      locker.rollback();
    }
  }

  @Test
  @DisplayName("queue-reads bounds the replays that wait for a connection")
  void queueReads() throws Exception {
    try (JournalNode node =
        start("cairn.postgres { connections = 1, parallel-batches = 1, queue-reads = 1 }")) {
      lock("event_journal", "ACCESS EXCLUSIVE");
      List<TestKit> probes = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        TestKit probe = node.probe();
        probes.add(probe);
        node.tell(
            new JournalProtocol.ReplayMessages(
                1, Long.MAX_VALUE, Long.MAX_VALUE, "r" + i, probe.getRef()),
            probe);
      }
      until(() -> probes.stream().anyMatch(TestKit::msgAvailable), "a replay without room to fail");
      long failed =
          probes.stream()
              .filter(TestKit::msgAvailable)
              .peek(probe -> probe.expectMsgClass(JournalProtocol.ReplayMessagesFailure.class))
              .count();
      assertThat(failed).isBetween(1L, 5L);
      locker.rollback();
    }
  }

  @Test
  @DisplayName("slow-commit says which commit took long")
  void slowCommit() throws Exception {
    Logger logger = (Logger) LoggerFactory.getLogger(PostgresJournal.class);
    ListAppender<ILoggingEvent> said = new ListAppender<>();
    said.start();
    logger.setLevel(Level.WARN);
    logger.addAppender(said);
    try (JournalNode node = start("cairn.postgres.slow-commit = 1 h")) {
      assertThat(said.list).isEmpty();
    }
    try (JournalNode node =
        JournalNode.start(JournalNode.postgres(url, "cairn.postgres.slow-commit = 1 ms"))) {
      lock("event_journal", "EXCLUSIVE");
      List<TestKit> probes = send(node, 1);
      until(() -> waiting() == 1, "the commit to wait");
      long begun = System.nanoTime();
      until(() -> System.nanoTime() - begun > 2_000_000, "more than a millisecond");
      locker.rollback();
      awaitWritten(probes);
      assertThat(said.list)
          .extracting(ILoggingEvent::getFormattedMessage)
          .anyMatch(message -> message.matches("A commit of 2 events took \\d+ ms\\."));
    } finally {
      logger.detachAppender(said);
      logger.setLevel(null);
    }
  }
}
