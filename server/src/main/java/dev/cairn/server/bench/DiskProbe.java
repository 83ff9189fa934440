package dev.cairn.server.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Measures how long a directory's disk takes to make a small write durable. */
public final class DiskProbe {
  private static final int WRITES = 30;
  private static final int WRITE_BYTES = 4096;
  private static final double NANOS_PER_MILLI = 1e6;

  /** Milliseconds of one write of 4 KiB with its fdatasync. */
  public record Result(double medianMillis, double maxMillis) {}

  private DiskProbe() {}

  /** Appends to a file of its own in the directory, and removes it. */
  public static Result measure(Path directory) throws IOException {
    Path file = Files.createTempFile(directory, "cairn-fsync", ".probe");
    double[] millis = new double[WRITES];
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.APPEND)) {
      for (int i = 0; i < WRITES; i++) {
        long start = System.nanoTime();
        channel.write(ByteBuffer.allocate(WRITE_BYTES));
        channel.force(false);
        millis[i] = (System.nanoTime() - start) / NANOS_PER_MILLI;
      }
    } finally {
      Files.deleteIfExists(file);
    }
    Percentiles sorted = Percentiles.of(millis);
    return new Result(sorted.at(50), sorted.at(100));
  }
}
