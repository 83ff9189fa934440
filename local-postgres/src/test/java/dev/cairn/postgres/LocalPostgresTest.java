package dev.cairn.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalPostgresTest {
  private static String ask(String url, String query) throws Exception {
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement statement = connection.createStatement()) {
      if (!statement.execute(query)) {
        return "";
      }
      ResultSet result = statement.getResultSet();
      return result.next() ? result.getString(1) : "";
    }
  }

  @Test
  void eachTestHasADatabaseOfItsOwn() throws Exception {
    String one = LocalPostgres.shared().createDatabase();
    String other = LocalPostgres.shared().createDatabase();
    ask(one, "CREATE TABLE here (n int)");
    assertThat(ask(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'here'"))
        .isEqualTo("0");
    assertThatThrownBy(() -> LocalPostgres.shared().createDatabase("x; DROP DATABASE y"))
        .hasMessageContaining("expected lower case letters");
  }

  @Test
  void aServerWithADirectoryIsDurableAndKeepsItsData(@TempDir Path directory) throws Exception {
    Path data = directory.resolve("postgres");
    try (LocalPostgres server = LocalPostgres.start(data, 0)) {
      server.createDatabase("cairn");
      assertThat(ask(server.url("cairn"), "SHOW fsync")).isEqualTo("on");
      assertThat(ask(server.url("cairn"), "SHOW synchronous_commit")).isEqualTo("on");
      ask(server.url("cairn"), "CREATE TABLE kept AS SELECT 7 AS n");
    }
    try (LocalPostgres server = LocalPostgres.start(data, 0)) {
      server.createDatabase("cairn");
      assertThat(ask(server.url("cairn"), "SELECT n FROM kept")).isEqualTo("7");
    }
  }
}
