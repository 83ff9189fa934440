package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import dev.cairn.persistence.journal.postgres.PostgresReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Read-only view of a journal as it was when the reader was opened. It takes no lock and writes
 * nothing, so that it may look at the journal of a process that runs. One thread uses it at a time.
 */
public abstract class JournalReader implements AutoCloseable {
  private static final int PAGE = 256;

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

  /** An event that may turn out to be damaged when it is asked for. */
  @FunctionalInterface
  protected interface Read {
    StoredEvent event() throws IOException;
  }

  /** Takes events in their order. */
  @FunctionalInterface
  protected interface Visitor {
    /** Returns whether it wants another one. */
    boolean next(long sequenceNr, Read read) throws IOException;
  }

  /**
   * Opens the journal that a configuration names.
   *
   * @throws DamagedJournalException where it is damaged
   * @throws IOException where there is none, it is of a newer format or cannot be read
   */
  public static JournalReader open(Config config) throws IOException {
    Optional<Path> directory = directory(config);
    return directory.isPresent() ? open(directory.get()) : PostgresReader.of(config);
  }

  /** The data directory that a configuration names; empty where its journal is in PostgreSQL. */
  public static Optional<Path> directory(Config config) {
    return config.getString("pekko.persistence.journal.plugin").equals(PostgresJournal.PLUGIN)
        ? Optional.empty()
        : Optional.of(Path.of(config.getString("cairn.journal.directory")));
  }

  /**
   * Opens the journal in a data directory. Where a crash cut its last write short, the reader shows
   * what a start would keep.
   *
   * @throws DamagedJournalException where it is damaged
   * @throws IOException where there is none, it is of a newer format or cannot be read
   */
  public static JournalReader open(Path dataDirectory) throws IOException {
    return RocksReader.of(dataDirectory);
  }

  /**
   * Ids that have events, a page at a time.
   *
   * @param afterId last one of the page before, or empty for the first page
   */
  public abstract List<String> persistenceIds(String afterId, int max) throws IOException;

  /** Requests that were accepted and have not finished; pages as {@link #persistenceIds}. */
  public abstract List<String> unfinished(String afterId, int max) throws IOException;

  /** What a crash cut short and this view leaves out, a sentence for each. */
  public abstract List<String> warnings();

  /** Visits the events of an id from a sequence number on, in order. */
  protected abstract void visit(String persistenceId, long fromSequenceNr, Visitor visitor)
      throws IOException;

  /** Whether the index of unfinished requests names a request. */
  protected abstract boolean isUnfinished(String requestId) throws IOException;

  /** What is wrong with the storage itself, beside its events. */
  protected abstract Optional<String> checkStorage() throws IOException;

  @Override
  public abstract void close() throws IOException;

  /**
   * Events of an id from a sequence number on, in order.
   *
   * @throws CorruptRecordException where one of them is not what was written
   */
  public List<StoredEvent> events(String persistenceId, long fromSequenceNr, int max)
      throws IOException {
    List<StoredEvent> events = new ArrayList<>();
    if (max > 0) {
      visit(
          persistenceId,
          fromSequenceNr,
          (sequenceNr, read) -> {
            events.add(read.event());
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
    visit(
        persistenceId,
        1,
        (sequenceNr, read) -> {
          StoredEvent event = read.event();
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
    checkStorage().ifPresent(problem -> addBounded(List.of(problem), problems, maxProblems));
    return new Verification(counts[0], counts[1], List.copyOf(problems), warnings());
  }

  private static void addBounded(List<String> found, List<String> problems, int max) {
    problems.addAll(found.subList(0, Math.min(found.size(), max - problems.size())));
  }

  private long verify(String persistenceId, List<String> problems) throws IOException {
    RequestFold fold = new RequestFold(persistenceId);
    long[] events = {0};
    try {
      visit(
          persistenceId,
          1,
          (sequenceNr, read) -> {
            events[0]++;
            verify(persistenceId, sequenceNr, read, fold).ifPresent(problems::add);
            return true;
          });
    } catch (CorruptRecordException e) {
      problems.add(e.getMessage());
    }
    Optional<RequestSummary> summary = fold.summary();
    if (summary.isPresent()) {
      String request = summary.get().spec().id();
      boolean unfinished = isUnfinished(request);
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
      String persistenceId, long sequenceNr, Read read, RequestFold fold) {
    try {
      StoredEvent event = read.event();
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
}
