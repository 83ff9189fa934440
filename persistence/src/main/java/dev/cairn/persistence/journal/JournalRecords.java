package dev.cairn.persistence.journal;

import dev.cairn.persistence.BytesIn;
import dev.cairn.persistence.BytesOut;
import dev.cairn.persistence.EventFormatException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/** Reads records of an open database. Holds nothing of its own; as thread-safe as RocksDB. */
final class JournalRecords {
  private final RocksDB db;

  JournalRecords(RocksDB db) {
    this.db = db;
  }

  /** Takes a record in the course of a replay. */
  @FunctionalInterface
  interface Sink {
    /** Returns whether to go on. */
    boolean accept(String persistenceId, long sequenceNr, byte[] key, byte[] value)
        throws IOException;
  }

  /** Highest sequence number that an id ever had, deleted ones included; 0 for an unknown id. */
  long highestSequenceNr(String persistenceId) throws RocksDBException, CorruptRecordException {
    byte[] last = RecordKeys.event(persistenceId, Long.MAX_VALUE);
    long highest = deletedHighest(persistenceId);
    try (RocksIterator iterator = db.newIterator()) {
      iterator.seekForPrev(last);
      if (iterator.isValid()) {
        byte[] key = iterator.key();
        if (RecordKeys.sameId(key, last)) {
          return Math.max(highest, RecordKeys.sequenceNrOf(key));
        }
      }
      iterator.status();
    }
    return highest;
  }

