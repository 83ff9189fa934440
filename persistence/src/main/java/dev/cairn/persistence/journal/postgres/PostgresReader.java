package dev.cairn.persistence.journal.postgres;

import com.typesafe.config.Config;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.StoredEvent;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads a journal in PostgreSQL, in one transaction that sees it as it was at the beginning. */
public final class PostgresReader extends JournalReader {
  private static final int PAGE = 256;

  /** A walk over the primary key from one id to the next, which skips the events between them. */
  private static final String IDS =
      "WITH RECURSIVE ids AS ("
          + "(SELECT persistence_id FROM event_journal WHERE persistence_id > ?"
          + " ORDER BY persistence_id LIMIT 1)"
          + " UNION ALL SELECT (SELECT e.persistence_id FROM event_journal e"
          + " WHERE e.persistence_id > ids.persistence_id ORDER BY e.persistence_id LIMIT 1)"
          + " FROM ids WHERE ids.persistence_id IS NOT NULL)"
          + " SELECT persistence_id FROM ids WHERE persistence_id IS NOT NULL LIMIT ?";

  private static final String EVENTS =
      "SELECT sequence_number, write_timestamp, writer, event_ser_id, event_ser_manifest,"
          + " event_payload FROM event_journal"
          + " WHERE persistence_id = ? AND sequence_number >= ? AND NOT deleted"
          + " ORDER BY sequence_number LIMIT ?";

  private final PostgresSettings settings;
  private final Connection connection;

  private PostgresReader(PostgresSettings settings, Connection connection) {
    this.settings = settings;
    this.connection = connection;
  }

  /**
   * Opens the journal that {@code cairn.postgres} names; it is not waited for.
   *
   * @throws IOException where there is none, it is of a newer version or cannot be read
   */
  public static JournalReader of(Config config) throws IOException {
    PostgresSettings settings = PostgresSettings.of(config);
    try {
      Connection connection = DriverManager.getConnection(settings.url(), settings.properties());
      try {
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        connection.setReadOnly(true);
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
          PostgresSchema.checkThere(statement, settings);
        }
        return new PostgresReader(settings, connection);
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new IOException(
          "The journal in PostgreSQL at "
              + settings.server()
              + " cannot be opened: "
              + e.getMessage(),
          e);
    } catch (PostgresException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  @Override
  public List<String> persistenceIds(String afterId, int max) throws IOException {
    return ids(IDS, max, afterId);
  }

  @Override
  public List<String> unfinished(String afterId, int max) throws IOException {
    return ids(PostgresJournal.UNFINISHED, max, afterId, afterId);
  }

  private List<String> ids(String sql, int max, String... arguments) throws IOException {
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        query.setString(i + 1, arguments[i]);
      }
      query.setInt(arguments.length + 1, max);
      List<String> ids = new ArrayList<>();
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          ids.add(rows.getString(1));
        }
      }
      return ids;
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  @Override
  protected void visit(String persistenceId, long fromSequenceNr, Visitor visitor)
      throws IOException {
    long from = fromSequenceNr;
    List<StoredEvent> page = page(persistenceId, from);
    while (!page.isEmpty()) {
      for (StoredEvent event : page) {
        if (!visitor.next(event.sequenceNr(), () -> event)) {
          return;
        }
      }
      from = page.get(page.size() - 1).sequenceNr() + 1;
      page = page(persistenceId, from);
    }
  }

  private List<StoredEvent> page(String persistenceId, long from) throws IOException {
    try (PreparedStatement query = connection.prepareStatement(EVENTS)) {
      query.setString(1, persistenceId);
      query.setLong(2, from);
      query.setInt(3, PAGE);
      List<StoredEvent> events = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          events.add(
              new StoredEvent(
                  persistenceId,
                  row.getLong(1),
                  row.getLong(2),
                  row.getString(3),
                  row.getInt(4),
                  row.getString(5),
                  row.getBytes(6)));
        }
      }
      return events;
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  @Override
  protected boolean isUnfinished(String requestId) throws IOException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT 1 FROM cairn_request WHERE persistence_id = ? AND finished_millis IS NULL")) {
      query.setString(1, requestId);
      try (ResultSet row = query.executeQuery()) {
        return row.next();
      }
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  /** A request in the table of requests that has no event is what no commit leaves. */
  @Override
  protected Optional<String> checkStorage() throws IOException {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT persistence_id FROM cairn_request r WHERE NOT EXISTS"
                    + " (SELECT 1 FROM event_journal e WHERE e.persistence_id = r.persistence_id)"
                    + " LIMIT 1")) {
      return row.next()
          ? Optional.of("The index of requests names " + row.getString(1) + ", which has no event.")
          : Optional.empty();
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  /** None: a transaction is there or not. */
  @Override
  public List<String> warnings() {
    return List.of();
  }

  private IOException unreadable(SQLException e) {
    return new IOException(
        "The journal in PostgreSQL at " + settings.server() + " cannot be read: " + e.getMessage(),
        e);
  }

  @Override
  public void close() throws IOException {
    try {
      connection.close();
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }
}
