package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import java.time.Duration;

/**
 * How much a journal keeps, from {@code cairn.journal.retention}; 0 stands for no bound.
 *
 * @param time since a request's end
 * @param bytes of the records of finished requests
 * @param interval between two sweeps
 * @param batchRequests most requests that one batch deletes
 * @param compactBytes deleted bytes below which nothing is compacted
 */
public record RetentionLimits(
    Duration time, long bytes, Duration interval, int batchRequests, long compactBytes) {
  private static final String PATH = "cairn.journal.retention.";

  /**
   * @throws ConfigException where a value is none
   */
  public static RetentionLimits of(Config root) {
    Duration time = root.getDuration(PATH + "time");
    if (time.isNegative()) {
      throw new ConfigException.BadValue(
          root.origin(), PATH + "time", "found " + time + ", expected 0 or more");
    }
    return new RetentionLimits(
        time,
        root.getBytes(PATH + "bytes"),
        root.getDuration(PATH + "interval"),
        (int) positive(root, "batch-requests", 1 << 16),
        positive(root, "compact-bytes", Long.MAX_VALUE));
  }

  private static long positive(Config root, String key, long most) {
    long value = root.getBytes(PATH + key);
    if (value < 1 || value > most) {
      throw new ConfigException.BadValue(
          root.origin(), PATH + key, "found " + value + ", expected 1 to " + most);
    }
    return value;
  }
}
