package dev.cairn.persistence.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A temporary directory that looks like a journal without its torn ends: links to its files, and
 * copies of the logs that are cut. The journal itself stays as it is.
 *
 * @param path of the directory
 */
record TrimmedView(Path path) implements AutoCloseable {
  static TrimmedView of(Path journal, LogCheck logs) throws IOException {
    Map<Path, LogFile> torn =
        logs.torn().stream().collect(Collectors.toMap(LogFile::file, Function.identity()));
    TrimmedView view = new TrimmedView(Files.createTempDirectory("cairn-journal"));
    try (Stream<Path> files = Files.list(journal)) {
      for (Path file : files.toList()) {
        Path target = view.path.resolve(file.getFileName());
        LogFile log = torn.get(file);
        if (log == null) {
          Files.createSymbolicLink(target, file.toAbsolutePath());
        } else {
          Files.copy(file, target);
          try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
            channel.truncate(log.end());
          }
        }
      }
      return view;
    } catch (IOException | RuntimeException e) {
      view.close();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(path);
  }
}
