package dev.cairn.persistence.journal;

import dev.cairn.persistence.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
public final class JournalReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JournalReader.class);
  private static final int PAGE = 256;

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

  private JournalReader(Options options, RocksDB db, LogCheck logs, Optional<TrimmedView> trimmed) {
    this.options = options;
    this.db = db;
    this.records = new JournalRecords(db);
    this.warnings = logs.sentences();
    this.trimmed = trimmed;
  }

  /**
   * What a verification found.
   *
   * @param persistenceIds number of ids that have events
   * @param events number of events read
   * @param problems sentences, as many as were asked for; empty for a sound journal
   * @param warnings what a crash cut short and a start drops, never acknowledged
   */
  public record Verification(
      long persistenceIds, long events, List<String> problems, List<String> warnings) {}

  /**
   * Opens the journal in a data directory. Where a crash cut its last write short, the reader shows
   * what a start would keep.
   *
   * @throws DamagedJournalException where it is damaged
   * @throws IOException where there is none, it is of a newer format or cannot be read
   */
  public static JournalReader open(Path dataDirectory) throws IOException {
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

  private static JournalReader open(Path journal, LogCheck logs) throws IOException {
    Optional<TrimmedView> trimmed =
        logs.torn().isEmpty() ? Optional.empty() : Optional.of(TrimmedView.of(journal, logs));
    Path path = trimmed.map(TrimmedView::path).orElse(journal);
    Options options =
        new Options()
            .setParanoidChecks(true)
            .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords);
    try {
      return new JournalReader(
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

  /**
   * Ids that have events, a page at a time.
   *
   * @param afterId last one of the page before, or empty for the first page
   */
  public List<String> persistenceIds(String afterId, int max) throws IOException {
    return records.persistenceIds(afterId, max);
  }

  /** Requests that were accepted and have not finished; pages as {@link #persistenceIds}. */
  public List<String> unfinished(String afterId, int max) throws IOException {
    return records.unfinished(afterId, max);
  }

  /**
   * Events of an id from a sequence number on, in order.
   *
   * @throws CorruptRecordException where one of them is not what was written
   */
  public List<StoredEvent> events(String persistenceId, long fromSequenceNr, int max)
      throws IOException {
    List<StoredEvent> events = new ArrayList<>();
    if (max > 0) {
      records.events(
          persistenceId,
          fromSequenceNr,
          Long.MAX_VALUE,
          (id, sequenceNr, key, value) -> {
            events.add(stored(id, sequenceNr, key, value));
            return events.size() < max;
          });
    }
    return events;
  }

  /**
   * Requests by the order of their persistence ids, a page at a time. Ids without an accepted
   * request are left out.
   *
   * @param afterId persistence id of the last one of the page before, or empty
   */
  public List<RequestSummary> requests(String afterId, int max) throws IOException {
    List<RequestSummary> summaries = new ArrayList<>();
    List<String> ids = persistenceIds(afterId, PAGE);
    while (!ids.isEmpty() && summaries.size() < max) {
      for (String id : ids) {
        if (summaries.size() < max) {
          summary(id).ifPresent(summaries::add);
        }
      }
      ids = persistenceIds(ids.get(ids.size() - 1), PAGE);
    }
    return summaries;
  }

  /** What a crash cut short and this view leaves out, a sentence for each log. */
  public List<String> warnings() {
    return warnings;
  }

  /** Where the request of one persistence id stands; empty where there is none. */
  public Optional<RequestSummary> summary(String persistenceId) throws IOException {
    RequestFold fold = new RequestFold(persistenceId);
    records.events(
        persistenceId,
        1,
        Long.MAX_VALUE,
        (id, sequenceNr, key, value) -> {
          StoredEvent event = stored(id, sequenceNr, key, value);
          event.requestEvent().ifPresent(next -> fold.next(next, event.timestampMillis()));
          return true;
        });
    return fold.summary();
  }

  /**
   * Reads everything: checksums, forms, the order of each request's events and the index of
   * unfinished requests.
   *
   * @param maxProblems most problems to list; the reading goes on behind them
   */
  public Verification verify(int maxProblems) throws IOException {
    List<String> problems = new ArrayList<>();
    long[] counts = new long[2];
    List<String> ids = persistenceIds("", PAGE);
    while (!ids.isEmpty()) {
      for (String id : ids) {
        counts[0]++;
        List<String> found = new ArrayList<>();
        counts[1] += verify(id, found);
        addBounded(found, problems, maxProblems);
      }
      ids = persistenceIds(ids.get(ids.size() - 1), PAGE);
    }
    verifyFiles().ifPresent(problem -> addBounded(List.of(problem), problems, maxProblems));
    return new Verification(counts[0], counts[1], List.copyOf(problems), warnings);
  }

  private static void addBounded(List<String> found, List<String> problems, int max) {
    problems.addAll(found.subList(0, Math.min(found.size(), max - problems.size())));
  }

  /** Checks every block of every table, those too that no event above came from. */
  private Optional<String> verifyFiles() {
    try {
      db.verifyChecksum();
      return Optional.empty();
    } catch (RocksDBException e) {
      return Optional.of("A table file is damaged: " + e.getMessage());
    }
  }

  private long verify(String persistenceId, List<String> problems) throws IOException {
    RequestFold fold = new RequestFold(persistenceId);
    long[] events = {0};
    try {
      records.events(
          persistenceId,
          1,
          Long.MAX_VALUE,
          (id, sequenceNr, key, value) -> {
            events[0]++;
            verify(id, sequenceNr, key, value, fold).ifPresent(problems::add);
            return true;
          });
    } catch (CorruptRecordException e) {
      problems.add(e.getMessage());
    }
    Optional<RequestSummary> summary = fold.summary();
    if (summary.isPresent()) {
      String request = summary.get().spec().id();
      boolean unfinished = records.isUnfinished(request);
      if (unfinished == summary.get().reason().isPresent()) {
        problems.add(
            "The index of unfinished requests "
                + (unfinished ? "names" : "lacks")
                + " request "
                + request
                + ", which "
                + (unfinished ? "has ended." : "has not ended."));
      }
    }
    return events[0];
  }

  private static Optional<String> verify(
      String persistenceId, long sequenceNr, byte[] key, byte[] value, RequestFold fold) {
    try {
      StoredEvent event = stored(persistenceId, sequenceNr, key, value);
      return event
          .requestEvent()
          .flatMap(next -> fold.next(next, event.timestampMillis()))
          .map(
              problem ->
                  "Persistence id "
                      + persistenceId
                      + ", sequence number "
                      + sequenceNr
                      + ": found "
                      + problem
                      + ".");
    } catch (CorruptRecordException e) {
      return Optional.of(e.getMessage());
    } catch (IOException e) {
      return Optional.of(
          "Persistence id "
              + persistenceId
              + ", sequence number "
              + sequenceNr
              + ": "
              + e.getMessage());
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
