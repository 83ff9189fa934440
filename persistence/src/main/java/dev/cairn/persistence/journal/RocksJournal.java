package dev.cairn.persistence.journal;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.pekko.dispatch.Futures;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;

/**
 * Pekko's journal plugin {@code cairn.journal}. It serializes on the plugin's dispatcher, leaves
 * the writing to {@link GroupCommit} and reads on the replay dispatcher, after the writes of the
 * same id that are in flight.
 *
 * <p>One AtomicWrite is rejected (and the others of its batch stored) where an event cannot be
 * serialized, its sequence number is taken, the queue is full, or the disk is full and it accepts a
 * request: each time nothing of it is stored. A failed future means that the journal has stopped.
 */
public final class RocksJournal extends AsyncWriteJournal {
  private static final Logger LOG = LoggerFactory.getLogger(RocksJournal.class);

  private final OpenJournal journal;
  private final EventEncoder encoder;
  private final ExecutionContext replays;

  public RocksJournal() {
    journal = JournalExtension.open(context().system());
    encoder = new EventEncoder(context().system(), System::currentTimeMillis);
    replays = context().system().dispatchers().lookup(journal.settings().replayDispatcher());
  }

  @Override
  public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(
      Iterable<AtomicWrite> messages) {
    List<Optional<Exception>> results = new ArrayList<>();
    List<EncodedWrite> writes = new ArrayList<>();
    for (AtomicWrite message : messages) {
      Optional<Exception> refusal = encode(message, writes);
      results.add(refusal);
    }
    if (writes.isEmpty()) {
      return Futures.successful(results);
    }
    Command.Write command = Command.Write.of(writes);
    try {
      journal.submit(command);
    } catch (JournalOverloadedException e) {
      results.replaceAll(refusal -> refusal.isPresent() ? refusal : Optional.of(e));
      return Futures.successful(results);
    }
    return command.future().map(stored -> merged(results, stored), context().dispatcher());
  }

  private Optional<Exception> encode(AtomicWrite message, List<EncodedWrite> writes) {
    try {
      EncodedWrite write = encoder.encode(message);
      if (write.accepts() && journal.space().isFull()) {
        return Optional.of(new JournalFullException(journal.space().minFreeBytes()));
      }
      writes.add(write);
      return Optional.empty();
    } catch (Exception e) {
      LOG.error(
          "A write of {} at sequence number {} cannot be serialized and is rejected.",
          message.persistenceId(),
          message.lowestSequenceNr(),
          e);
      return Optional.of(e);
    }
  }

  /** Fills the results of the writes that were stored into the places that refusals left. */
  private static Iterable<Optional<Exception>> merged(
      List<Optional<Exception>> results, List<Optional<Exception>> stored) {
    List<Optional<Exception>> merged = new ArrayList<>(results.size());
    int next = 0;
    for (Optional<Exception> result : results) {
      merged.add(result.isPresent() ? result : stored.get(next++));
    }
    return merged;
  }

  @Override
  public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
    Command.Delete delete = Command.Delete.of(persistenceId, toSequenceNr);
    journal.submit(delete);
    return delete.promise().future();
  }

  @Override
  public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
    return afterWrites(
        persistenceId, () -> journal.read(records -> records.highestSequenceNr(persistenceId)));
  }

  @Override
  public Future<Void> doAsyncReplayMessages(
      String persistenceId,
      long fromSequenceNr,
      long toSequenceNr,
      long max,
      Consumer<PersistentRepr> replay) {
    return afterWrites(
        persistenceId,
        () -> {
          if (max > 0) {
            journal.read(
                records -> {
                  replay(records, persistenceId, fromSequenceNr, toSequenceNr, max, replay);
                  return null;
                });
          }
          return null;
        });
  }

  private void replay(
      JournalRecords records,
      String persistenceId,
      long from,
      long to,
      long max,
      Consumer<PersistentRepr> replay)
      throws IOException {
    long[] left = {max};
    records.events(
        persistenceId,
        from,
        to,
        (id, sequenceNr, key, value) -> {
          StoredRecord record = JournalRecords.decode(id, sequenceNr, key, value);
          try {
            replay.accept(encoder.decode(id, sequenceNr, record));
          } catch (Exception e) {
            throw new CorruptRecordException(id, sequenceNr, String.valueOf(e.getMessage()), e);
          }
          return --left[0] > 0;
        });
  }

  private <T> Future<T> afterWrites(String persistenceId, Callable<T> read) {
    Optional<Command> before = journal.inFlight(persistenceId);
    if (before.isEmpty()) {
      return Futures.future(read, replays);
    }
    return before
        .get()
        .promise()
        .future()
        .transformWith(settled -> Futures.future(read, replays), replays);
  }
}
