package dev.cairn.postgres;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A real PostgreSQL server that runs as a child of this process, listens on loopback and trusts
 * whoever connects. It works for every user, root too, where user namespaces are to be had.
 */
public final class LocalPostgres implements AutoCloseable {
  /** Who connects; the server asks for no password. */
  public static final String USER = "postgres";

  private static final Duration START_WAIT = Duration.ofMinutes(2);

  private final EmbeddedPostgres server;
  private final AtomicInteger databases = new AtomicInteger();

  private LocalPostgres(EmbeddedPostgres server) {
    this.server = server;
  }

  /**
   * Starts a server whose acknowledged commits survive a power loss, in a directory that it keeps.
   *
   * @param directory of the database; made where it is missing
   * @param port to listen on; 0: any free one
   * @throws IOException if the server does not start
   */
  public static LocalPostgres start(Path directory, int port) throws IOException {
    return new LocalPostgres(
        EmbeddedPostgres.builder()
            .setDataDirectory(directory)
            .setCleanDataDirectory(false)
            .setPort(port)
            .setServerConfig("fsync", "on")
            .setServerConfig("synchronous_commit", "on")
            .setServerConfig("full_page_writes", "on")
            .setPGStartupWait(START_WAIT)
            .start());
  }

  /**
   * The server that the tests of this JVM share. It syncs nothing, and is gone with the JVM.
   *
   * @throws IllegalStateException if it does not start
   */
  public static LocalPostgres shared() {
    return Shared.SERVER;
  }

  private static final class Shared {
    static final LocalPostgres SERVER = startFast();

    private static LocalPostgres startFast() {
      try {
        return new LocalPostgres(
            EmbeddedPostgres.builder()
                .setServerConfig("fsync", "off")
                .setServerConfig("synchronous_commit", "off")
                .setServerConfig("full_page_writes", "off")
                .setPGStartupWait(START_WAIT)
                .start());
      } catch (IOException e) {
        throw new IllegalStateException("PostgreSQL does not start: " + e.getMessage(), e);
      }
    }
  }

  /**
   * Makes an empty database that nobody else knows.
   *
   * @return its JDBC URL, without user and password
   */
  public String createDatabase() {
    String name = "cairn_" + ProcessHandle.current().pid() + "_" + databases.incrementAndGet();
    createDatabase(name);
    return url(name);
  }

  /** Makes an empty database; a no-op where it exists. */
  public void createDatabase(String name) {
    if (!name.matches("[a-z][a-z0-9_]{0,40}")) {
      throw new IllegalArgumentException(
          "The database is \"" + name + "\", expected lower case letters, digits and underscores.");
    }
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      boolean exists =
          statement.executeQuery("SELECT 1 FROM pg_database WHERE datname = '" + name + "'").next();
      if (!exists) {
        statement.execute("CREATE DATABASE " + name);
      }
    } catch (SQLException e) {
      throw new IllegalStateException("The database " + name + " cannot be made.", e);
    }
  }

  /** The JDBC URL of a database, without user and password. */
  public String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port() + "/" + database;
  }

  public int port() {
    return server.getPort();
  }

  /** Stops the server; what it has acknowledged stays in its directory. */
  @Override
  public void close() throws IOException {
    server.close();
  }
}
