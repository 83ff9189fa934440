package dev.cairn.persistence.journal.postgres;

import com.typesafe.config.Config;
import com.zaxxer.hikari.HikariDataSource;
import dev.cairn.persistence.journal.CommitListener;
import dev.cairn.persistence.journal.CommitMeter;
import dev.cairn.persistence.journal.DeadLoops;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.JournalOverloadedException;
import dev.cairn.persistence.journal.JournalStats;
import dev.cairn.persistence.journal.SequenceNumberExistsException;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.util.Failure;
import scala.util.Try;

/**
 * An actor system's journal in PostgreSQL: what the plugin's writes come to, whether the database
 * answers, and the questions that the plugin has no answer to, through a few connections of its
 * own. pekko-persistence-jdbc writes and replays.
 */
public final class PostgresJournal implements JournalAccess, Extension, AutoCloseable {
  /** Pekko's name of the plugin. */
  public static final String PLUGIN = "jdbc-journal";

  private static final Logger LOG = LoggerFactory.getLogger(PostgresJournal.class);
  private static final long FULL_NANOS = TimeUnit.SECONDS.toNanos(5);

  static final String UNFINISHED =
      "SELECT persistence_id FROM cairn_request WHERE finished_millis IS NULL"
          + " AND (octet_length(persistence_id), persistence_id COLLATE \"C\")"
          + " > (octet_length(?), ? COLLATE \"C\")"
          + " ORDER BY octet_length(persistence_id), persistence_id COLLATE \"C\" LIMIT ?";

  private final PostgresSettings settings;
  private final String databaseId;
  private final HikariDataSource connections;
  private final CommitMeter meter = new CommitMeter();
  private final Availability availability;
  private final PostgresRetention retention;
  private final DeadLoops loops = new DeadLoops();
  private final AtomicInteger writes = new AtomicInteger();
  private final AtomicLong fullSince = new AtomicLong(System.nanoTime() - FULL_NANOS);

  private PostgresJournal(PostgresSettings settings) {
    this.settings = settings;
    this.databaseId = PostgresSchema.open(settings);
    this.connections =
        PostgresPool.open(settings, "cairn-journal-tools", settings.toolConnections(), 1);
    this.availability = new Availability(settings, connections);
    this.retention =
        new PostgresRetention(settings.retention(), connections, System::currentTimeMillis);
    availability.watchedBy(loops);
    retention.watchedBy(loops);
    availability.start();
    retention.start();
  }

  /** The journal of an actor system that uses the plugin. */
  public static PostgresJournal get(ClassicActorSystemProvider system) {
    return Id.INSTANCE.get(system);
  }

  /**
   * Waits for the server and makes or checks the schema, before there is an actor system.
   *
   * @return the id of the database, the same for every node that uses it
   * @throws PostgresException where there is no such server in time, or it cannot be a journal
   */
  public static String prepare(Config config) {
    return PostgresSchema.open(PostgresSettings.of(config));
  }

  /** A write wants to wait for its turn; what it fails with where there is no room. */
  RuntimeException enter() {
    if (writes.incrementAndGet() <= settings.queueWrites()) {
      return null;
    }
    writes.decrementAndGet();
    JournalOverloadedException full =
        new JournalOverloadedException(settings.queueWrites(), "cairn.postgres.queue-writes");
    meter.overloaded(full);
    return full;
  }

  /** A write has its answer, which is passed on. */
  <T> Try<T> left(Try<T> written, String persistenceId, long sequenceNr) {
    writes.decrementAndGet();
    if (written.isSuccess()) {
      return written;
    }
    Throwable failure = written.failed().get();
    meter.failedWrite();
    RuntimeException said = said(failure, persistenceId, sequenceNr);
    if (availability.reason().isEmpty()) {
      LOG.warn(said.getMessage());
    } else {
      LOG.debug(said.getMessage());
    }
    return new Failure<>(said);
  }

  /** What a write fails with. The driver's own exception has the events in its text. */
  private RuntimeException said(Throwable failure, String persistenceId, long sequenceNr) {
    if (SqlStates.isDuplicateKey(failure)) {
      return new SequenceNumberExistsException(persistenceId, sequenceNr);
    }
    String why = SqlStates.sentence(failure);
    if (SqlStates.isDiskFull(failure)) {
      fullSince.set(System.nanoTime());
    } else if (!SqlStates.isConflict(failure)) {
      availability.failed(why);
    }
    return new PostgresException(
        "A write of "
            + persistenceId
            + " from sequence number "
            + sequenceNr
            + " failed, and whether it is committed has to be read: "
            + why);
  }

  /** A transaction begins. */
  long begin() {
    return meter.begin();
  }

  /** A transaction has ended. */
  void end(boolean committed, long begun, int events, long bytes) {
    if (!committed) {
      meter.giveUp(begun);
      return;
    }
    long nanos = meter.end(begun, events, bytes);
    if (nanos > settings.slowCommit().toNanos()) {
      LOG.warn("A commit of {} events took {} ms.", events, TimeUnit.NANOSECONDS.toMillis(nanos));
    }
    meter.announce(events, nanos);
  }

  @Override
  public void onDeadLoop(Consumer<String> listener) {
    loops.listen(listener);
  }

  @Override
  public List<String> unfinished(String afterId, int max) throws IOException {
    try (Connection connection = connections.getConnection();
        PreparedStatement query = connection.prepareStatement(UNFINISHED)) {
      query.setString(1, afterId);
      query.setString(2, afterId);
      query.setInt(3, max);
      List<String> ids = new ArrayList<>();
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          ids.add(rows.getString(1));
        }
      }
      return ids;
    } catch (SQLException e) {
      throw new IOException(
          "The journal at " + settings.server() + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Deletes what a benchmark wrote. */
  public void delete(String idPrefix) throws IOException {
    try (Connection connection = connections.getConnection();
        PreparedStatement delete =
            connection.prepareStatement(
                "DELETE FROM event_journal WHERE starts_with(persistence_id, ?)")) {
      delete.setString(1, idPrefix);
      delete.executeUpdate();
    } catch (SQLException e) {
      throw new IOException(
          "The journal at " + settings.server() + " cannot be cleaned: " + e.getMessage(), e);
    }
  }

  @Override
  public JournalStats stats() {
    return meter.stats(
        writes.get(), System.nanoTime() - fullSince.get() < FULL_NANOS, retention.storage());
  }

  @Override
  public void onCommit(CommitListener listener) {
    meter.onCommit(listener);
  }

  /** Never called: a database that was away may come back. */
  @Override
  public void onFailure(Consumer<Throwable> listener) {}

  @Override
  public void onAvailability(Consumer<Optional<String>> listener) {
    availability.listen(listener);
  }

  @Override
  public Optional<String> unavailable() {
    return availability.reason();
  }

  @Override
  public boolean isShared() {
    return true;
  }

  @Override
  public String place() {
    return "PostgreSQL at " + settings.server() + ", database " + databaseId;
  }

  @Override
  public void close() {
    availability.close();
    retention.close();
    connections.close();
  }

  private static final class Id extends AbstractExtensionId<PostgresJournal> {
    private static final Id INSTANCE = new Id();

    @Override
    public PostgresJournal createExtension(ExtendedActorSystem system) {
      PostgresJournal journal =
          new PostgresJournal(PostgresSettings.of(system.settings().config()));
      system.registerOnTermination(journal::close);
      return journal;
    }
  }
}
