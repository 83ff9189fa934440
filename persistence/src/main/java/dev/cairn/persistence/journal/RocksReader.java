package dev.cairn.persistence.journal;

import dev.cairn.persistence.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WALRecoveryMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Read-only view of a data directory's journal as it was when the reader was opened. It takes no
 * lock and writes nothing, so that it may look at the journal of a process that runs. One thread
 * uses it at a time.
 */
final class RocksReader extends JournalReader {
  private static final Logger LOG = LoggerFactory.getLogger(RocksReader.class);

  /** A journal that is in use may delete a file between the look at it and its opening. */
  private static final int ATTEMPTS = 5;

  static {
    RocksDB.loadLibrary();
  }

  private final Options options;
  private final RocksDB db;
  private final JournalRecords records;
  private final List<String> warnings;
  private final Optional<TrimmedView> trimmed;

  private RocksReader(Options options, RocksDB db, LogCheck logs, Optional<TrimmedView> trimmed) {
    this.options = options;
    this.db = db;
    this.records = new JournalRecords(db);
    this.warnings = logs.sentences();
    this.trimmed = trimmed;
  }

  static JournalReader of(Path dataDirectory) throws IOException {
    DataDirectory.checkFormat(dataDirectory);
    Path journal = DataDirectory.journal(dataDirectory);
    if (!Files.isDirectory(journal)) {
      throw new IOException("There is no journal in " + dataDirectory + ".");
    }
    boolean running = DataDirectory.user(dataDirectory).isPresent();
    for (int attempt = 1; running && attempt < ATTEMPTS; attempt++) {
      try {
        return open(journal, new LogCheck(List.of()));
      } catch (IOException moved) {
        LOG.debug("The journal moved on while it was opened to read.", moved);
      }
    }
    return open(journal, running ? new LogCheck(List.of()) : LogCheck.of(journal));
  }

  private static RocksReader open(Path journal, LogCheck logs) throws IOException {
    Optional<TrimmedView> trimmed =
        logs.torn().isEmpty() ? Optional.empty() : Optional.of(TrimmedView.of(journal, logs));
    Path path = trimmed.map(TrimmedView::path).orElse(journal);
    Options options =
        new Options()
            .setParanoidChecks(true)
            .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords);
    try {
      return new RocksReader(
          options, RocksDB.openReadOnly(options, path.toString()), logs, trimmed);
    } catch (RocksDBException e) {
      options.close();
      if (trimmed.isPresent()) {
        trimmed.get().close();
      }
      throw new DamagedJournalException(
          "The journal in " + journal + " cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public List<String> persistenceIds(String afterId, int max) throws IOException {
    return records.persistenceIds(afterId, max);
  }

  @Override
  public List<String> unfinished(String afterId, int max) throws IOException {
    return records.unfinished(afterId, max);
  }

  @Override
  public List<String> warnings() {
    return warnings;
  }

  @Override
  protected void visit(String persistenceId, long fromSequenceNr, Visitor visitor)
      throws IOException {
    records.events(
        persistenceId,
        fromSequenceNr,
        Long.MAX_VALUE,
        (id, sequenceNr, key, value) ->
            visitor.next(sequenceNr, () -> stored(id, sequenceNr, key, value)));
  }

  @Override
  protected boolean isUnfinished(String requestId) throws IOException {
    return records.isUnfinished(requestId);
  }

  /** Checks every block of every table, those too that no event came from. */
  @Override
  protected Optional<String> checkStorage() {
    try {
      db.verifyChecksum();
      return Optional.empty();
    } catch (RocksDBException e) {
      return Optional.of("A table file is damaged: " + e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    db.close();
    options.close();
    if (trimmed.isPresent()) {
      trimmed.get().close();
    }
  }

  private static StoredEvent stored(String id, long sequenceNr, byte[] key, byte[] value)
      throws CorruptRecordException {
    StoredRecord record = JournalRecords.decode(id, sequenceNr, key, value);
    return new StoredEvent(
        id,
        sequenceNr,
        record.timestampMillis(),
        record.writerUuid(),
        record.event().serializerId(),
        record.event().manifest(),
        record.event().bytes());
  }
}
