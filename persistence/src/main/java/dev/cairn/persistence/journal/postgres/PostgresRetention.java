package dev.cairn.persistence.journal.postgres;

import dev.cairn.persistence.journal.DeadLoops;
import dev.cairn.persistence.journal.JournalStorage;
import dev.cairn.persistence.journal.RetentionLimits;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes finished requests that are older than the journal keeps them, and the ones that finished
 * first where there are too many bytes of them. Every node sweeps; whoever holds an advisory lock
 * deletes, a batch in a transaction, so that a request is whole or gone. PostgreSQL's autovacuum
 * gives the room back.
 */
final class PostgresRetention implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresRetention.class);
  private static final long LOCK = 0x4341_4952_4e02L;

  private static final String OLDEST =
      "SELECT persistence_id, finished_millis, bytes FROM cairn_request"
          + " WHERE finished_millis IS NOT NULL ORDER BY finished_millis, persistence_id LIMIT ?";

  private static final String KEPT =
      "SELECT count(*), coalesce(sum(bytes), 0), pg_total_relation_size('event_journal')"
          + " + pg_total_relation_size('snapshot') + pg_total_relation_size('cairn_request')"
          + " FROM cairn_request WHERE finished_millis IS NOT NULL";

  private final RetentionLimits limits;
  private final DataSource connections;
  private final LongSupplier clock;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "cairn-journal-retention");
  private long expired;
  private volatile JournalStorage storage = new JournalStorage(0, 0, 0, 0);

  /**
   * @param clock milliseconds since the epoch
   */
  PostgresRetention(RetentionLimits limits, DataSource connections, LongSupplier clock) {
    this.limits = limits;
    this.connections = connections;
    this.clock = clock;
    thread.setDaemon(true);
  }

  /** Says who hears of it when this ends by a failure. */
  void watchedBy(DeadLoops loops) {
    loops.watch(thread, "the journal's retention");
  }

  void start() {
    thread.start();
  }

  /** What was kept at the end of the last sweep. */
  JournalStorage storage() {
    return storage;
  }

  private void run() {
    try {
      do {
        sweep();
      } while (!closed.await(limits.interval().toNanos(), TimeUnit.NANOSECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Deletes what is due now; what fails is logged, and due again at the next sweep. */
  synchronized void sweep() {
    try (Connection connection = connections.getConnection()) {
      connection.setAutoCommit(false);
      int deleted = limits.batchRequests();
      while (deleted == limits.batchRequests() && closed.getCount() > 0) {
        deleted = batch(connection);
        connection.commit();
        expired += deleted;
      }
      measure(connection);
      connection.commit();
    } catch (SQLException e) {
      if (closed.getCount() > 0) {
        LOG.warn("Finished requests could not be deleted from the journal: {}", e.getMessage());
      }
    }
  }

  private int batch(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_try_advisory_xact_lock(" + LOCK + ")")) {
      row.next();
      if (!row.getBoolean(1)) {
        return 0;
      }
    }
    measure(connection);
    List<String> due = due(connection, storage.finishedBytes());
    if (!due.isEmpty()) {
      Array ids = connection.createArrayOf("varchar", due.toArray());
      for (String table : List.of("event_journal", "cairn_request")) {
        try (PreparedStatement delete =
            connection.prepareStatement(
                "DELETE FROM " + table + " WHERE persistence_id = ANY (?)")) {
          delete.setArray(1, ids);
          delete.executeUpdate();
        }
      }
    }
    return due.size();
  }

  private List<String> due(Connection connection, long finishedBytes) throws SQLException {
    long oldest =
        limits.time().isZero() ? Long.MIN_VALUE : clock.getAsLong() - limits.time().toMillis();
    long excess = limits.bytes() == 0 ? 0 : finishedBytes - limits.bytes();
    List<String> due = new ArrayList<>();
    try (PreparedStatement query = connection.prepareStatement(OLDEST)) {
      query.setInt(1, limits.batchRequests());
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next() && (excess > 0 || rows.getLong(2) < oldest)) {
          excess -= rows.getLong(3);
          due.add(rows.getString(1));
        }
      }
    }
    return due;
  }

  private void measure(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(KEPT)) {
      row.next();
      storage = new JournalStorage(row.getLong(3), row.getLong(1), row.getLong(2), expired);
    }
  }

  /** Ends the sweep under way after its batch. */
  @Override
  public void close() {
    closed.countDown();
  }
}
