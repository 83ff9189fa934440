package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.DataDirectoryException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

class DamageTest {
  @TempDir Path parent;

  private Path data() {
    return parent.resolve("data");
  }

  private void givenEvents(Map<String, ?> settings) {
    try (JournalNode node = JournalNode.start(data(), settings)) {
      node.writeTexts("p", 1, 5);
      node.writeTexts("q", 1, 1);
    }
  }

  @Test
  @DisplayName("a flipped bit in a record fails that replay with id and sequence number, no other")
  void flippedBit() throws IOException, RocksDBException {
    givenEvents(Map.of());
    byte[] key = RecordKeys.event("p", 3);
    try (RocksDB db = RocksDB.open(DataDirectory.journal(data()).toString())) {
      byte[] value = db.get(key);
      value[value.length / 2] ^= 0x10;
      db.put(key, value);
    }
    try (JournalNode node = JournalNode.start(data())) {
      assertThat(node.replayFailure("p"))
          .isInstanceOf(CorruptRecordException.class)
          .hasMessageContaining("persistence id p, sequence number 3")
          .hasMessageContaining("CRC-32C");
      assertThat(node.replay("q").payloads()).containsExactly("a-1");
    }
    try (JournalReader reader = JournalReader.open(data())) {
      assertThat(reader.verify(10).problems())
          .singleElement()
          .asString()
          .contains("persistence id p, sequence number 3");
    }
  }

  @Test
  @DisplayName("a record moved to another key is found out, for its checksum covers the key")
  void movedRecord() throws IOException, RocksDBException {
    givenEvents(Map.of());
    try (RocksDB db = RocksDB.open(DataDirectory.journal(data()).toString())) {
      db.put(RecordKeys.event("q", 2), db.get(RecordKeys.event("p", 2)));
    }
    try (JournalNode node = JournalNode.start(data())) {
      assertThat(node.replayFailure("q"))
          .hasMessageContaining("persistence id q, sequence number 2");
    }
  }

  @Test
  @DisplayName("a flipped bit in a table file fails the replay with the id")
  void flippedTable() throws IOException {
    givenEvents(Map.of("cairn.journal.durability", "none"));
    Path table = only(".sst");
    byte[] bytes = Files.readAllBytes(table);
    bytes[20] ^= 1;
    Files.write(table, bytes);

    try (JournalNode node = JournalNode.start(data())) {
      assertThat(node.replayFailure("p")).isInstanceOf(IOException.class);
    }
    try (JournalReader reader = JournalReader.open(data())) {
      assertThatThrownBy(() -> reader.events("p", 1, 10))
          .isInstanceOf(CorruptRecordException.class)
          .hasMessageContaining("persistence id p");
    }
  }

