package dev.cairn.cluster;

import com.typesafe.config.Config;
import io.aeron.CommonContext;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.agrona.IoUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the media driver of a node keeps its buffers. Each node has a directory of its own, which
 * it deletes when it stops; those that killed nodes have left are deleted by the next node that
 * starts.
 */
final class AeronDirectory {
  private static final Logger LOG = LoggerFactory.getLogger(AeronDirectory.class);
  private static final String PREFIX = "cairn-aeron-";

  /** A driver that is alive writes its heartbeat more often than this. */
  private static final Duration SILENT = Duration.ofSeconds(30);

  /** Read by the media driver, which Pekko gives no way to say it. */
  private static final String TERM_LENGTH = "aeron.term.buffer.length";

  private AeronDirectory() {}

  /**
   * Names a directory for a node that is about to start, and clears away what others have left.
   *
   * @param aeron {@code cairn.cluster.aeron}
   * @throws IllegalArgumentException where the folder cannot be used
   */
  static Path prepare(Config aeron) {
    if (System.getProperty(TERM_LENGTH) == null) {
      System.setProperty(TERM_LENGTH, Long.toString(termLength(aeron)));
    }
    Path folder = folder(aeron.getString("directory"));
    try {
      Files.createDirectories(folder);
      sweep(folder);
    } catch (IOException | UncheckedIOException e) {
      throw new IllegalArgumentException(
          "cairn.cluster.aeron.directory is " + folder + ", which cannot be written to: " + e, e);
    }
    if (!Files.isWritable(folder)) {
      throw new IllegalArgumentException(
          "cairn.cluster.aeron.directory is "
              + folder
              + ", which cannot be written to; expected a folder, in memory where there is one");
    }
    return folder.resolve(PREFIX + ProcessHandle.current().pid() + "-" + UUID.randomUUID());
  }

  private static long termLength(Config aeron) {
    long length = aeron.getBytes("term-length");
    if (Long.bitCount(length) != 1 || length < 2 << 20 || length > 1 << 30) {
      throw new IllegalArgumentException(
          "cairn.cluster.aeron.term-length is "
              + length
              + " bytes, expected a power of two from 2 MiB to 1 GiB");
    }
    return length;
  }

  private static Path folder(String configured) {
    if (!configured.isEmpty()) {
      return Path.of(configured);
    }
    Path memory = Path.of("/dev/shm");
    return Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir"));
  }

  /** Other nodes may start, and sweep, at the same time: what is gone meanwhile is well gone. */
  private static void sweep(Path folder) throws IOException {
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, PREFIX + "*")) {
      for (Path each : found) {
        try {
          if (isAbandoned(each)) {
            IoUtil.delete(each.toFile(), true);
            LOG.info("{}, which a node that was killed has left, is deleted", each);
          }
        } catch (NoSuchFileException e) {
          LOG.debug("{} is gone", each);
        } catch (IOException | UncheckedIOException | IllegalStateException e) {
          LOG.warn("{}, which a node that was killed seems to have left, cannot be read", each, e);
        }
      }
    }
  }

  private static boolean isAbandoned(Path directory) throws IOException {
    File file = directory.toFile();
    // A driver that is only starting has no heartbeat yet.
    Instant touched = Files.getLastModifiedTime(directory).toInstant();
    return touched.isBefore(Instant.now().minus(SILENT))
        && !CommonContext.isDriverActive(file, SILENT.toMillis(), message -> LOG.debug(message));
  }
}
