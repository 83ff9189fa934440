package dev.cairn.persistence.journal;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Reads a log of RocksDB, a write-ahead log or a MANIFEST, and tells a torn end from damage.
 *
 * <p>A log is blocks of 32 KiB with fragments in them: a masked CRC-32C of type and data (32 bits),
 * the data's length (16 bits), the type (a byte: 1 whole, 2 first, 3 middle, 4 last), all
 * little-endian, and the data. A block's last bytes, too few for a fragment, are zeros.
 *
 * <p>A write to a write-ahead log is one record, synced before the next. A change of the MANIFEST
 * may be several records, synced together, of which a crash may leave the later ones alone.
 *
 * <p>RocksDB takes a length that points behind the file's end for a write that was cut short, and
 * zeros for a place that was never written. One flipped bit of a length would so drop, silently,
 * everything that was acknowledged behind it. Here an end counts as torn only where a crash can
 * have made it: no write begins behind it that was made after it was synced, part of it is missing
 * or was never written (zeros, in units of a sector), and no single flipped bit accounts for it.
 */
final class LogFile {
  /** What a log's end is. */
  enum State {
    WHOLE,
    TORN,
    DAMAGED
  }

  private static final int BLOCK = 32 << 10;
  private static final int HEADER = 7;
  private static final int SECTOR = 512;
  private static final int WHOLE = 1;
  private static final int FIRST = 2;
  private static final int MIDDLE = 3;
  private static final int LAST = 4;

  /** More than RocksDB writes to a MANIFEST before it syncs. */
  private static final int UNSYNCED_EDITS = 64 << 10;

  private final Path file;
  private final ByteBuffer bytes;
  private final boolean batches;
  private State state = State.WHOLE;
  private int end;
  private long firstSequence = -1;
  private long nextSequence = -1;
  private Optional<LoggedBatch> last = Optional.empty();
  private String problem = "";

  private LogFile(Path file, byte[] bytes, boolean batches) {
    this.file = file;
    this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    this.batches = batches;
  }

  /** Reads a write-ahead log. */
  static LogFile ofBatches(Path file) throws IOException {
    LogFile log = new LogFile(file, Files.readAllBytes(file), true);
    log.scan();
    return log;
  }

  /** Reads a MANIFEST. */
  static LogFile ofEdits(Path file) throws IOException {
    LogFile log = new LogFile(file, Files.readAllBytes(file), false);
    log.scan();
    return log;
  }

  Path file() {
    return file;
  }

  State state() {
    return state;
  }

  /** Bytes of whole records. */
  int end() {
    return end;
  }

  int length() {
    return bytes.limit();
  }

  /** RocksDB's number of the first operation; -1 where there is none. */
  long firstSequence() {
    return firstSequence;
  }

  /** RocksDB's number that a batch behind this log has; -1 where there is none. */
  long nextSequence() {
    return nextSequence;
  }

  Optional<LoggedBatch> lastBatch() {
    return last;
  }

  /** What is damaged, for people; empty where nothing is. */
  String problem() {
    return problem;
  }

  private void scan() {
    int position = 0;
    int begun = -1;
    while (position < bytes.limit()) {
      position = skipTrailer(position);
      if (position == bytes.limit()) {
        break;
      }
      int type = typeAt(position);
      boolean fits = type == WHOLE || type == FIRST ? begun < 0 : begun >= 0;
      if (!isFragment(position) || !fits) {
        broken(begun < 0 ? position : begun, position);
        return;
      }
      begun = type == FIRST ? position : begun;
      int next = position + HEADER + lengthAt(position);
      if (type == WHOLE || type == LAST) {
        if (!follow(type == WHOLE ? position : begun)) {
          return;
        }
        begun = -1;
        end = next;
      }
      position = next;
    }
    if (begun >= 0) {
      broken(begun, bytes.limit());
    }
  }

  /** Checks that a batch is the next one. */
  private boolean follow(int position) {
    if (!batches) {
      return true;
    }
    LoggedBatch batch = new LoggedBatch(record(position));
    if (nextSequence >= 0 && batch.sequence() != nextSequence) {
      state = State.DAMAGED;
      problem =
          "at byte "
              + position
              + " stands write "
              + batch.sequence()
              + ", expected "
              + nextSequence
              + lastEvent();
      return false;
    }
    firstSequence = firstSequence < 0 ? batch.sequence() : firstSequence;
    nextSequence = batch.sequence() + batch.count();
    last = Optional.of(batch);
    return true;
  }

