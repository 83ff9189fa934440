package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.tests.ApiClient.Reply;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Drafts with the bundled model: the answers are those of plain decoding, to the byte. */
class LookUpServerTest {
  private static final String DRAFTED = "cairn_look_up_drafted_tokens_total";
  private static final String HELD = "cairn_look_up_held_tokens_total";
  private static final String STORY =
      "The fox sat by the river. The fox saw a fish. The fox sat by the river. The fox saw";

  @TempDir Path directory;

  private static Map<String, Object> body(int index) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", index % 2 == 0 ? STORY : "Once upon a time " + index + " was a");
    body.put("max_tokens", 90 + 7 * index);
    body.put("seed", index);
    body.put("temperature", index % 3 == 0 ? 0.0 : 0.2 * (index % 3));
    body.put("repetition_penalty", index % 5 == 1 ? 1.1 : 1.0);
    body.put("ignore_eos", index % 4 == 0);
    if (index % 4 == 1) {
      body.put("logprobs", 2);
    }
    if (index % 4 == 3) {
      body.put("stop", List.of("fish", "and they"));
    }
    return body;
  }

  private static JsonNode answer(ApiClient client, int index, boolean lookUp) {
    Map<String, Object> body = body(index);
    body.put("prompt_lookup", lookUp);
    Reply reply = client.post("/v1/completions", body);
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    ObjectNode answer = reply.body().deepCopy();
    answer.remove(List.of("id", "created"));
    return answer;
  }

  @Test
  @DisplayName("R9 with drafts an answer has the same text, log-probabilities, end and usage")
  void answersAreTheSame() {
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      ApiClient client = server.client();
      List<JsonNode> plain = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        plain.add(answer(client, i, false));
      }
      assertThat(Metrics.of(client).value(DRAFTED)).isZero();
      for (int i = 0; i < 16; i++) {
        assertThat(answer(client, i, true)).as("body %s", i).isEqualTo(plain.get(i));
      }
      Metrics metrics = Metrics.of(client);
      assertThat(metrics.value(HELD)).isBetween(1.0, metrics.value(DRAFTED));
      Metrics.awaitNothingHeld(client, "drafts");
    }
  }

  @Test
  @DisplayName("R16 drafted, preempted and killed in the middle, streams go on to the same bytes")
  void crashesAndPreemptionsChangeNothing() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    Load load = new Load(12, 200).uninterrupted(directory.resolve("plain"));
    Path data = directory.resolve("drafted");
    double preemptions = 0;
    double held = 0;
    for (int round = 0; round < 3; round++) {
      List<ClientStream> streams = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        streams.add(load.stream(i, "round-" + round));
      }
      CountDownLatch seen = new CountDownLatch(12 + random.nextInt(300));
      try (ServerProcess victim = tight(data)) {
        Thread killer = new Thread(() -> killAfter(seen, victim), "killer");
        killer.start();
        Load.follow(victim, streams, seen::countDown);
        while (seen.getCount() > 0) {
          seen.countDown();
        }
        killer.join();
      }
      try (ServerProcess server = tight(data)) {
        Load.follow(server, streams, () -> {});
        preemptions += Metrics.of(server.client()).value("cairn_preemptions_total");
        held += Metrics.of(server.client()).value(HELD);
      }
      load.assertAsUninterrupted(streams, "round " + round + "; -Dcairn.seed=" + seed);
    }
    System.out.printf("drafts: %.0f preemptions, %.0f tokens held%n", preemptions, held);
    assertThat(held).isPositive();
    assertThat(preemptions).isPositive();
  }

  /** A server that drafts whatever it can, with room for the blocks of about three streams. */
  private static ServerProcess tight(Path data) {
    return ServerProcess.at(data)
        .set("cairn.scheduling.look-up.default", "on")
        .set("cairn.scheduling.look-up.min-ngram", 1)
        .set("cairn.device.kv-memory", "3 MiB")
        .start()
        .await();
  }

  private static void killAfter(CountDownLatch seen, ServerProcess victim) {
    try {
      seen.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    victim.kill();
  }
}
