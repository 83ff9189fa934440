package dev.cairn.persistence.journal;

import dev.cairn.persistence.BytesIn;
import dev.cairn.persistence.BytesOut;
import dev.cairn.persistence.EventFormatException;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The value of an event's key: what a PersistentRepr holds, serialized, and behind it the CRC-32C
 * (Castagnoli) of key and value. persistence/README.md has the form.
 *
 * @param timestampMillis when it was written, milliseconds since the epoch
 * @param writerUuid names the actor's incarnation that wrote it
 * @param adapterManifest of the event adapter, mostly empty
 * @param event the event
 * @param metadata of the event, mostly absent
 */
record StoredRecord(
    long timestampMillis,
    String writerUuid,
    String adapterManifest,
    Payload event,
    Optional<Payload> metadata) {
  /** Version of the form that this program writes. */
  static final int VERSION = 1;

  private static final int CRC_BYTES = 4;
  private static final int HAS_METADATA = 1;
  private static final int WRITER_IS_UUID = 2;

  /** An object in the form of its serializer. */
  record Payload(int serializerId, String manifest, byte[] bytes) {
    private void put(BytesOut out) {
      out.putVarint32(serializerId).putString(manifest).putBytes(bytes);
    }

    private static Payload read(BytesIn in) throws EventFormatException {
      return new Payload(in.readVarint32(), in.readString(), in.readBytes());
    }
  }

  byte[] encode(byte[] key) {
    Optional<UUID> uuid = canonicalUuid(writerUuid);
    BytesOut out = new BytesOut(64 + event.bytes().length);
    out.putByte(VERSION)
        .putByte(
            (metadata.isPresent() ? HAS_METADATA : 0) | (uuid.isPresent() ? WRITER_IS_UUID : 0))
        .putVarint(timestampMillis);
    if (uuid.isPresent()) {
      out.putLong(uuid.get().getMostSignificantBits())
          .putLong(uuid.get().getLeastSignificantBits());
    } else {
      out.putString(writerUuid);
    }
    out.putString(adapterManifest);
    event.put(out);
    metadata.ifPresent(payload -> payload.put(out));
    return sealed(key, out);
  }

  /**
   * Reads a value.
   *
   * @throws EventFormatException where the checksum differs, the version is unknown or the form is
   *     broken
   */
  static StoredRecord decode(byte[] key, byte[] value) throws EventFormatException {
    BytesIn in = unsealed(key, value);
    int flags = in.readByte();
    long timestampMillis = in.readVarint();
    String writerUuid =
        (flags & WRITER_IS_UUID) != 0
            ? new UUID(in.readLong(), in.readLong()).toString()
            : in.readString();
    String adapterManifest = in.readString();
    Payload event = Payload.read(in);
    Optional<Payload> metadata =
        (flags & HAS_METADATA) != 0 ? Optional.of(Payload.read(in)) : Optional.empty();
    in.expectEnd();
    return new StoredRecord(timestampMillis, writerUuid, adapterManifest, event, metadata);
  }

  /** The bytes so far, and behind them the checksum of key and bytes. */
  static byte[] sealed(byte[] key, BytesOut out) {
    byte[] body = out.toBytes();
    return out.putInt(checksum(key, body, body.length)).toBytes();
  }

  /** The bytes between version and checksum, once both were found right. */
  static BytesIn unsealed(byte[] key, byte[] value) throws EventFormatException {
    int end = value.length - CRC_BYTES;
    if (end < 1) {
      throw new EventFormatException("It has " + value.length + " bytes, expected at least 5.");
    }
    int stored = new BytesIn(value, end, value.length).readInt();
    int computed = checksum(key, value, end);
    if (stored != computed) {
      throw new EventFormatException(
          String.format("Its CRC-32C is %08x, expected %08x.", computed, stored));
    }
    BytesIn in = new BytesIn(value, 0, end);
    int version = in.readByte();
    if (version != VERSION) {
      throw new EventFormatException(
          "Its record version is " + version + ", expected " + VERSION + ".");
    }
    return in;
  }

  private static int checksum(byte[] key, byte[] value, int end) {
    CRC32C crc = new CRC32C();
    crc.update(key);
    crc.update(value, 0, end);
    return (int) crc.getValue();
  }

  private static Optional<UUID> canonicalUuid(String text) {
    if (text.length() != 36) {
      return Optional.empty();
    }
    try {
      UUID uuid = UUID.fromString(text);
      return uuid.toString().equals(text) ? Optional.of(uuid) : Optional.empty();
    } catch (IllegalArgumentException notOne) {
      return Optional.empty();
    }
  }
}
