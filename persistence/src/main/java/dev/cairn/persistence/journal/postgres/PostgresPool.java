package dev.cairn.persistence.journal.postgres;

import com.typesafe.config.Config;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.persistence.jdbc.db.SlickDatabase;
import org.apache.pekko.persistence.jdbc.db.SlickDatabaseProvider;
import org.postgresql.PGProperty;
import scala.Some;
import slick.jdbc.JdbcBackend.JdbcDatabaseDef;
import slick.jdbc.JdbcProfile;
import slick.jdbc.PostgresProfile$;
import slick.util.AsyncExecutor;

/** The connections of a node that write and replay, the same for every plugin. */
public final class PostgresPool implements SlickDatabaseProvider, SlickDatabase {
  private final JdbcDatabaseDef database;

  /** As pekko-persistence-jdbc makes it. */
  public PostgresPool(ActorSystem system) {
    Config config = system.settings().config();
    PostgresSettings settings = PostgresSettings.of(config);
    int connections = settings.connections();
    HikariDataSource pool = open(settings, "cairn-journal", connections, connections);
    database =
        PostgresProfile$.MODULE$
            .backend()
            .Database()
            .forDataSource(
                pool,
                Some.apply(connections),
                AsyncExecutor.apply(
                    "cairn-journal", connections, connections, settings.queueReads(), connections),
                // A connection held open for the life of the node would be a dead one after an
                // outage.
                false);
    system.registerOnTermination(
        () -> {
          database.close();
          pool.close();
        });
  }

  /** A pool that opens without a server: who asks for a connection meets the error. */
  static HikariDataSource open(PostgresSettings settings, String name, int most, int idle) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setJdbcUrl(settings.url());
    config.setDataSourceProperties(settings.properties());
    // One statement for the rows of a transaction.
    config.addDataSourceProperty(PGProperty.REWRITE_BATCHED_INSERTS.getName(), "true");
    config.setMaximumPoolSize(most);
    config.setMinimumIdle(idle);
    config.setConnectionTimeout(settings.connectTimeout().toMillis());
    config.setInitializationFailTimeout(-1);
    return new HikariDataSource(config);
  }

  @Override
  public SlickDatabase database(Config plugin) {
    return this;
  }

  @Override
  public JdbcDatabaseDef database() {
    return database;
  }

  @Override
  public JdbcProfile profile() {
    return PostgresProfile$.MODULE$;
  }

  /** The end of the actor system closes it. */
  @Override
  public boolean allowShutdown() {
    return false;
  }
}
