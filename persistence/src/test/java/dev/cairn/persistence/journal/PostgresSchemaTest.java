package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigException;
import dev.cairn.persistence.journal.postgres.PostgresException;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import dev.cairn.postgres.LocalPostgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What a start finds in PostgreSQL, and what it says. */
class PostgresSchemaTest {
  private final String url = LocalPostgres.shared().createDatabase();

  private static String prepare(String url, String settings) {
    return PostgresJournal.prepare(JournalNode.postgres(url, settings));
  }

  private void sql(String statement) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url, LocalPostgres.USER, "");
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }

  @Test
  @DisplayName("nodes that start at the same time make the tables once and agree on the database")
  void parallelStarts() throws Exception {
    List<CompletableFuture<String>> starts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      starts.add(CompletableFuture.supplyAsync(() -> prepare(url, "")));
    }
    String id = starts.get(0).get(60, TimeUnit.SECONDS);
    for (CompletableFuture<String> start : starts) {
      assertThat(start.get(60, TimeUnit.SECONDS)).isEqualTo(id);
    }
    assertThat(prepare(url, "")).isEqualTo(id);
    assertThat(prepare(LocalPostgres.shared().createDatabase(), "")).isNotEqualTo(id);
  }

  @Test
  @DisplayName("create-schema: off refuses a database without tables and makes none")
  void noSchema() {
    String off = "cairn.postgres.create-schema = off";
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> prepare(url, off))
          .isInstanceOf(PostgresException.class)
          .hasMessageContaining("has no table cairn_schema, expected Cairn's schema of version 2")
          .hasMessageContaining("cairn.postgres.create-schema is off");
    }
    assertThatThrownBy(() -> JournalReader.open(JournalNode.postgres(url, "")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("There is no journal of Cairn at 127.0.0.1:");
    prepare(url, "");
    assertThat(prepare(url, off)).isNotEmpty();
  }

  @Test
  @DisplayName("a schema of version 1 is brought to the newest where Cairn may make tables")
  void migration() throws Exception {
    String id = prepare(url, "");
    sql("UPDATE cairn_schema SET version = 1");
    sql("DROP TRIGGER cairn_request_changed ON event_journal");
    assertThatThrownBy(() -> prepare(url, "cairn.postgres.create-schema = off"))
        .hasMessageContaining("has version 1, expected 2");
    assertThat(prepare(url, "")).isEqualTo(id);
    sql("DROP TRIGGER cairn_request_changed ON event_journal");
  }

  @Test
  void aNewerSchemaIsRefusedAndNotChanged() throws Exception {
    prepare(url, "");
    sql("UPDATE cairn_schema SET version = 9");
    assertThatThrownBy(() -> prepare(url, ""))
        .isInstanceOf(PostgresException.class)
        .hasMessageContaining("has version 9, expected 2: it is of a newer program");
    assertThatThrownBy(() -> JournalReader.open(JournalNode.postgres(url, "")))
        .hasMessageContaining("has version 9");
  }

  @Test
  @DisplayName("start-timeout bounds the wait for a server, whose place is named, not its password")
  void noServer() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    String secret = "cairn.postgres { user = someone, password = \"s3cret\", start-timeout = 1 s }";
    long begun = System.nanoTime();
    assertThatThrownBy(
            () -> prepare("jdbc:postgresql://127.0.0.1:" + port + "/there?password=s3cret", secret))
        .isInstanceOf(PostgresException.class)
        .hasMessageContaining("There is no PostgreSQL at 127.0.0.1:" + port + "/there within 1 s")
        .hasMessageContaining("expected one that takes connections of user someone")
        .satisfies(e -> assertThat(withCauses(e)).doesNotContain("s3cret"));
    assertThat(System.nanoTime() - begun)
        .as("it was waited for")
        .isGreaterThan(TimeUnit.SECONDS.toNanos(1));
  }

  private static String withCauses(Throwable e) {
    StringBuilder text = new StringBuilder();
    for (Throwable each = e; each != null; each = each.getCause()) {
      text.append(each);
    }
    return text.toString();
  }

  @Test
  void whatIsNoDatabaseIsRefusedAtOnce() {
    assertThatThrownBy(() -> prepare(url + "x", ""))
        .isInstanceOf(PostgresException.class)
        .hasMessageContaining("refuses: FATAL: database")
        .hasMessageContaining("does not exist");
    for (String wrong : List.of("", "postgresql://127.0.0.1/x", "jdbc:mysql://127.0.0.1/x")) {
      assertThatThrownBy(() -> prepare(wrong, ""))
          .isInstanceOf(ConfigException.BadValue.class)
          .hasMessageContaining("expected jdbc:postgresql://HOST:PORT/DATABASE");
    }
  }
}
