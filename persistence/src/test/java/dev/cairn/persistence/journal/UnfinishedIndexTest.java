package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static dev.cairn.persistence.journal.JournalNode.spec;
import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnfinishedIndexTest {
  @TempDir Path directory;

  private static String pid(String request) {
    return "Request|" + request;
  }

  private static void accept(JournalNode node, String request) {
    node.write(atomic(event(pid(request), 1, new Accepted(spec(request)))));
  }

  private static void finish(JournalNode node, String request, long sequenceNr) {
    node.write(
        atomic(
            event(pid(request), sequenceNr, new Finished(request, 1, 2, FinishReason.STOP, ""))));
  }

  private static void run(JournalNode node, String request) {
    node.write(
        atomic(event(pid(request), 2, new Assigned(request, 1, 0, "cpu-0", "1"))),
        atomic(
            event(
                pid(request),
                3,
                new TokensCommitted(request, 1, 0, new int[] {7, 8}, List.of(), List.of()))));
  }

  @Test
  @DisplayName("H2 a request is unfinished from its acceptance to its end, over restarts too")
  void life() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      assertThat(node.journal().unfinished("", 10)).isEmpty();
      accept(node, "a");
      accept(node, "b");
      run(node, "a");
      assertThat(node.journal().unfinished("", 10)).containsExactly("a", "b");
    }
    try (JournalNode node = JournalNode.start(directory)) {
      assertThat(node.journal().unfinished("", 10)).containsExactly("a", "b");
      finish(node, "a", 4);
      assertThat(node.journal().unfinished("", 10)).containsExactly("b");
      node.write(
          atomic(
              event(pid("c"), 1, new Accepted(spec("c"))),
              event(pid("c"), 2, new Finished("c", 0, 0, FinishReason.CANCELLED, ""))));
      assertThat(node.journal().unfinished("", 10)).containsExactly("b");
    }
  }

  @Test
  @DisplayName("a typed actor system reaches the same journal")
  void typed() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      accept(node, "a");
      JournalAccess access = JournalExtension.get(Adapter.toTyped(node.system()));
      assertThat(access).isSameAs(node.journal());
      assertThat(access.place()).contains(directory.toRealPath().toString());
      assertThat(access.unfinished("", 10)).containsExactly("a");
    }
  }

  @Test
  @DisplayName("unfinished requests come in pages")
  void pages() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      List<String> all = new ArrayList<>();
      for (int n = 10; n < 35; n++) {
        all.add("r" + n);
        accept(node, "r" + n);
      }
      List<String> seen = new ArrayList<>();
      List<String> page = node.journal().unfinished("", 10);
      while (!page.isEmpty()) {
        assertThat(page).hasSizeLessThanOrEqualTo(10);
        seen.addAll(page);
        page = node.journal().unfinished(page.get(page.size() - 1), 10);
      }
      assertThat(seen).isEqualTo(all);
    }
  }

  @Test
  @DisplayName("a rejected acceptance leaves no entry")
  void rejected() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      node.writeTexts("p", 1, 1);
      TestKit probe = node.probe();
      node.send(probe, atomic(event("p", 1, new Accepted(spec("x")))));
      probe.expectMsgClass(JournalProtocol.WriteMessagesSuccessful$.class);
      probe.expectMsgClass(JournalProtocol.WriteMessageRejected.class);

      assertThat(node.journal().unfinished("", 10)).isEmpty();
    }
  }

  @Test
  @DisplayName("a reader lists requests and events of a running journal and changes nothing")
  void reader() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      for (String request : List.of("a", "b")) {
        accept(node, request);
        run(node, request);
      }
      finish(node, "b", 4);
      node.writeTexts("other", 1, 2);
      List<Path> before = files();
      try (JournalReader reader = JournalReader.open(directory)) {
        List<RequestSummary> requests = reader.requests("", 10);
        assertThat(requests).extracting(request -> request.spec().id()).containsExactly("a", "b");
        assertThat(requests)
            .extracting(RequestSummary::reason)
            .containsExactly(Optional.empty(), Optional.of(FinishReason.STOP));
        assertThat(requests.get(0).tokens()).isEqualTo(2);
        assertThat(requests.get(0).epoch()).isEqualTo(1);
        assertThat(requests.get(1).events()).isEqualTo(4);
        assertThat(reader.requests(pid("a"), 10)).hasSize(1);
        assertThat(reader.unfinished("", 10)).containsExactly("a");
        assertThat(reader.persistenceIds("", 10)).containsExactly("other", pid("a"), pid("b"));
        List<StoredEvent> events = reader.events(pid("b"), 2, 2);
        assertThat(events).extracting(StoredEvent::sequenceNr).containsExactly(2L, 3L);
        assertThat(events.get(0).manifest()).isEqualTo("assigned:" + RequestEvent.SCHEMA_VERSION);
        assertThat(events.get(0).requestEvent()).contains(new Assigned("b", 1, 0, "cpu-0", "1"));
        assertThat(reader.events("other", 1, 10).get(0).requestEvent()).isEmpty();
        assertThat(reader.verify(10))
            .isEqualTo(new JournalReader.Verification(3, 9, List.of(), List.of()));
      }
      assertThat(files()).isEqualTo(before);
    }
  }

  @Test
  @DisplayName("L9 verification names tokens that do not follow each other and epochs out of order")
  void verifies() throws IOException {
    try (JournalNode node = JournalNode.start(directory)) {
      accept(node, "a");
      run(node, "a");
      node.write(
          atomic(
              event(
                  pid("a"),
                  4,
                  new TokensCommitted("a", 1, 1, new int[] {9}, List.of(), List.of()))));
      node.write(atomic(event(pid("a"), 5, new Assigned("a", 1, 2, "cpu-0", "1"))));
      try (JournalReader reader = JournalReader.open(directory)) {
        assertThat(reader.verify(10).problems())
            .hasSize(2)
            .anySatisfy(
                problem ->
                    assertThat(problem)
                        .contains("sequence number 4")
                        .contains("index 1, expected 2"))
            .anySatisfy(
                problem ->
                    assertThat(problem).contains("sequence number 5").contains("epoch 1 behind"));
        assertThat(reader.verify(1).problems()).hasSize(1);
      }
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.sorted().toList();
    }
  }
}
