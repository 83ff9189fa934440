package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.NotSerializableException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import scala.jdk.javaapi.OptionConverters;

/** What Pekko asks of a journal plugin, against the plugin in an actor system. */
@DisplayName("The journal plugin keeps Pekko's contract")
class JournalContractTest {
  @TempDir static Path directory;
  private static JournalNode node;
  private String id;

  @BeforeAll
  static void start() {
    node = JournalNode.start(directory);
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @BeforeEach
  void givenFiveEvents() {
    id = "p-" + UUID.randomUUID();
    node.write(
        atomic(event(id, 1, "a-1")),
        atomic(event(id, 2, "a-2")),
        atomic(event(id, 3, "a-3")),
        atomic(event(id, 4, "a-4"), event(id, 5, "a-5")));
  }

  @ParameterizedTest(name = "from {0} to {1}, at most {2}: {3} to {4}")
  @CsvSource({
    "1, 9223372036854775807, 9223372036854775807, 1, 5",
    "0, 9223372036854775807, 9223372036854775807, 1, 5",
    "3, 9223372036854775807, 9223372036854775807, 3, 5",
    "1, 3, 9223372036854775807, 1, 3",
    "1, 9223372036854775807, 3, 1, 3",
    "2, 3, 9223372036854775807, 2, 3",
    "2, 5, 2, 2, 3",
    "2, 2, 9223372036854775807, 2, 2",
    "2, 4, 1, 2, 2",
    "2, 4, 0, 1, 0",
    "3, 2, 9223372036854775807, 1, 0",
    "6, 9, 9223372036854775807, 1, 0",
  })
  @DisplayName("a replay gives exactly the range and the maximum asked for")
  void exactRanges(long from, long to, long max, long first, long last) {
    JournalNode.Replay replay = node.replay(id, from, to, max);

    List<Long> expected = new ArrayList<>();
    for (long n = first; n <= last; n++) {
      expected.add(n);
    }
    assertThat(replay.sequenceNrs()).isEqualTo(expected);
    assertThat(replay.payloads())
        .isEqualTo(expected.stream().map(n -> (Object) ("a-" + n)).toList());
    assertThat(replay.highest()).isEqualTo(5);
  }

  @Test
  @DisplayName("an id without events replays nothing and has highest sequence number 0")
  void unknownId() {
    JournalNode.Replay replay = node.replay("nobody-" + id);

    assertThat(replay.events()).isEmpty();
    assertThat(replay.highest()).isZero();
  }

  @Test
  @DisplayName("deleted events are gone and the highest sequence number stays")
  void deletes() {
    node.delete(id, 3);
    assertThat(node.replay(id).sequenceNrs()).containsExactly(4L, 5L);
    assertThat(node.replay(id).highest()).isEqualTo(5);

    node.delete(id, Long.MAX_VALUE);
    assertThat(node.replay(id).events()).isEmpty();
    assertThat(node.replay(id).highest()).isEqualTo(5);

    node.writeTexts(id, 6, 6);
    assertThat(node.replay(id).sequenceNrs()).containsExactly(6L);
    node.delete(id, 2);
    assertThat(node.replay(id).sequenceNrs()).containsExactly(6L);
  }

  @Test
  @DisplayName("deleting an id without events does nothing")
  void deletesNothing() {
    node.delete("nobody-" + id, Long.MAX_VALUE);

    assertThat(node.replay("nobody-" + id).highest()).isZero();
  }

  @Test
  @DisplayName("a replay gives no event of another id, a common prefix notwithstanding")
  void otherIds() {
    node.writeTexts(id + "0", 1, 2);
    node.writeTexts(id.substring(0, id.length() - 1), 1, 3);
    node.delete(id.substring(0, id.length() - 1), Long.MAX_VALUE);

    assertThat(node.replay(id).sequenceNrs()).containsExactly(1L, 2L, 3L, 4L, 5L);
    assertThat(node.replay(id + "0").sequenceNrs()).containsExactly(1L, 2L);
    assertThat(node.replay(id + "0").highest()).isEqualTo(2);
  }

  @Test
  @DisplayName(
      "one write that cannot be serialized is rejected, the others of the batch are stored")
  void rejectsOne() {
    TestKit probe = node.probe();
    node.send(
        probe,
        atomic(event(id, 6, "b-6")),
        atomic(event(id, 7, new Object()), event(id, 8, "b-8")),
        atomic(event(id, 9, "b-9")));

    probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
    assertThat(probe.expectMsgClass(JournalProtocol.WriteMessageSuccess.class).persistent())
        .extracting(PersistentRepr::sequenceNr)
        .isEqualTo(6L);
    JournalProtocol.WriteMessageRejected rejected =
        probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class);
    assertThat(rejected.message().sequenceNr()).isEqualTo(7);
    assertThat(rejected.cause()).isInstanceOf(NotSerializableException.class);
    assertThat(probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class).message())
        .extracting(PersistentRepr::sequenceNr)
        .isEqualTo(8L);
    probe.expectMsgClass(JournalProtocol.WriteMessageSuccess.class);
    assertThat(node.replay(id).sequenceNrs()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 9L);
  }

  @Test
  @DisplayName("Java's serialization is never used")
  void noJavaSerialization() {
    TestKit probe = node.probe();
    node.send(probe, atomic(event(id, 6, new AtomicInteger(1))));

    probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
    probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class);
  }

  @Test
  @DisplayName("L9 an existing sequence number is never overwritten, a deleted one neither")
  void neverOverwrites() {
    node.delete(id, 2);
    for (long taken : new long[] {1, 3, 5}) {
      TestKit probe = node.probe();
      node.send(probe, atomic(event(id, taken, "other")));

      probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      assertThat(probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class).cause())
          .isInstanceOf(SequenceNumberExistsException.class)
          .hasMessageContaining(id);
    }
    assertThat(node.replay(id).payloads()).containsExactly("a-3", "a-4", "a-5");
  }

  @Test
  @DisplayName("manifest, writer, timestamp and metadata of an event are kept")
  void keepsMetadata() {
    PersistentRepr written =
        PersistentRepr.apply("x", 6, id, "adapter-manifest", false, null, "writer one")
            .withTimestamp(1_700_000_000_123L)
            .withMetadata("meta-data");
    node.write(atomic(written));

    PersistentRepr read = node.replay(id, 6, 6, 1).events().get(0);
    assertThat(read.payload()).isEqualTo("x");
    assertThat(read.manifest()).isEqualTo("adapter-manifest");
    assertThat(read.writerUuid()).isEqualTo("writer one");
    assertThat(read.timestamp()).isEqualTo(1_700_000_000_123L);
    assertThat(OptionConverters.toJava(read.metadata())).contains("meta-data");
    PersistentRepr plain = node.replay(id, 5, 5, 1).events().get(0);
    assertThat(OptionConverters.toJava(plain.metadata())).isEmpty();
    assertThat(plain.writerUuid()).isEqualTo(JournalNode.WRITER);
  }

  @Test
  @DisplayName("L9 writes of one actor are acknowledged and replayed in order")
  void inOrder() {
    TestKit probe = node.probe();
    for (long n = 6; n <= 205; n++) {
      node.send(probe, atomic(event(id, n, "a-" + n)));
    }
    JournalNode.Replay replay = node.replay(id);

    assertThat(replay.highest()).as("a read waits for the writes in flight").isEqualTo(205);
    assertThat(replay.events()).hasSize(205);
    assertThat(replay.sequenceNrs()).isSorted();
    List<Long> acknowledged = new ArrayList<>();
    for (int n = 0; n < 200; n++) {
      probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      acknowledged.add(
          probe
              .expectMsgClass(JournalProtocol.WriteMessageSuccess.class)
              .persistent()
              .sequenceNr());
    }
    assertThat(acknowledged).isSorted().hasSize(200);
  }

  @Test
  @DisplayName("I10 events of two writers in one stream fail the replay")
  void twoWriters() {
    node.write(atomic(PersistentRepr.apply("b-6", 6, id, "", false, null, "another writer")));
    node.write(atomic(event(id, 7, "a-7")));

    assertThat(node.replayFailure(id))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("writer");
  }

  @Test
  @DisplayName("L9 nothing is overwritten where the sequence cache has forgotten the id")
  void forgottenIds(@TempDir Path other) {
    try (JournalNode small = JournalNode.start(other, Map.of("cairn.journal.sequence-cache", 1))) {
      small.writeTexts("p", 1, 2);
      small.writeTexts("q", 1, 1);
      TestKit probe = small.probe();
      small.send(probe, atomic(event("p", 2, "other")));
      probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class);
      small.writeTexts("p", 3, 3);

      assertThat(small.replay("p").payloads()).containsExactly("a-1", "a-2", "a-3");
    }
  }

  @Test
  @DisplayName("many actors write at once, and each one's events are its own")
  void manyActors() {
    List<TestKit> actors = new ArrayList<>();
    for (int n = 0; n < 100; n++) {
      TestKit actor = node.probe();
      actors.add(actor);
      node.send(actor, atomic(event(id + "-" + n, 1, "from " + n)));
    }
    for (int n = 0; n < 100; n++) {
      actors.get(n).expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      JournalProtocol.WriteMessageSuccess stored =
          actors.get(n).expectMsgClass(JournalProtocol.WriteMessageSuccess.class);
      assertThat(stored.persistent().persistenceId()).isEqualTo(id + "-" + n);
      assertThat(node.replay(id + "-" + n).payloads()).containsExactly("from " + n);
    }
  }

  @Test
  @DisplayName("events are there after the journal was closed and opened again")
  void reopens(@TempDir Path other) {
    try (JournalNode first = JournalNode.start(other, Map.of())) {
      first.writeTexts("p", 1, 3);
      first.delete("p", 1);
    }
    try (JournalNode second = JournalNode.start(other, Map.of())) {
      assertThat(second.replay("p").payloads()).containsExactly("a-2", "a-3");
      second.writeTexts("p", 4, 4);
      assertThat(second.replay("p").highest()).isEqualTo(4);
    }
  }
}
