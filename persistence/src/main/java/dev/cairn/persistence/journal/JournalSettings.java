package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import java.nio.file.Path;
import java.time.Duration;

/** The keys of {@code cairn.journal}; reference.conf says what each one means. */
record JournalSettings(
    Path directory,
    Durability durability,
    String replayDispatcher,
    int queueWrites,
    long queueBytes,
    int batchEvents,
    long batchBytes,
    int sequenceCache,
    long minFreeBytes,
    Duration freeSpaceInterval,
    Duration slowCommit,
    long memtableBytes,
    long walBytes,
    long blockCacheBytes,
    int openFiles,
    RetentionLimits retention) {
  static final String PATH = "cairn.journal";

  static JournalSettings of(Config root) {
    Config config = root.getConfig(PATH);
    return new JournalSettings(
        Path.of(config.getString("directory")).toAbsolutePath().normalize(),
        Durability.of(config.getString("durability")),
        config.getString("replay-dispatcher"),
        (int) positive(config, "queue-writes", Integer.MAX_VALUE),
        positive(config, "queue-bytes", Long.MAX_VALUE),
        (int) positive(config, "batch-events", Integer.MAX_VALUE),
        positive(config, "batch-bytes", 1L << 30),
        (int) positive(config, "sequence-cache", 1 << 24),
        config.getBytes("min-free-bytes"),
        config.getDuration("free-space-interval"),
        config.getDuration("slow-commit"),
        positive(config, "memtable-bytes", 1L << 30),
        positive(config, "wal-bytes", 1L << 36),
        positive(config, "block-cache-bytes", 1L << 36),
        (int) positive(config, "open-files", 1 << 20),
        RetentionLimits.of(root));
  }

  private static long positive(Config config, String key, long most) {
    long value = config.getBytes(key);
    if (value < 1 || value > most) {
      throw new ConfigException.BadValue(
          config.origin(), PATH + "." + key, "found " + value + ", expected 1 to " + most);
    }
    return value;
  }
}
