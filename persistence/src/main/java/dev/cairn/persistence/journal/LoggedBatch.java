package dev.cairn.persistence.journal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A write batch as RocksDB logs it: the number of its first operation (64 bits), their count (32
 * bits, both little-endian), then for each operation a kind, a key and perhaps a value, each behind
 * its length as a varint.
 */
final class LoggedBatch {
  private static final int HEADER = 12;
  private static final int DELETION = 0;
  private static final int VALUE = 1;
  private static final int RANGE_DELETION = 15;

  private final ByteBuffer data;

  LoggedBatch(byte[] data) {
    this.data = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
  }

  long sequence() {
    return data.limit() < HEADER ? -1 : data.getLong(0);
  }

  int count() {
    return data.limit() < HEADER ? 0 : data.getInt(8);
  }

  /** The first event in it, for people; empty where it holds none. */
  Optional<String> firstEvent() {
    List<String> events = events();
    return events.isEmpty() ? Optional.empty() : Optional.of(events.get(0));
  }

  /** The last event in it, for people. */
  Optional<String> lastEvent() {
    List<String> events = events();
    return events.isEmpty() ? Optional.empty() : Optional.of(events.get(events.size() - 1));
  }

  private List<String> events() {
    List<String> events = new ArrayList<>();
    ByteBuffer rest = data.duplicate();
    rest.position(Math.min(HEADER, rest.limit()));
    while (rest.hasRemaining()) {
      int kind = rest.get();
      if (kind != DELETION && kind != VALUE && kind != RANGE_DELETION) {
        return events;
      }
      byte[] key = next(rest);
      if (kind != DELETION) {
        next(rest);
      }
      if (kind == VALUE && key.length > 0 && key[0] == RecordKeys.EVENT) {
        events.add(
            "persistence id "
                + RecordKeys.idOf(key)
                + ", sequence number "
                + RecordKeys.sequenceNrOf(key));
      }
    }
    return events;
  }

  private static byte[] next(ByteBuffer rest) {
    int length = 0;
    int shift = 0;
    byte part;
    do {
      part = rest.get();
      length |= (part & 0x7f) << shift;
      shift += 7;
    } while (part < 0);
    byte[] bytes = new byte[length];
    rest.get(bytes);
    return bytes;
  }
}
