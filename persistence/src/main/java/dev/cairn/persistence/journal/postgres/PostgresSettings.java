package dev.cairn.persistence.journal.postgres;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import dev.cairn.persistence.journal.RetentionLimits;
import java.time.Duration;
import java.util.Properties;
import org.postgresql.Driver;
import org.postgresql.PGProperty;

/**
 * The keys of {@code cairn.postgres} that Cairn itself reads; reference.conf says what each one
 * means. No text of it contains the password.
 */
record PostgresSettings(
    String url,
    String user,
    String password,
    boolean createSchema,
    Duration startTimeout,
    Duration connectTimeout,
    Duration socketTimeout,
    Duration probeInterval,
    int connections,
    int toolConnections,
    int queueReads,
    int queueWrites,
    Duration slowCommit,
    RetentionLimits retention) {
  static final String PATH = "cairn.postgres";

  static PostgresSettings of(Config root) {
    Config config = root.getConfig(PATH);
    String url = config.getString("url");
    if (parsed(url) == null) {
      throw new ConfigException.BadValue(
          config.origin(),
          PATH + ".url",
          (url.isEmpty() ? "it is empty" : "it is no JDBC URL of PostgreSQL")
              + ", expected jdbc:postgresql://HOST:PORT/DATABASE, here or in CAIRN_POSTGRES_URL");
    }
    return new PostgresSettings(
        url,
        config.getString("user"),
        config.getString("password"),
        config.getBoolean("create-schema"),
        config.getDuration("start-timeout"),
        config.getDuration("connect-timeout"),
        config.getDuration("socket-timeout"),
        config.getDuration("probe-interval"),
        config.getInt("connections"),
        config.getInt("tool-connections"),
        config.getInt("queue-reads"),
        config.getInt("queue-writes"),
        config.getDuration("slow-commit"),
        RetentionLimits.of(root));
  }

  /** Where the database is, for people: {@code HOST:PORT/DATABASE}. */
  String server() {
    Properties parts = parsed(url);
    return PGProperty.PG_HOST.getOrDefault(parts)
        + ":"
        + PGProperty.PG_PORT.getOrDefault(parts)
        + "/"
        + PGProperty.PG_DBNAME.getOrDefault(parts);
  }

  private static Properties parsed(String url) {
    return url.startsWith("jdbc:postgresql:") ? Driver.parseURL(url, null) : null;
  }

  /** What every connection is opened with. */
  Properties properties() {
    Properties properties = new Properties();
    PGProperty.USER.set(properties, user);
    PGProperty.PASSWORD.set(properties, password);
    PGProperty.APPLICATION_NAME.set(properties, "cairn");
    PGProperty.CONNECT_TIMEOUT.set(properties, seconds(connectTimeout));
    PGProperty.SOCKET_TIMEOUT.set(properties, seconds(socketTimeout));
    // Keys of the journal have no place in a log.
    PGProperty.LOG_SERVER_ERROR_DETAIL.set(properties, false);
    PGProperty.TCP_KEEP_ALIVE.set(properties, true);
    return properties;
  }

  private static int seconds(Duration duration) {
    return Math.toIntExact(Math.max(1, duration.toSeconds()));
  }

  @Override
  public String toString() {
    return "PostgreSQL at " + server();
  }
}