  /** Gives the records of an id to {@code sink}, {@code from} to {@code to} inclusive, in order. */
  void events(String persistenceId, long from, long to, Sink sink) throws IOException {
    byte[] first = RecordKeys.event(persistenceId, Math.max(0, from));
    byte[] last = RecordKeys.event(persistenceId, to);
    long next = from;
    try (Slice end = new Slice(after(last));
        ReadOptions options = new ReadOptions().setIterateUpperBound(end);
        RocksIterator iterator = db.newIterator(options)) {
      for (iterator.seek(first); iterator.isValid(); iterator.next()) {
        byte[] key = iterator.key();
        long sequenceNr = RecordKeys.sequenceNrOf(key);
        if (!sink.accept(persistenceId, sequenceNr, key, iterator.value())) {
          return;
        }
        next = sequenceNr + 1;
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw new CorruptRecordException(persistenceId, next, e.getMessage(), e);
    }
  }

  /** Decodes an event's record. */
  static StoredRecord decode(String persistenceId, long sequenceNr, byte[] key, byte[] value)
      throws CorruptRecordException {
    try {
      return StoredRecord.decode(key, value);
    } catch (EventFormatException e) {
      throw new CorruptRecordException(persistenceId, sequenceNr, e.getMessage(), e);
    }
  }

  /** Ids in the unfinished index behind {@code afterId}. */
  List<String> unfinished(String afterId, int max) throws IOException {
    List<String> ids = new ArrayList<>();
    try (RocksIterator iterator = db.newIterator()) {
      for (iterator.seek(
              afterId.isEmpty()
                  ? start(RecordKeys.UNFINISHED)
                  : after(RecordKeys.unfinished(afterId)));
          iterator.isValid() && ids.size() < max;
          iterator.next()) {
        byte[] key = iterator.key();
        if (key[0] != RecordKeys.UNFINISHED) {
          break;
        }
        String id = RecordKeys.idOf(key);
        try {
          StoredRecord.unsealed(key, iterator.value());
        } catch (EventFormatException e) {
          throw new IOException(
              "The index of unfinished requests is corrupt at " + id + ": " + e.getMessage(), e);
        }
        ids.add(id);
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw new IOException("The index of unfinished requests cannot be read: " + e, e);
    }
    return ids;
  }

  boolean isUnfinished(String requestId) throws IOException {
    try {
      return db.get(RecordKeys.unfinished(requestId)) != null;
    } catch (RocksDBException e) {
      throw new IOException("The index of unfinished requests cannot be read: " + e, e);
    }
  }

  /** Ids that have events, behind {@code afterId}. */
  List<String> persistenceIds(String afterId, int max) throws IOException {
    List<String> ids = new ArrayList<>();
    byte[] from =
        afterId.isEmpty()
            ? start(RecordKeys.EVENT)
            : after(RecordKeys.event(afterId, Long.MAX_VALUE));
    try (RocksIterator iterator = db.newIterator()) {
      iterator.seek(from);
      while (iterator.isValid() && ids.size() < max) {
        byte[] key = iterator.key();
        if (key[0] != RecordKeys.EVENT) {
          break;
        }
        String id = RecordKeys.idOf(key);
        ids.add(id);
        iterator.seek(after(RecordKeys.event(id, Long.MAX_VALUE)));
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw new IOException("The persistence ids cannot be read: " + e, e);
    }
    return ids;
  }

  /** A request that has finished, and the bytes of its events' records, keys included. */
  record FinishedRequest(byte[] key, long bytes) {
    String persistenceId() {
      return RecordKeys.idOf(key);
    }

    long finishedMillis() {
      return RecordKeys.finishedMillisOf(key);
    }
  }

  /**
   * Requests that have finished, the first one first, a page at a time.
   *
   * @param afterKey of the last one of the page before, or empty
   */
  List<FinishedRequest> finished(byte[] afterKey, int max) throws IOException {
    List<FinishedRequest> finished = new ArrayList<>();
    try (RocksIterator iterator = db.newIterator()) {
      byte[] from = afterKey.length == 0 ? start(RecordKeys.FINISHED) : after(afterKey);
      for (iterator.seek(from); iterator.isValid() && finished.size() < max; iterator.next()) {
        byte[] key = iterator.key();
        if (key[0] != RecordKeys.FINISHED) {
          break;
        }
        try {
          long bytes = StoredRecord.unsealed(key, iterator.value()).readVarint();
          finished.add(new FinishedRequest(key, bytes));
        } catch (EventFormatException e) {
          throw new IOException(
              "The index of finished requests is corrupt at "
                  + RecordKeys.idOf(key)
                  + ": "
                  + e.getMessage(),
              e);
        }
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw new IOException("The index of finished requests cannot be read: " + e, e);
    }
    return finished;
  }

  /**
   * A request in the index of those that have finished, by its last event; empty where it is not
   * there.
   */
  Optional<FinishedRequest> finished(String persistenceId, long lastSequenceNr) throws IOException {
    List<FinishedRequest> found = new ArrayList<>(1);
    events(
        persistenceId,
        lastSequenceNr,
        lastSequenceNr,
        (id, sequenceNr, key, value) -> {
          long millis = decode(id, sequenceNr, key, value).timestampMillis();
          byte[] place = RecordKeys.finished(millis, id);
          if (has(place)) {
            found.add(new FinishedRequest(place, bytesOf(id)));
          }
          return false;
        });
    return found.stream().findFirst();
  }

  boolean has(byte[] key) throws IOException {
    try {
      return db.get(key) != null;
    } catch (RocksDBException e) {
      throw new IOException("A key of the journal cannot be read: " + e, e);
    }
  }

  /** Bytes of an id's events, keys included. */
  long bytesOf(String persistenceId) throws IOException {
    long[] bytes = {0};
    events(
        persistenceId,
        0,
        Long.MAX_VALUE,
        (id, sequenceNr, key, value) -> {
          bytes[0] += key.length + value.length;
          return true;
        });
    return bytes[0];
  }

  /** Value of an unfinished key: nothing but version and checksum. */
  static byte[] unfinishedValue(byte[] key) {
    return StoredRecord.sealed(key, new BytesOut(16).putByte(StoredRecord.VERSION));
  }

  /** Value of a highest key, and of a finished one: a number. */
  static byte[] numberValue(byte[] key, long number) {
    return StoredRecord.sealed(
        key, new BytesOut(16).putByte(StoredRecord.VERSION).putVarint(number));
  }

  private long deletedHighest(String persistenceId)
      throws RocksDBException, CorruptRecordException {
    byte[] key = RecordKeys.highest(persistenceId);
    Optional<byte[]> value = Optional.ofNullable(db.get(key));
    if (value.isEmpty()) {
      return 0;
    }
    try {
      BytesIn in = StoredRecord.unsealed(key, value.get());
      return in.readVarint();
    } catch (EventFormatException e) {
      throw new CorruptRecordException(persistenceId, 0, e.getMessage(), e);
    }
  }

  /** The least key behind one. */
  static byte[] after(byte[] key) {
    return Arrays.copyOf(key, key.length + 1);
  }

  private static byte[] start(byte kind) {
    return new byte[] {kind};
  }
}
