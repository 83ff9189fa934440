package dev.cairn.persistence.journal;

import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.RequestEvent;
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

/**
 * Read-only view of a data directory's journal as it was when the reader was opened. It takes no
 * lock and writes nothing, so that it may look at the journal of a process that runs. One thread
 * uses it at a time.
 */
public final class JournalReader implements AutoCloseable {
  private static final int PAGE = 256;

  static {
    RocksDB.loadLibrary();
  }

  private final Options options;
  private final RocksDB db;
  private final JournalRecords records;

  private JournalReader(Options options, RocksDB db) {
    this.options = options;
    this.db = db;
    this.records = new JournalRecords(db);
  }

  /**
   * What a verification found.
   *
   * @param persistenceIds number of ids that have events
   * @param events number of events read
   * @param problems sentences, as many as were asked for; empty for a sound journal
   */
  public record Verification(long persistenceIds, long events, List<String> problems) {}

  /**
   * Opens the journal in a data directory.
   *
   * @throws IOException where there is none, or it is of a newer format or damaged
   */
  public static JournalReader open(Path dataDirectory) throws IOException {
    DataDirectory.checkFormat(dataDirectory);
    Path journal = DataDirectory.journal(dataDirectory);
    if (!Files.isDirectory(journal)) {
      throw new IOException("There is no journal in " + dataDirectory + ".");
    }
    Options options =
        new Options()
            .setParanoidChecks(true)
            .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords);
    try {
      return new JournalReader(options, RocksDB.openReadOnly(options, journal.toString()));
    } catch (RocksDBException e) {
      options.close();
      throw new IOException("The journal in " + journal + " cannot be read: " + e.getMessage(), e);
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

  /** Where the request of one persistence id stands; empty where there is none. */
  public Optional<RequestSummary> summary(String persistenceId) throws IOException {
    RequestFold fold = new RequestFold(persistenceId);
    records.events(
        persistenceId,
        1,
        Long.MAX_VALUE,
        (id, sequenceNr, key, value) -> {
          stored(id, sequenceNr, key, value).requestEvent().ifPresent(fold::next);
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
        problems.addAll(found.subList(0, Math.min(found.size(), maxProblems - problems.size())));
      }
      ids = persistenceIds(ids.get(ids.size() - 1), PAGE);
    }
    return new Verification(counts[0], counts[1], List.copyOf(problems));
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
      Optional<RequestEvent> event = stored(persistenceId, sequenceNr, key, value).requestEvent();
      return event
          .flatMap(fold::next)
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
  public void close() {
    db.close();
    options.close();
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
