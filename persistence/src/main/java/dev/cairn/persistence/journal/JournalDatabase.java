package dev.cairn.persistence.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * The journal's RocksDB, open for writing. Readers and the close exclude each other, because a
 * native handle that is used after its close ends the process.
 */
final class JournalDatabase implements AutoCloseable {
  private static final long MANIFEST_BYTES = 4 << 20;
  private static final long INFO_LOG_BYTES = 1 << 20;
  private static final int INFO_LOG_FILES = 5;

  static {
    RocksDB.loadLibrary();
  }

  /** Work on the open database. */
  @FunctionalInterface
  interface Work<T> {
    T on(JournalRecords records) throws IOException, RocksDBException;
  }

  private final LRUCache blockCache;
  private final Options options;
  private final WriteOptions writeOptions;
  private final RocksDB db;
  private final JournalRecords records;
  private final boolean flushOnClose;
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
  private boolean closed;

  private JournalDatabase(Path path, JournalSettings settings) throws RocksDBException {
    blockCache = new LRUCache(settings.blockCacheBytes());
    options = options(settings, blockCache).setCreateIfMissing(true);
    flushOnClose = settings.durability() == Durability.NONE;
    writeOptions =
        new WriteOptions()
            .setSync(settings.durability() == Durability.FSYNC)
            .setDisableWAL(flushOnClose);
    try {
      db = RocksDB.open(options, path.toString());
    } catch (RocksDBException e) {
      closeOptions();
      throw e;
    }
    records = new JournalRecords(db);
  }

  static JournalDatabase open(Path path, JournalSettings settings) throws IOException {
    try {
      return new JournalDatabase(path, settings);
    } catch (RocksDBException e) {
      throw new IOException("The journal in " + path + " cannot be opened: " + e.getMessage(), e);
    }
  }

  /** Writes a batch, all of it or nothing, and syncs it where durability asks for that. */
  void write(WriteBatch batch) throws RocksDBException {
    db.write(writeOptions, batch);
  }

  /** Reads; fails with {@link JournalClosedException} once closed. */
  <T> T read(Work<T> work) throws IOException, RocksDBException {
    use.readLock().lock();
    try {
      if (closed) {
        throw new JournalClosedException();
      }
      return work.on(records);
    } finally {
      use.readLock().unlock();
    }
  }

  /** Compacts all events; other work goes on. Returns early where the options were cancelled. */
  void compact(CompactRangeOptions compaction) throws RocksDBException {
    use.readLock().lock();
    try {
      if (closed) {
        throw new JournalClosedException();
      }
      db.compactRange(
          db.getDefaultColumnFamily(),
          new byte[] {RecordKeys.EVENT},
          new byte[] {RecordKeys.UNFINISHED + 1},
          compaction);
    } finally {
      use.readLock().unlock();
    }
  }

  /** Closes once all readers are done; the caller has stopped the writer. */
  @Override
  public void close() throws IOException {
    use.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      if (flushOnClose) {
        try (FlushOptions flush = new FlushOptions().setWaitForFlush(true)) {
          db.flush(flush);
        }
      }
      db.closeE();
    } catch (RocksDBException e) {
      throw new IOException("The journal could not be closed in order: " + e.getMessage(), e);
    } finally {
      db.close();
      closeOptions();
      use.writeLock().unlock();
    }
  }

  private void closeOptions() {
    writeOptions.close();
    options.close();
    blockCache.close();
  }

  /**
   * {@link LogCheck} has refused damage and cut torn ends off before RocksDB sees a log; a reader
   * of a running journal may meet an end that is being written. RocksDB's default would open and
   * silently leave out everything behind damage.
   */
  static Options options(JournalSettings settings, LRUCache blockCache) {
    return new Options()
        .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords)
        .setRecycleLogFileNum(0)
        .setManualWalFlush(false)
        .setParanoidChecks(true)
        .setParanoidFileChecks(true)
        .setWriteBufferSize(settings.memtableBytes())
        .setMaxWriteBufferNumber(3)
        .setMaxTotalWalSize(settings.walBytes())
        .setMaxBackgroundJobs(2)
        .setMaxOpenFiles(settings.openFiles())
        .setMaxManifestFileSize(MANIFEST_BYTES)
        .setCompressionType(CompressionType.LZ4_COMPRESSION)
        .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(blockCache))
        .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
        .setMaxLogFileSize(INFO_LOG_BYTES)
        .setKeepLogFileNum(INFO_LOG_FILES);
  }
}
