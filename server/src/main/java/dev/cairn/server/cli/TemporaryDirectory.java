package dev.cairn.server.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A directory that is gone, with all that is in it, when it is closed. */
final class TemporaryDirectory implements AutoCloseable {
  private final Path path;

  TemporaryDirectory(String prefix) throws IOException {
    path = Files.createTempDirectory(prefix);
  }

  /** A directory that is there. */
  TemporaryDirectory(Path path) {
    this.path = path;
  }

  Path path() {
    return path;
  }

  @Override
  public void close() {
    try (Stream<Path> tree = Files.walk(path)) {
      List<Path> deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
      for (Path file : deepestFirst) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove the temporary directory " + path, e);
    }
  }
}
