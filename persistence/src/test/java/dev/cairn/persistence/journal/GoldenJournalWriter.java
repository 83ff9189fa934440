package dev.cairn.persistence.journal;

import dev.cairn.persistence.RequestEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes the golden journal of this program's schema version, once for each version: its argument
 * is {@code src/test/resources/golden}.
 */
final class GoldenJournalWriter {
  private static final String KEPT = "FORMAT|CURRENT|IDENTITY|MANIFEST-.*|.*\\.sst|.*\\.log";

  private GoldenJournalWriter() {}

  public static void main(String[] arguments) throws IOException {
    Path golden = Path.of(arguments[0]);
    String name = "journal-" + RequestEvent.SCHEMA_VERSION;
    List<String> events = Images.write(golden.resolve(name));
    try (Stream<Path> files = Files.walk(golden.resolve(name))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!file.getFileName().toString().matches(KEPT)) {
          Files.delete(file);
        }
      }
    }
    Files.write(golden.resolve(name + ".events"), events);
  }
}
