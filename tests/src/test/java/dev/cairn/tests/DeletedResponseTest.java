package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.responses.ResponseCreateParams;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.StoredEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was deleted stays deleted, whatever happens right behind the acknowledgement. */
class DeletedResponseTest {
  @TempDir Path directory;

  private static OpenAIClient client(ServerProcess server) {
    return OpenAIOkHttpClient.builder()
        .apiKey("none")
        .baseUrl(server.address() + "/v1")
        .maxRetries(0)
        .build();
  }

  private static ResponseCreateParams.Builder response(String key) {
    return ResponseCreateParams.builder()
        .model("Cairn Tales 5M")
        .input("Tell me of the fox.")
        .maxOutputTokens(400)
        .putAdditionalHeader("Idempotency-Key", key)
        .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true));
  }

  private static void assertGone(OpenAIClient client, String id, String key) {
    assertThatThrownBy(() -> client.responses().retrieve(id)).isInstanceOf(NotFoundException.class);
    assertThatThrownBy(() -> client.responses().delete(id)).isInstanceOf(NotFoundException.class);
    assertThatThrownBy(
            () -> client.responses().create(response("next").previousResponseId(id).build()))
        .isInstanceOf(NotFoundException.class);
    assertThatThrownBy(() -> client.responses().create(response(key).background(true).build()))
        .isInstanceOfSatisfying(
            OpenAIServiceException.class,
            refused -> assertThat(refused.statusCode()).isEqualTo(409))
        .hasMessageContaining("was deleted");
  }

  @Test
  @DisplayName(
      "openai-java: a response deleted while it runs stays deleted after kill -9 right behind that,"
          + " and the journal has nothing of it but the deletion")
  void staysDeletedAfterKill() throws IOException {
    String id;
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      OpenAIClient client = client(server);
      id = client.responses().create(response("one").background(true).build()).id();
      client.responses().delete(id);
      server.kill();
      client.close();
    }
    try (JournalReader journal = JournalReader.open(directory)) {
      List<StoredEvent> events = journal.events(id, 1, 100);
      assertThat(events).hasSize(1);
      assertThat(events.get(0).requestEvent().orElseThrow())
          .isInstanceOf(RequestEvent.Deleted.class);
      assertThat(journal.verify(10).problems()).isEmpty();
    }
    for (int start = 0; start < 2; start++) {
      try (ServerProcess server = ServerProcess.start(directory).await()) {
        OpenAIClient client = client(server);
        assertGone(client, id, "one");
        client.close();
        Metrics.awaitNothingHeld(server.client(), "deleted requests were asked for");
        server.kill();
      }
    }
  }

  @Test
  @DisplayName(
      "a response deleted at one gateway is gone at the other, also when the first is killed")
  void goneAtEveryGateway() throws Exception {
    try (TestDatabase database = TestDatabase.create();
        TestCluster cluster =
            new TestCluster(
                directory, 2, TestCluster.sideBySide(2, database.url()), each -> each)) {
      cluster.begin(0).await();
      cluster.begin(1).await();
      OpenAIClient first = client(cluster.node(0));
      OpenAIClient second = client(cluster.node(1));
      for (String key : List.of("one", "two", "three")) {
        String id = first.responses().create(response(key).build()).id();
        assertThat(second.responses().retrieve(id).id()).isEqualTo(id);
        first.responses().delete(id);
        assertGone(second, id, key);
        assertGone(first, id, key);
      }
      String last = second.responses().create(response("last").background(true).build()).id();
      first.responses().delete(last);
      cluster.node(0).kill();
      assertGone(second, last, "last");
      first.close();
      second.close();
    }
  }
}
