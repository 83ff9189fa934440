package dev.cairn.persistence.journal.postgres;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tables of a journal in PostgreSQL. They are made or checked in one transaction under an
 * advisory lock, so that any number of nodes may start at the same time.
 */
final class PostgresSchema {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresSchema.class);

  /** The version that this program makes and knows. */
  static final int VERSION = 2;

  private static final String IS_THERE = "SELECT to_regclass('cairn_schema') IS NOT NULL";
  private static final long LOCK = 0x4341_4952_4e01L;
  private static final Duration PAUSE = Duration.ofMillis(250);

  private PostgresSchema() {}

  /**
   * Waits for the server, and makes or checks the tables.
   *
   * @return the id of the database, the same for every node that uses it
   * @throws PostgresException where there is no such server in time, or it cannot be a journal
   */
  static String open(PostgresSettings settings) {
    long deadline = System.nanoTime() + settings.startTimeout().toNanos();
    boolean said = false;
    while (true) {
      try (Connection connection =
          DriverManager.getConnection(settings.url(), settings.properties())) {
        return open(connection, settings);
      } catch (SQLException e) {
        if (!SqlStates.isAway(e)) {
          throw new PostgresException(
              "The database at " + settings.server() + " refuses: " + e.getMessage(), e);
        }
        if (System.nanoTime() >= deadline) {
          throw new PostgresException(
              "There is no PostgreSQL at "
                  + settings.server()
                  + " within "
                  + settings.startTimeout().toSeconds()
                  + " s (cairn.postgres.start-timeout), expected one that takes connections of user "
                  + settings.user()
                  + ": "
                  + e.getMessage(),
              e);
        }
        if (!said) {
          LOG.warn("Waiting for PostgreSQL at {}: {}", settings.server(), e.getMessage());
          said = true;
        }
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    }
  }

  private static String open(Connection connection, PostgresSettings settings) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      refuseStandby(statement, settings);
      statement.execute("SET LOCAL lock_timeout = " + settings.startTimeout().toMillis());
      statement.execute("SELECT pg_advisory_xact_lock(" + LOCK + ")");
      if (!ask(statement, IS_THERE).equals("t")) {
        create(statement, settings);
      } else if (settings.createSchema()) {
        migrate(statement, settings);
      }
      String id = check(statement, settings);
      connection.commit();
      return id;
    }
  }

  private static void refuseStandby(Statement statement, PostgresSettings settings)
      throws SQLException {
    if (ask(statement, "SELECT pg_is_in_recovery()").equals("t")) {
      throw new PostgresException(
          "The database at " + settings.server() + " is a standby, expected the primary.");
    }
    for (String setting : new String[] {"fsync", "synchronous_commit"}) {
      if (ask(statement, "SHOW " + setting).equals("off")) {
        LOG.warn(
            "{} is off at {}: a crash of the database loses what was acknowledged.",
            setting,
            settings.server());
      }
    }
  }

  private static void create(Statement statement, PostgresSettings settings) throws SQLException {
    if (!settings.createSchema()) {
      throw new PostgresException(
          "The database at "
              + settings.server()
              + " has no table cairn_schema, expected Cairn's schema of version "
              + VERSION
              + ": cairn.postgres.create-schema is off, so it has to be made before.");
    }
    statement.execute(sql());
    statement.execute(requestsSql());
    statement.execute(
        "INSERT INTO cairn_schema (version, database_id) VALUES ("
            + VERSION
            + ", '"
            + UUID.randomUUID()
            + "')");
    LOG.info("Made the schema of version {} at {}.", VERSION, settings.server());
  }

  /** From version 1 on, whose tables are the same. */
  private static void migrate(Statement statement, PostgresSettings settings) throws SQLException {
    if (ask(statement, "SELECT version FROM cairn_schema").equals("1")) {
      statement.execute(requestsSql());
      statement.execute("UPDATE cairn_schema SET version = " + VERSION);
      LOG.info("Brought the schema at {} from version 1 to {}.", settings.server(), VERSION);
    }
  }

  /**
   * Checks that there are tables that this program can read; makes none.
   *
   * @throws PostgresException where there are none, or newer ones
   */
  static void checkThere(Statement statement, PostgresSettings settings) throws SQLException {
    if (!ask(statement, IS_THERE).equals("t")) {
      throw new PostgresException(
          "There is no journal of Cairn at "
              + settings.server()
              + ", expected a table cairn_schema.");
    }
    check(statement, settings);
  }

  private static String check(Statement statement, PostgresSettings settings) throws SQLException {
    try (ResultSet row = statement.executeQuery("SELECT version, database_id FROM cairn_schema")) {
      if (!row.next()) {
        throw new PostgresException(
            "The table cairn_schema at " + settings.server() + " is empty, expected one row.");
      }
      int version = row.getInt(1);
      if (version != VERSION) {
        throw new PostgresException(
            "The schema at "
                + settings.server()
                + " has version "
                + version
                + ", expected "
                + VERSION
                + (version > VERSION ? ": it is of a newer program. Nothing was changed." : "."));
      }
      return row.getString(2);
    }
  }

  /** The statements that make the tables, for a database in which Cairn may not make any. */
  static String sql() {
    return resource("schema.sql");
  }

  /** The statements that make what follows the events of requests; to be run behind the tables. */
  static String requestsSql() {
    return resource("requests.sql");
  }

  private static String resource(String name) {
    try (InputStream in = PostgresSchema.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String ask(Statement statement, String query) throws SQLException {
    try (ResultSet row = statement.executeQuery(query)) {
      return row.next() ? row.getString(1) : "";
    }
  }
}