  private void broken(int recordAt, int fragmentAt) {
    Optional<Integer> behind = nextRecord(fragmentAt + 1);
    boolean atEnd = behind.isEmpty() || (!batches && bytes.limit() - recordAt <= UNSYNCED_EDITS);
    if (atEnd && !isFlip(fragmentAt) && isUnwritten(recordAt, fragmentAt)) {
      state = State.TORN;
      end = recordAt;
      return;
    }
    state = State.DAMAGED;
    problem = "what stands at byte " + fragmentAt + " is not what was written" + lastEvent();
    behind
        .filter(position -> batches && isWholeRecord(position))
        .flatMap(position -> new LoggedBatch(record(position)).firstEvent())
        .ifPresent(event -> problem += ", before " + event);
  }

  private String lastEvent() {
    return last.flatMap(LoggedBatch::lastEvent).map(event -> ", behind " + event).orElse("");
  }

  /** The place of the next fragment that begins a record, wherever it stands. */
  private Optional<Integer> nextRecord(int from) {
    for (int position = from; position + HEADER <= bytes.limit(); position++) {
      int type = bytes.get(position + 6);
      if ((type == WHOLE || type == FIRST) && isFragment(position)) {
        return Optional.of(position);
      }
    }
    return Optional.empty();
  }

  /** Whether part of a broken record is missing or was never written. */
  private boolean isUnwritten(int recordAt, int fragmentAt) {
    int stop = bytes.limit();
    if (fragmentAt + HEADER > stop || fragmentAt + HEADER + lengthAt(fragmentAt) > stop) {
      return true;
    }
    for (int begin = recordAt; begin < stop; begin = (begin / SECTOR + 1) * SECTOR) {
      if (isZero(begin, Math.min(stop, (begin / SECTOR + 1) * SECTOR))) {
        return true;
      }
    }
    return false;
  }

  /** Whether a fragment would be right but for one bit, of its length, checksum or data. */
  private boolean isFlip(int position) {
    if (position + HEADER > bytes.limit()) {
      return false;
    }
    int length = lengthAt(position);
    for (int bit = 0; bit < Short.SIZE; bit++) {
      if (isInside(position, length ^ 1 << bit)
          && checksum(position, length ^ 1 << bit) == bytes.getInt(position)) {
        return true;
      }
    }
    if (!isInside(position, length)) {
      return false;
    }
    return MaskedCrc32c.isOneFlip(checksum(position, length), bytes.getInt(position), 1 + length);
  }

  private boolean isFragment(int position) {
    if (position + HEADER > bytes.limit()) {
      return false;
    }
    int type = typeAt(position);
    int length = lengthAt(position);
    return type >= WHOLE
        && type <= LAST
        && isInside(position, length)
        && checksum(position, length) == bytes.getInt(position);
  }

  private boolean isInside(int position, int length) {
    int stop = position + HEADER + length;
    return stop <= bytes.limit() && stop <= (position / BLOCK + 1) * BLOCK;
  }

  private boolean isWholeRecord(int position) {
    int at = position;
    while (at + HEADER <= bytes.limit() && isFragment(at)) {
      if (typeAt(at) == WHOLE || typeAt(at) == LAST) {
        return true;
      }
      at = skipTrailer(at + HEADER + lengthAt(at));
    }
    return false;
  }

  /** The data of a record whose fragments were all found right. */
  private byte[] record(int position) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    int at = position;
    boolean more = true;
    while (more) {
      data.write(bytes.array(), at + HEADER, lengthAt(at));
      more = typeAt(at) == FIRST || typeAt(at) == MIDDLE;
      at = skipTrailer(at + HEADER + lengthAt(at));
    }
    return data.toByteArray();
  }

  private int skipTrailer(int position) {
    int left = BLOCK - position % BLOCK;
    return left < HEADER ? Math.min(bytes.limit(), position + left) : position;
  }

  private int typeAt(int position) {
    return position + HEADER > bytes.limit() ? 0 : bytes.get(position + 6);
  }

  private int lengthAt(int position) {
    return Short.toUnsignedInt(bytes.getShort(position + 4));
  }

  private int checksum(int position, int length) {
    return MaskedCrc32c.of(bytes.array(), position + 6, 1 + length);
  }

  private boolean isZero(int from, int to) {
    for (int position = from; position < to; position++) {
      if (bytes.get(position) != 0) {
        return false;
      }
    }
    return true;
  }
}
