package dev.cairn.persistence.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The logs of a journal as they were found before RocksDB opens them: the MANIFEST that CURRENT
 * names, and the write-ahead logs in their order.
 *
 * @param torn logs whose last write never got onto the disk as a whole; it was not acknowledged
 */
record LogCheck(List<LogFile> torn) {
  /**
   * Reads all logs.
   *
   * @param journal the database's directory; empty or absent for a new journal
   * @throws DamagedJournalException where a log is not what was written, with the record
   */
  static LogCheck of(Path journal) throws IOException {
    List<LogFile> torn = new ArrayList<>();
    if (Files.exists(journal.resolve("CURRENT"))) {
      LogFile manifest = LogFile.ofEdits(manifest(journal));
      expectUndamaged(manifest);
      keepTorn(manifest, torn);
    } else if (holdsData(journal)) {
      throw new DamagedJournalException(
          "The journal in "
              + journal
              + " holds data but no file CURRENT; it cannot be trusted and was not changed.");
    }
    long next = -1;
    Path before = journal;
    for (Path file : writeAheadLogs(journal)) {
      LogFile log = LogFile.ofBatches(file);
      expectUndamaged(log);
      if (log.firstSequence() >= 0) {
        if (next >= 0 && log.firstSequence() != next) {
          throw new DamagedJournalException(
              "The log "
                  + before
                  + " ends before write "
                  + next
                  + ", but "
                  + file
                  + " begins with write "
                  + log.firstSequence()
                  + "; the journal is damaged and was not changed.");
        }
        next = log.nextSequence();
        before = file;
      }
      keepTorn(log, torn);
    }
    return new LogCheck(List.copyOf(torn));
  }

  /** Cuts torn ends off, durably. */
  void cut() throws IOException {
    for (LogFile log : torn) {
      try (FileChannel channel = FileChannel.open(log.file(), StandardOpenOption.WRITE)) {
        channel.truncate(log.end());
        channel.force(true);
      }
    }
  }

  /** What is dropped, a sentence for each log. */
  List<String> sentences() {
    return torn.stream().map(LogCheck::sentence).toList();
  }

  private static String sentence(LogFile log) {
    return "The log "
        + log.file().getFileName()
        + " ends in a write that a crash cut short: "
        + (log.length() - log.end())
        + " bytes from byte "
        + log.end()
        + " on, never acknowledged, are dropped.";
  }

  private static void keepTorn(LogFile log, List<LogFile> torn) {
    if (log.state() == LogFile.State.TORN) {
      torn.add(log);
    }
  }

  private static void expectUndamaged(LogFile log) throws DamagedJournalException {
    if (log.state() == LogFile.State.DAMAGED) {
      throw new DamagedJournalException(
          "The log "
              + log.file()
              + " is damaged: "
              + log.problem()
              + "; the journal cannot be trusted and was not changed.");
    }
  }

  private static Path manifest(Path journal) throws IOException {
    Path current = journal.resolve("CURRENT");
    String name = new String(Files.readAllBytes(current), StandardCharsets.ISO_8859_1);
    if (!name.matches("MANIFEST-[0-9]{6,20}\n") || !Files.exists(journal.resolve(name.strip()))) {
      throw new DamagedJournalException(
          "The file "
              + current
              + " names no MANIFEST that is there; the journal cannot be trusted and was not"
              + " changed.");
    }
    return journal.resolve(name.strip());
  }

  /** Whether there is more than a database that was never opened whole leaves. */
  private static boolean holdsData(Path journal) throws IOException {
    if (!Files.isDirectory(journal)) {
      return false;
    }
    try (Stream<Path> files = Files.list(journal)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".sst") || (name.endsWith(".log") && Files.size(file) > 0)) {
          return true;
        }
      }
    }
    return false;
  }

  private static List<Path> writeAheadLogs(Path journal) throws IOException {
    if (!Files.isDirectory(journal)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(journal)) {
      return files
          .filter(file -> file.getFileName().toString().matches("[0-9]{6,20}\\.log"))
          .sorted(Comparator.comparingLong(LogCheck::number))
          .toList();
    }
  }

  private static long number(Path log) {
    String name = log.getFileName().toString();
    return Long.parseLong(name.substring(0, name.indexOf('.')));
  }
}
