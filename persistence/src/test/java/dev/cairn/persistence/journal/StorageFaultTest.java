package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class StorageFaultTest {
  private static Path scratch;
  private static Path image;
  private static List<String> written;

  @BeforeAll
  static void write() throws IOException {
    scratch = Images.scratch("cairn-faults");
    image = scratch.resolve("data");
    written = Images.write(image);
    assertThat(written).hasSize(6 + 4 + 3 + 5);
  }

  @AfterAll
  static void delete() throws IOException {
    Images.delete(scratch);
  }

  /** Files that carry data. */
  private static List<Path> dataFiles() throws IOException {
    List<Path> files = new ArrayList<>(List.of(image.resolve("FORMAT")));
    try (Stream<Path> journal = Files.list(DataDirectory.journal(image))) {
      journal
          .filter(
              file ->
                  file.getFileName().toString().matches("CURRENT|MANIFEST-.*|.*\\.log|.*\\.sst"))
          .forEach(files::add);
    }
    return files;
  }

  private enum Outcome {
    REFUSED,
    FOUND,
    UNUSED
  }

  /** What becomes of the image as it is; a wrong event fails the test. */
  private static Outcome look(String what) throws IOException {
    try (JournalReader reader = JournalReader.open(image)) {
      Set<String> events = Images.read(reader);
      boolean readable = !events.remove("-");
      assertThat(written).as(what).containsAll(events);
      JournalReader.Verification found = reader.verify(1);
      assertThat(found.warnings()).as(what + " passed for a torn write").isEmpty();
      if (found.problems().isEmpty()) {
        assertThat(readable).as(what).isTrue();
        assertThat(events).as(what + " was not found").containsExactlyInAnyOrderElementsOf(written);
        return Outcome.UNUSED;
      }
      return Outcome.FOUND;
    } catch (IOException refused) {
      assertThat(refused).as(what).message().isNotBlank();
      return Outcome.REFUSED;
    }
  }

  @Test
  @DisplayName(
      "L8 a flipped bit in any byte that carries data is found, and no wrong event is read")
  void flips() throws IOException {
    assertThat(look("the journal as it was written")).isEqualTo(Outcome.UNUSED);
    Map<String, String> figures = new TreeMap<>();
    for (Path file : dataFiles()) {
      String name = file.getFileName().toString();
      byte[] whole = Files.readAllBytes(file);
      boolean log = name.endsWith(".log") || name.startsWith("MANIFEST");
      Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
      for (int at = 0; at < whole.length; at++) {
        for (int bit = log ? 0 : at % 8; bit < (log ? 8 : at % 8 + 1); bit++) {
          byte[] flipped = whole.clone();
          flipped[at] ^= (byte) (1 << bit);
          Files.write(file, flipped);
          Outcome outcome = look(name + ", byte " + at + ", bit " + bit);
          counts.merge(outcome, 1, Integer::sum);
          if (!isSpace(name, at)) {
            assertThat(outcome)
                .as("%s, byte %d, bit %d", name, at, bit)
                .isNotEqualTo(Outcome.UNUSED);
          }
        }
      }
      Files.write(file, whole);
      figures.put(name, whole.length + " bytes " + counts);
    }
    assertThat(look("the journal made whole again")).isEqualTo(Outcome.UNUSED);
    System.out.println("StorageFaultTest.flips: " + figures);
  }

  /** The end of the line in FORMAT, which another white space may stand for. */
  private static boolean isSpace(String name, int at) {
    return name.equals("FORMAT") && at == 12;
  }

  @Test
  @DisplayName("L8 files that carry no data may hold anything: the journal opens and is the same")
  void texts() throws IOException {
    Path copy = scratch.resolve("texts");
    Images.copy(image, copy);
    List<Path> texts = new ArrayList<>(List.of(copy.resolve("LOCK.cairn")));
    try (Stream<Path> journal = Files.list(DataDirectory.journal(copy))) {
      journal
          .filter(file -> file.getFileName().toString().matches("LOG.*|LOCK|OPTIONS-.*|IDENTITY"))
          .forEach(texts::add);
    }
    try (Stream<Path> all = Files.walk(copy)) {
      assertThat(all.filter(Files::isRegularFile)).hasSize(texts.size() + dataFiles().size());
    }
    Random random = new Random(1);
    for (Path text : texts) {
      byte[] noise = new byte[Math.max(100, (int) Files.size(text))];
      random.nextBytes(noise);
      Files.write(text, noise);
    }
    OpenJournal.open(settings(copy)).close();
    assertHolds(copy, written);
  }

  @Test
  @DisplayName("L8 a log cut at any byte gives the writes that are whole in it, and no other event")
  void truncations() throws IOException {
    Path log = only(".log");
    byte[] whole = Files.readAllBytes(log);
    int before = 6;
    int end = 0;
    Set<Integer> heights = new TreeSet<>();
    for (int length = 0; length < whole.length; length++) {
      Files.write(log, Arrays.copyOf(whole, length));
      LogFile found = LogFile.ofBatches(log);
      assertThat(found.state()).as("length %d", length).isNotEqualTo(LogFile.State.DAMAGED);
      assertThat(found.end()).as("length %d", length).isLessThanOrEqualTo(length);
      // What is opened ends with the last whole write, so that equal ends are equal journals.
      if (found.end() != end || length % 16 == 0) {
        try (JournalReader reader = JournalReader.open(image)) {
          Set<String> events = Images.read(reader);
          assertThat(events.size()).as("length %d", length).isBetween(before, written.size());
          assertThat(events)
              .as("length %d", length)
              .containsExactlyInAnyOrderElementsOf(written.subList(0, events.size()));
          assertThat(events.size() == before).isEqualTo(found.end() == end);
          assertThat(reader.warnings().isEmpty()).isEqualTo(found.end() == length);
          before = events.size();
          end = found.end();
          heights.add(before);
        }
      }
      if (length % 101 == 0) {
        Path copy = scratch.resolve("cut-" + length);
        Images.copy(image, copy);
        OpenJournal.open(settings(copy)).close();
        assertHolds(copy, written.subList(0, before));
        Images.delete(copy);
      }
    }
    Files.write(log, whole);
    assertThat(heights).containsExactly(6, 8, 9, 10, 13, 15, 16, 17);
    assertThat(look("the journal made whole again")).isEqualTo(Outcome.UNUSED);
  }

  @Test
  @DisplayName("L8 a table cut anywhere is refused")
  void truncatedTables() throws IOException {
    Path table = only(".sst");
    byte[] whole = Files.readAllBytes(table);
    for (int length = 0; length < whole.length; length += 7) {
      Files.write(table, Arrays.copyOf(whole, length));
      assertThat(look("table of " + length + " bytes")).isEqualTo(Outcome.REFUSED);
    }
    Files.write(table, whole);
  }

  @Test
  @DisplayName("L8 a damaged journal is refused by a start as well, which changes nothing in it")
  void refusedByStart() throws IOException {
    Path copy = scratch.resolve("damaged");
    Images.copy(image, copy);
    Path log = copy.resolve("journal").resolve(only(".log").getFileName());
    byte[] whole = Files.readAllBytes(log);
    for (int at = 4; at < 400; at += 13) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 0x40;
      Files.write(log, flipped);
      assertThatThrownBy(() -> OpenJournal.open(settings(copy)))
          .isInstanceOf(DamagedJournalException.class)
          .hasMessageContaining("before persistence id ");
      assertThat(Files.readAllBytes(log)).isEqualTo(flipped);
    }
  }

  private static void assertHolds(Path directory, List<String> expected) throws IOException {
    try (JournalReader reader = JournalReader.open(directory)) {
      assertThat(Images.read(reader)).containsExactlyInAnyOrderElementsOf(expected);
      assertThat(reader.verify(1).problems()).isEmpty();
    }
  }

  private static Path only(String suffix) throws IOException {
    List<Path> found =
        dataFiles().stream().filter(file -> file.toString().endsWith(suffix)).toList();
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  private static JournalSettings settings(Path directory) {
    return JournalSettings.of(JournalNode.config(directory, Map.of()));
  }
}
