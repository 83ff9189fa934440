package dev.cairn.persistence.journal;

import java.util.List;
import java.util.OptionalLong;

/**
 * One AtomicWrite in the form in which it is stored.
 *
 * @param lowest sequence number of its first event
 * @param highest sequence number of its last event
 * @param records of its events
 * @param index changes to the index of unfinished requests, in order
 * @param finishedMillis when the request finished, milliseconds since the epoch, if it does
 * @param erases whether everything that was stored of the id before goes
 */
record EncodedWrite(
    String persistenceId,
    long lowest,
    long highest,
    List<Entry> records,
    List<Unfinished> index,
    OptionalLong finishedMillis,
    boolean erases) {
  /** Key and value of a record. */
  record Entry(byte[] key, byte[] value) {}

  /** A request that becomes unfinished, or stops being so. */
  record Unfinished(String requestId, boolean present) {}

  /** Whether it accepts a request. */
  boolean accepts() {
    return index.stream().anyMatch(Unfinished::present);
  }

  long bytes() {
    long bytes = 0;
    for (Entry entry : records) {
      bytes += entry.key().length + entry.value().length;
    }
    return bytes;
  }
}
