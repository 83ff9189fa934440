package dev.cairn.persistence.journal.postgres;

import dev.cairn.persistence.journal.DeadLoops;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the database takes writes. It is asked at an interval; a write that fails turns the
 * answer to no at once, and only the next question turns it back.
 */
final class Availability implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Availability.class);

  private final PostgresSettings settings;
  private final DataSource connections;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "cairn-journal-probe");
  private final List<Consumer<Optional<String>>> listeners = new ArrayList<>();
  private Optional<String> reason = Optional.empty();

  Availability(PostgresSettings settings, DataSource connections) {
    this.settings = settings;
    this.connections = connections;
    thread.setDaemon(true);
  }

  /** Says who hears of it when this ends by a failure. */
  void watchedBy(DeadLoops loops) {
    loops.watch(thread, "the journal's probe");
  }

  void start() {
    thread.start();
  }

  /** Tells a listener each change from now on, and at once where the database is away now. */
  synchronized void listen(Consumer<Optional<String>> listener) {
    listeners.add(listener);
    if (reason.isPresent()) {
      tell(listener);
    }
  }

  synchronized Optional<String> reason() {
    return reason;
  }

  /** A write failed. */
  void failed(String why) {
    become(Optional.of(sentence(why)));
  }

  private void run() {
    try {
      while (!closed.await(settings.probeInterval().toNanos(), TimeUnit.NANOSECONDS)) {
        become(probe());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Optional<String> probe() {
    try (Connection connection = connections.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")) {
      return row.next() && row.getBoolean(1)
          ? Optional.of(sentence("it takes no writes, expected the primary"))
          : Optional.empty();
    } catch (SQLException e) {
      return Optional.of(sentence(SqlStates.sentence(e)));
    }
  }

  private String sentence(String why) {
    return "the journal in PostgreSQL at " + settings.server() + " does not answer: " + why;
  }

  private synchronized void become(Optional<String> now) {
    if (closed.getCount() == 0 || reason.isPresent() == now.isPresent()) {
      return;
    }
    reason = now;
    if (now.isPresent()) {
      LOG.error("Nothing can be committed: {}", now.get());
    } else {
      LOG.info("The journal in PostgreSQL at {} answers again.", settings.server());
    }
    listeners.forEach(this::tell);
  }

  private void tell(Consumer<Optional<String>> listener) {
    try {
      listener.accept(reason);
    } catch (RuntimeException e) {
      LOG.error("A listener for the journal's availability threw.", e);
    }
  }

  /** Asks no more; a question under way ends by its own timeout. */
  @Override
  public void close() {
    closed.countDown();
  }
}
