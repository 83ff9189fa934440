package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static dev.cairn.persistence.journal.JournalNode.spec;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Data directories as a crash leaves them, to be damaged. */
final class Images {
  private static final Path MEMORY = Path.of("/dev/shm");

  private Images() {}

  /** A directory for many small files, in memory where the system has a place for that. */
  static Path scratch(String name) throws IOException {
    return Files.isWritable(MEMORY)
        ? Files.createTempDirectory(MEMORY, name)
        : Files.createTempDirectory(name);
  }

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /**
   * A small journal after SIGKILL: some events in a table, later ones in the log, which a long
   * write and many short ones share.
   *
   * @return its events in the order of their writing
   */
  static List<String> write(Path image) throws IOException {
    Path running = scratch("cairn-running");
    try {
      try (JournalNode node = JournalNode.start(running.resolve("data"))) {
        run(node, "a", 3, true);
      }
      try (JournalNode node = JournalNode.start(running.resolve("data"))) {
        run(node, "b", 2, false);
        node.write(
            atomic(
                event("d", 1, new Accepted(spec("d"))),
                event("d", 2, new Assigned("d", 1, 0, "cpu-0", "numerics-1")),
                event("d", 3, tokens("d", 0, 300))));
        run(node, "c", 2, true);
        copy(running.resolve("data"), image);
      }
    } finally {
      delete(running);
    }
    try (JournalReader reader = JournalReader.open(image)) {
      List<String> written = new ArrayList<>();
      for (String id : List.of("a", "b", "d", "c")) {
        reader.events(id, 1, 100).forEach(stored -> written.add(text(stored)));
      }
      return written;
    }
  }

  private static void run(JournalNode node, String id, int commits, boolean ends) {
    node.write(
        atomic(
            event(id, 1, new Accepted(spec(id))),
            event(id, 2, new Assigned(id, 1, 0, "cpu-0", "numerics-1"))));
    for (int n = 0; n < commits; n++) {
      node.write(atomic(event(id, 3 + n, tokens(id, 2 * n, 2))));
    }
    if (ends) {
      node.write(
          atomic(
              event(id, 3 + commits, new Finished(id, 1, 2 * commits, FinishReason.LENGTH, ""))));
    }
  }

  static RequestEvent tokens(String id, int index, int count) {
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = 17 * (index + i) + id.length();
    }
    return new TokensCommitted(id, 1, index, tokens, List.of(), List.of());
  }

  /**
   * Everything that can be read of a journal; {@code -} stands for the events of an id that cannot.
   */
  static Set<String> read(JournalReader reader) throws IOException {
    Set<String> events = new LinkedHashSet<>();
    for (String id : reader.persistenceIds("", 1000)) {
      try {
        reader.events(id, 1, 100_000).forEach(stored -> events.add(text(stored)));
      } catch (CorruptRecordException refused) {
        events.add("-");
      }
    }
    return events;
  }

  /** An event, all of it. */
  static String text(StoredEvent stored) {
    return stored.persistenceId()
        + " "
        + stored.sequenceNr()
        + " "
        + stored.timestampMillis()
        + " "
        + stored.manifest()
        + " "
        + HexFormat.of().formatHex(stored.payload());
  }
}
