package dev.cairn.persistence.journal;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Whether the journal's disk has its reserve free; asks the system once an interval at most. */
final class FreeSpace {
  /** Bytes that may be written. */
  @FunctionalInterface
  interface Gauge {
    long usableBytes() throws IOException;
  }

  private final long minFreeBytes;
  private final long intervalNanos;
  private Gauge gauge;
  private long askedNanos;
  private boolean asked;
  private boolean full;

  FreeSpace(Gauge gauge, long minFreeBytes, Duration interval) {
    this.gauge = gauge;
    this.minFreeBytes = minFreeBytes;
    this.intervalNanos = interval.toNanos();
  }

  static Gauge of(Path directory) throws IOException {
    FileStore store = Files.getFileStore(directory);
    return store::getUsableSpace;
  }

  /** Puts another gauge in the place of the disk's, so that a test can fill it. */
  synchronized void replaceGauge(Gauge replacement) {
    gauge = replacement;
    asked = false;
  }

  long minFreeBytes() {
    return minFreeBytes;
  }

  /** A disk that cannot be asked is taken for full: the journal would not trust it either. */
  synchronized boolean isFull() {
    if (minFreeBytes == 0) {
      return false;
    }
    long now = System.nanoTime();
    if (!asked || now - askedNanos >= intervalNanos) {
      asked = true;
      askedNanos = now;
      try {
        full = gauge.usableBytes() < minFreeBytes;
      } catch (IOException e) {
        full = true;
      }
    }
    return full;
  }
}
