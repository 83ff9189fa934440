package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.DataDirectoryException;
import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEventCodec;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.pekko.persistence.PersistentRepr;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Data directories that earlier programs wrote, {@code golden/journal-N} for each schema version,
 * killed while they wrote: events stand in a table and in the log. {@code journal-N.events} has
 * their events, one a line.
 */
class GoldenJournalTest {
  @TempDir Path parent;
  private Path data;

  @BeforeEach
  void data() {
    data = parent.resolve("data");
  }

  static IntStream versions() {
    return IntStream.rangeClosed(1, RequestEvent.SCHEMA_VERSION);
  }

  private static Path resource(String name) throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(GoldenJournalTest.class.getResource("/golden/" + name), name)
            .toURI());
  }

  @ParameterizedTest
  @MethodSource("versions")
  @DisplayName("H4 a journal of every schema version up to this one is replayed, and written on")
  void replays(int version) throws IOException, URISyntaxException {
    Images.copy(resource("journal-" + version), data);
    Map<String, List<RequestEvent>> expected = new TreeMap<>();
    List<String> lines = Files.readAllLines(resource("journal-" + version + ".events"));
    for (String line : lines) {
      String[] words = line.split(" ");
      expected
          .computeIfAbsent(words[0], id -> new ArrayList<>())
          .add(RequestEventCodec.decode(HexFormat.of().parseHex(words[4]), words[3]));
    }
    try (JournalReader reader = JournalReader.open(data)) {
      assertThat(Images.read(reader)).containsExactlyInAnyOrderElementsOf(lines);
      assertThat(reader.verify(10).problems()).isEmpty();
    }
    try (JournalNode node = JournalNode.start(data, Map.of("cairn.journal.retention.time", "0"))) {
      for (Map.Entry<String, List<RequestEvent>> each : expected.entrySet()) {
        assertThat(node.replay(each.getKey()).events())
            .extracting(PersistentRepr::payload)
            .isEqualTo(each.getValue());
      }
      assertThat(node.journal().unfinished("", 10)).containsExactly("b", "d");
      assertThat(node.journal().stats().storage().finishedRequests()).isEqualTo(2);
      node.write(JournalNode.atomic(JournalNode.event("b", 5, Images.tokens("b", 4, 1))));
      assertThat(node.replay("b").highest()).isEqualTo(5);
    }
  }

  @Test
  @DisplayName("H4 a data directory of a newer version is refused, and no byte of it changes")
  void newerDirectory() throws IOException, URISyntaxException {
    Images.copy(resource("journal-1"), data);
    Files.writeString(data.resolve("FORMAT"), "cairn-data 2\n");
    Map<String, String> before = files();

    JournalSettings settings = JournalSettings.of(JournalNode.config(data, Map.of()));
    assertThatThrownBy(() -> OpenJournal.open(settings))
        .isInstanceOf(DataDirectoryException.class)
        .hasMessageContaining("format 2")
        .hasMessageContaining("knows formats 1 to 1 and changed nothing");
    assertThatThrownBy(() -> JournalReader.open(data)).hasMessageContaining("format 2");

    assertThat(files()).isEqualTo(before);
  }

  @Test
  @DisplayName("H4 an event of a newer schema version fails its replay by name")
  void newerEvent() {
    RequestEvent event = Images.tokens("a", 0, 3);
    String newer = "tokens:" + (RequestEvent.SCHEMA_VERSION + 1);
    assertThatThrownBy(() -> RequestEventCodec.decode(RequestEventCodec.encode(event), newer))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining(newer)
        .hasMessageContaining("newer program");
  }

  /** Content and time of every file. */
  private Map<String, String> files() throws IOException {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(data)) {
      for (Path file : walk.toList()) {
        String content =
            Files.isDirectory(file)
                ? "directory"
                : HexFormat.of().formatHex(Files.readAllBytes(file));
        files.put(file.toString(), Files.getLastModifiedTime(file) + " " + content);
      }
    }
    return files;
  }
}
