package dev.cairn.persistence.journal;

import dev.cairn.persistence.DataDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.Extension;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An actor system's journal: directory, database and writer, opened and closed together. */
final class OpenJournal implements JournalAccess, Extension, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OpenJournal.class);

  private final JournalSettings settings;
  private final DataDirectory directory;
  private final JournalDatabase database;
  private final FreeSpace space;
  private final CommitMeter meter = new CommitMeter();
  private final GroupCommit writer;
  private final Retention retention;
  private final DeadLoops loops = new DeadLoops();
  private volatile BatchWrite batchWrite;

  private OpenJournal(
      JournalSettings settings,
      DataDirectory directory,
      JournalDatabase database,
      LongSupplier clock)
      throws IOException {
    this.settings = settings;
    this.directory = directory;
    this.database = database;
    this.space =
        new FreeSpace(
            FreeSpace.of(directory.path()), settings.minFreeBytes(), settings.freeSpaceInterval());
    this.batchWrite = database::write;
    FinishedBytes finished = counted(database);
    this.writer =
        new GroupCommit(
            database, batch -> batchWrite.write(batch), settings, space, meter, finished);
    this.retention =
        new Retention(
            settings.retention(),
            database,
            DataDirectory.journal(directory.path()),
            writer::submit,
            finished,
            clock);
  }

  static OpenJournal open(JournalSettings settings) throws IOException {
    return open(settings, System::currentTimeMillis);
  }

  /** With a clock of its own, in milliseconds since the epoch, for what is kept how long. */
  static OpenJournal open(JournalSettings settings, LongSupplier clock) throws IOException {
    DataDirectory directory = DataDirectory.open(settings.directory());
    JournalDatabase database = null;
    try {
      Path path = DataDirectory.journal(directory.path());
      LogCheck logs = LogCheck.of(path);
      logs.sentences().forEach(LOG::warn);
      logs.cut();
      database = JournalDatabase.open(path, settings);
      directory.sync();
      OpenJournal journal = new OpenJournal(settings, directory, database, clock);
      journal.writer.start();
      journal.retention.watchedBy(journal.loops);
      journal.retention.start();
      return journal;
    } catch (IOException | RuntimeException e) {
      if (database != null) {
        database.close();
      }
      directory.close();
      throw e;
    }
  }

  private static FinishedBytes counted(JournalDatabase database) throws IOException {
    try {
      return database.read(FinishedBytes::of);
    } catch (RocksDBException e) {
      throw new IOException("The journal cannot be read: " + e.getMessage(), e);
    }
  }

  /** Deletes what is not to be kept any longer, in the place of the next sweep. */
  void sweep() {
    retention.sweep();
  }

  /** Puts another write in the place of RocksDB's, which can make it fail or wait. */
  void replaceWrite(BatchWrite replacement) {
    batchWrite = replacement;
  }

  /** RocksDB's own write. */
  BatchWrite databaseWrite() {
    return database::write;
  }

  JournalSettings settings() {
    return settings;
  }

  FreeSpace space() {
    return space;
  }

  /**
   * Queues a command.
   *
   * @throws JournalOverloadedException where the queue is full; it is counted and logged
   */
  void submit(Command command) {
    try {
      writer.submit(command);
    } catch (JournalOverloadedException e) {
      meter.overloaded(e);
      throw e;
    }
  }

  Optional<Command> inFlight(String persistenceId) {
    return writer.inFlight(persistenceId);
  }

  /** Reads, unless the journal failed: what a failed write left behind may not be shown. */
  <T> T read(JournalDatabase.Work<T> work) throws IOException {
    Optional<Throwable> cause = meter.cause();
    if (cause.isPresent()) {
      throw new JournalFailedException(cause.get());
    }
    try {
      return database.read(work);
    } catch (RocksDBException e) {
      throw new IOException("The journal cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public List<String> unfinished(String afterId, int max) throws IOException {
    return read(records -> records.unfinished(afterId, max));
  }

  @Override
  public JournalStats stats() {
    return meter.stats(writer.depth(), space.isFull(), retention.storage());
  }

  @Override
  public void onCommit(CommitListener listener) {
    meter.onCommit(listener);
  }

  @Override
  public void onFailure(Consumer<Throwable> listener) {
    meter.onFailure(listener);
  }

  /** It answers for as long as it has not failed. */
  @Override
  public void onDeadLoop(Consumer<String> listener) {
    loops.listen(listener);
  }

  @Override
  public void onAvailability(Consumer<Optional<String>> listener) {}

  @Override
  public Optional<String> unavailable() {
    return Optional.empty();
  }

  @Override
  public boolean isShared() {
    return false;
  }

  @Override
  public String place() {
    return "the data directory " + directory.path();
  }

  /** Closes after the writes that are queued. */
  @Override
  public void close() {
    writer.close();
    retention.close();
    try (DataDirectory last = directory) {
      LOG.debug("Closing the journal in {}.", last.path());
      database.close();
    } catch (IOException e) {
      LOG.error("The journal was not closed in order.", e);
    }
  }
}
