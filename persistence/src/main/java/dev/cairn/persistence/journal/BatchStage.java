package dev.cairn.persistence.journal;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts commands into the batch that the writer is making; on the writer's thread. */
final class BatchStage {
  private static final Logger LOG = LoggerFactory.getLogger(BatchStage.class);

  private final JournalDatabase database;
  private final FinishedBytes finished;
  private final Map<String, Stream> streams;

  /**
   * Of a journal.
   *
   * @param finished told of requests that finish, and that are deleted
   * @param cache most ids whose highest sequence number is kept in memory
   */
  BatchStage(JournalDatabase database, FinishedBytes finished, int cache) {
    this.database = database;
    this.finished = finished;
    this.streams = bounded(cache);
  }

  /** Highest sequence number of an id, and bytes of its records. */
  private record Stream(long highest, long bytes) {}

  /**
   * Puts a command into the batch.
   *
   * @return for a write a list, a result for each of its parts; else an empty Optional
   * @throws Exception where the journal cannot be read
   */
  Object stage(Command command, WriteBatch batch) throws Exception {
    if (command instanceof Command.Delete delete) {
      stageDelete(delete, batch);
      return Optional.empty();
    }
    if (command instanceof Command.Expire expire) {
      for (JournalRecords.FinishedRequest request : expire.requests()) {
        stageExpiry(request, batch);
      }
      return Optional.empty();
    }
    List<Optional<Exception>> results = new ArrayList<>();
    for (EncodedWrite write : ((Command.Write) command).writes()) {
      results.add(stageWrite(write, batch));
    }
    return results;
  }

  private Optional<Exception> stageWrite(EncodedWrite write, WriteBatch batch) throws Exception {
    Stream stream = stream(write.persistenceId());
    if (write.lowest() <= stream.highest()) {
      SequenceNumberExistsException exists =
          new SequenceNumberExistsException(
              write.persistenceId(), write.lowest(), stream.highest());
      LOG.error("A write was rejected.", exists);
      return Optional.of(exists);
    }
    for (EncodedWrite.Entry entry : write.records()) {
      batch.put(entry.key(), entry.value());
    }
    for (EncodedWrite.Unfinished change : write.index()) {
      byte[] key = RecordKeys.unfinished(change.requestId());
      if (change.present()) {
        batch.put(key, JournalRecords.unfinishedValue(key));
      } else {
        batch.delete(key);
      }
    }
    if (write.erases()) {
      erase(write.persistenceId(), stream, batch);
    }
    long bytes = (write.erases() ? 0 : stream.bytes()) + write.bytes();
    if (write.finishedMillis().isPresent()) {
      byte[] key = RecordKeys.finished(write.finishedMillis().getAsLong(), write.persistenceId());
      batch.put(key, JournalRecords.numberValue(key, bytes));
      finished.stage(1, bytes);
    }
    streams.put(write.persistenceId(), new Stream(write.highest(), bytes));
    return Optional.empty();
  }

  /** The events of a request that has ended, and its place among those that have. */
  private void erase(String id, Stream stream, WriteBatch batch) throws Exception {
    byte[] last = RecordKeys.event(id, stream.highest());
    batch.deleteRange(RecordKeys.event(id, 0), JournalRecords.after(last));
    Optional<JournalRecords.FinishedRequest> ended =
        database.read(records -> records.finished(id, stream.highest()));
    if (ended.isPresent()) {
      batch.delete(ended.get().key());
      finished.stage(-1, -ended.get().bytes());
    }
  }

  private void stageDelete(Command.Delete delete, WriteBatch batch) throws Exception {
    long last = stream(delete.persistenceId()).highest();
    long to = Math.min(delete.to(), last);
    if (to < 1) {
      return;
    }
    byte[] key = RecordKeys.highest(delete.persistenceId());
    batch.put(key, JournalRecords.numberValue(key, last));
    batch.deleteRange(
        RecordKeys.event(delete.persistenceId(), 0),
        JournalRecords.after(RecordKeys.event(delete.persistenceId(), to)));
  }

  /**
   * A request that is accepted once more under its id is not the one that had finished; one that
   * was erased since it was found due has another place among those that have.
   */
  private void stageExpiry(JournalRecords.FinishedRequest request, WriteBatch batch)
      throws Exception {
    String id = request.persistenceId();
    if (!database.read(records -> records.has(request.key()))) {
      return;
    }
    batch.delete(request.key());
    finished.stage(-1, -request.bytes());
    if (!database.read(records -> records.isUnfinished(id))) {
      long to = database.read(records -> records.highestSequenceNr(id));
      batch.deleteRange(RecordKeys.event(id, 0), JournalRecords.after(RecordKeys.event(id, to)));
      batch.delete(RecordKeys.highest(id));
      streams.put(id, new Stream(0, 0));
    }
  }

  private Stream stream(String persistenceId) throws Exception {
    Stream known = streams.get(persistenceId);
    if (known == null) {
      known =
          database.read(
              records ->
                  new Stream(
                      records.highestSequenceNr(persistenceId), records.bytesOf(persistenceId)));
      streams.put(persistenceId, known);
    }
    return known;
  }

  private static Map<String, Stream> bounded(int max) {
    return new LinkedHashMap<>(64, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<String, Stream> eldest) {
        return size() > max;
      }
    };
  }
}