  @Test
  @DisplayName("L8 a log torn in its last write opens with every write before it")
  void tornTail() throws IOException {
    Path copy = crash("fsync");
    Path log = only(".log");
    byte[] bytes = Files.readAllBytes(log);
    Files.write(log, Arrays.copyOf(bytes, bytes.length - 5));

    try (JournalNode node = JournalNode.start(copy)) {
      assertThat(node.replay("p").payloads()).containsExactly("a-1", "a-2", "a-3", "a-4", "a-5");
      assertThat(node.replay("q").highest()).isZero();
      node.writeTexts("q", 1, 1);
    }
    try (JournalNode node = JournalNode.start(copy)) {
      assertThat(node.replay("q").highest()).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("a log damaged before its end is refused, not cut short")
  void damagedLog() throws IOException {
    Path copy = crash("fsync");
    Path log = only(".log");
    byte[] bytes = Files.readAllBytes(log);
    bytes[bytes.length / 2] ^= 1;
    Files.write(log, bytes);

    assertThatThrownBy(() -> OpenJournal.open(settings(copy)))
        .isInstanceOf(DamagedJournalException.class)
        .hasMessageContaining("behind persistence id p, sequence number ");
    DataDirectory.open(copy).close();
  }

  @Test
  @DisplayName("a directory in use by another actor system is refused; two directories are not")
  void twoSystems() throws IOException {
    try (JournalNode first = JournalNode.start(data());
        JournalNode second = JournalNode.start(parent.resolve("second"))) {
      first.writeTexts("p", 1, 1);
      second.writeTexts("p", 1, 2);
      assertThat(first.replay("p").highest()).isEqualTo(1);
      assertThatThrownBy(() -> OpenJournal.open(settings(data())))
          .isInstanceOf(DataDirectoryException.class)
          .hasMessageContaining("in use by process " + ProcessHandle.current().pid());
    }
  }

  @Test
  @DisplayName("a newer data directory is refused by the extension with its reason")
  void newerFormat() throws IOException {
    Files.createDirectories(data());
    Files.writeString(data().resolve("FORMAT"), "cairn-data 9\n");

    assertThatThrownBy(() -> JournalReader.open(data())).hasMessageContaining("format 9");
    JournalNode node = JournalNode.start(data());
    try {
      assertThatThrownBy(() -> JournalExtension.get(node.system()))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("format 9");
    } finally {
      node.close();
    }
    try (Stream<Path> files = Files.list(data())) {
      assertThat(files.toList()).isEqualTo(List.of(data().resolve("FORMAT")));
    }
  }

  @Test
  @DisplayName("I10 RocksDB runs with the bounds and the strictness that the settings name")
  void options() throws IOException {
    givenEvents(
        Map.of(
            "cairn.journal.memtable-bytes", "1 MiB",
            "cairn.journal.wal-bytes", "3 MiB",
            "cairn.journal.open-files", 77));
    try (Stream<Path> files = Files.list(DataDirectory.journal(data()))) {
      Path newest =
          files
              .filter(file -> file.getFileName().toString().startsWith("OPTIONS-"))
              .max(Comparator.naturalOrder())
              .orElseThrow();
      assertThat(newest)
          .content()
          .contains("write_buffer_size=1048576")
          .contains("max_total_wal_size=3145728")
          .contains("max_open_files=77")
          .contains("wal_recovery_mode=kTolerateCorruptedTailRecords")
          .contains("paranoid_checks=true")
          .contains("manual_wal_flush=false");
    }
  }

  @ParameterizedTest
  @CsvSource({"fsync, 5", "os, 5", "none, 0"})
  @DisplayName("I10 durability decides what a process that dies leaves behind")
  void durability(String durability, long highest) throws IOException {
    try (JournalNode node = JournalNode.start(crash(durability))) {
      assertThat(node.replay("p").highest()).isEqualTo(highest);
    }
  }

  @Test
  @DisplayName("I10 an unknown durability is refused by name")
  void unknownDurability() {
    assertThatThrownBy(
            () ->
                JournalSettings.of(
                    JournalNode.config(data(), Map.of("cairn.journal.durability", "maybe"))))
        .hasMessageContaining("maybe")
        .hasMessageContaining("fsync, os or none");
  }

  /** What is on the disk while the journal runs, copied: the state that a crash leaves. */
  private Path crash(String durability) throws IOException {
    Path running = parent.resolve("running");
    try (JournalNode node =
        JournalNode.start(running, Map.of("cairn.journal.durability", durability))) {
      node.writeTexts("p", 1, 5);
      node.writeTexts("q", 1, 1);
      try (Stream<Path> files = Files.walk(running)) {
        for (Path file : files.toList()) {
          Files.copy(file, data().resolve(running.relativize(file).toString()));
        }
      }
    }
    return data();
  }

  private Path only(String suffix) throws IOException {
    try (Stream<Path> files = Files.list(DataDirectory.journal(data()))) {
      List<Path> found =
          files.filter(file -> file.getFileName().toString().endsWith(suffix)).toList();
      assertThat(found).hasSize(1);
      return found.get(0);
    }
  }

  private static JournalSettings settings(Path directory) {
    return JournalSettings.of(JournalNode.config(directory, Map.of()));
  }
}
