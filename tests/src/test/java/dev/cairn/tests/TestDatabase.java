package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.postgres.LocalPostgres;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An empty database of the PostgreSQL server that this JVM's tests share. */
final class TestDatabase implements AutoCloseable {
  private final String url = LocalPostgres.shared().createDatabase();

  static TestDatabase create() {
    return new TestDatabase();
  }

  String url() {
    return url;
  }

  int port() {
    return LocalPostgres.shared().port();
  }

  /** The URL by way of another address. */
  String url(String host, int port) {
    return "jdbc:postgresql://" + host + ":" + port + url.substring(url.lastIndexOf('/'));
  }

  /**
   * In the stream of no request does a writer come back after another one has written: an owner
   * that was replaced committed nothing more.
   */
  void assertOneWriterAtATime() throws SQLException {
    Map<String, String> last = new HashMap<>();
    Map<String, Set<String>> former = new HashMap<>();
    List<String> faults = new ArrayList<>();
    int replaced = 0;
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement statement = connection.createStatement();
        ResultSet events =
            statement.executeQuery(
                "SELECT persistence_id, writer, sequence_number FROM event_journal"
                    + " ORDER BY persistence_id, sequence_number")) {
      while (events.next()) {
        String id = events.getString(1);
        String writer = events.getString(2);
        String before = last.put(id, writer);
        if (before != null && !before.equals(writer)) {
          replaced++;
          former.computeIfAbsent(id, key -> new HashSet<>()).add(before);
        }
        if (former.getOrDefault(id, Set.of()).contains(writer)) {
          faults.add(id + " at sequence number " + events.getLong(3));
        }
      }
    }
    System.out.printf(
        "TestDatabase: %d streams of events, %d times another writer went on%n",
        last.size(), replaced);
    assertThat(faults).as("writers that came back").isEmpty();
  }

  /** The server outlives the test; what is in the database goes with it. */
  @Override
  public void close() {
    try (Connection connection =
            DriverManager.getConnection(
                url.substring(0, url.lastIndexOf('/')) + "/postgres", LocalPostgres.USER, "");
        Statement statement = connection.createStatement()) {
      String name = url.substring(url.lastIndexOf('/') + 1);
      statement.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
    } catch (SQLException e) {
      System.out.println("TestDatabase: " + e.getMessage());
    }
  }
}
