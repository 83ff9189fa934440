package dev.cairn.persistence.journal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Keys of the journal's database: a letter, an id in UTF-8 behind the number of its bytes (16
 * bits), and for events the sequence number (64 bits, big-endian), so that the events of an id
 * stand together in order and no id is a prefix of another's keys.
 */
final class RecordKeys {
  /** An event. */
  static final byte EVENT = 'e';

  /** A request that has finished, by the time of its end. */
  static final byte FINISHED = 'f';

  /** The highest sequence number of an id whose events were deleted. */
  static final byte HIGHEST = 'h';

  /** A request that was accepted and has not finished. */
  static final byte UNFINISHED = 'u';

  private static final int MAX_ID_BYTES = 0xffff;

  private RecordKeys() {}

  static byte[] event(String persistenceId, long sequenceNr) {
    byte[] id = id(persistenceId);
    return ByteBuffer.allocate(11 + id.length)
        .put(EVENT)
        .putShort((short) id.length)
        .put(id)
        .putLong(sequenceNr)
        .array();
  }

  static byte[] highest(String persistenceId) {
    return plain(HIGHEST, persistenceId);
  }

  static byte[] unfinished(String requestId) {
    return plain(UNFINISHED, requestId);
  }

  /** In the order of the times, which are milliseconds since the epoch. */
  static byte[] finished(long millis, String persistenceId) {
    byte[] id = id(persistenceId);
    return ByteBuffer.allocate(11 + id.length)
        .put(FINISHED)
        .putLong(Math.max(0, millis))
        .putShort((short) id.length)
        .put(id)
        .array();
  }

  /** The time in a finished key. */
  static long finishedMillisOf(byte[] key) {
    return ByteBuffer.wrap(key).getLong(1);
  }

  /** The id that a key of any kind names. */
  static String idOf(byte[] key) {
    int at = key[0] == FINISHED ? 9 : 1;
    int length = Short.toUnsignedInt(ByteBuffer.wrap(key).getShort(at));
    return new String(key, at + 2, length, StandardCharsets.UTF_8);
  }

  /** The sequence number of an event's key. */
  static long sequenceNrOf(byte[] key) {
    return ByteBuffer.wrap(key).getLong(key.length - 8);
  }

  /** Whether an event's key belongs to the id of the other event's key. */
  static boolean sameId(byte[] key, byte[] other) {
    return key.length == other.length
        && Arrays.equals(key, 0, key.length - 8, other, 0, other.length - 8);
  }

  private static byte[] plain(byte kind, String name) {
    byte[] id = id(name);
    return ByteBuffer.allocate(3 + id.length).put(kind).putShort((short) id.length).put(id).array();
  }

  private static byte[] id(String name) {
    byte[] id = name.getBytes(StandardCharsets.UTF_8);
    if (id.length > MAX_ID_BYTES) {
      throw new IllegalArgumentException(
          "An id has " + id.length + " bytes, expected at most " + MAX_ID_BYTES + ".");
    }
    return id;
  }
}
