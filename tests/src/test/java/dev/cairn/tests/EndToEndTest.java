package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.tests.ApiClient.Event;
import dev.cairn.tests.ApiClient.Reply;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server as its users meet it: a process, HTTP, the bundled model. */
class EndToEndTest {
  @TempDir static Path directory;
  private static ServerProcess server;
  private static ApiClient client;

  @BeforeAll
  static void start() {
    server = ServerProcess.start(directory).await();
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Map<String, Object> body(int index) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", "The little fox number " + index);
    body.put("max_tokens", 60);
    body.put("seed", 100 + index);
    body.put("temperature", index % 3 == 0 ? 0.0 : 0.3 * (index % 3));
    body.put("top_p", index % 2 == 0 ? 1.0 : 0.9);
    body.put("repetition_penalty", index % 5 == 0 ? 1.2 : 1.0);
    return body;
  }

  private static String stream(Map<String, Object> body) {
    Map<String, Object> streaming = new HashMap<>(body);
    streaming.put("stream", true);
    StringBuilder text = new StringBuilder();
    assertThat(client.stream(streaming, id -> {}, event -> text.append(event.text()))).isTrue();
    return text.toString();
  }

  @Test
  @DisplayName("R6 R9 R10 sixteen streams at once equal the same sixteen one by one")
  void concurrentStreamsEqualThoseRunOneByOne() throws Exception {
    List<String> alone = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      alone.add(stream(body(i)));
    }
    ExecutorService clients = Executors.newFixedThreadPool(16);
    List<Future<String>> together = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      Map<String, Object> body = body(i);
      together.add(clients.submit(() -> stream(body)));
    }
    for (int i = 0; i < 16; i++) {
      assertThat(together.get(i).get(300, TimeUnit.SECONDS))
          .as("stream %s", i)
          .isEqualTo(alone.get(i));
    }
    clients.shutdown();
    assertThat(new HashSet<>(alone)).hasSizeGreaterThan(8);
  }

  @Test
  void aStreamSaysTheSameAsAPlainAnswer() {
    Map<String, Object> body = body(7);
    Reply plain = client.post("/v1/completions", body);
    assertThat(plain.status()).as(plain.body().toString()).isEqualTo(200);
    assertThat(stream(body)).isEqualTo(plain.body().at("/choices/0/text").asText());
    assertThat(plain.requestId()).isEqualTo(plain.body().get("id").asText());
  }

  @Test
  @DisplayName("R14 R15 two hundred requests leave no slot, block or entry")
  void twoHundredRequestsLeaveNothing() throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(8);
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      Map<String, Object> body = new HashMap<>(body(i));
      body.put("max_tokens", 1 + i % 20);
      int index = i;
      running.add(
          clients.submit(
              () -> {
                if (index % 10 == 9) {
                  cancelWhileItRuns(body);
                } else if (index % 2 == 0) {
                  stream(body);
                } else {
                  assertThat(client.post("/v1/completions", body).status()).isEqualTo(200);
                }
              }));
    }
    for (Future<?> each : running) {
      each.get(300, TimeUnit.SECONDS);
    }
    clients.shutdown();
    assertThat(Metrics.of(client).held())
        .containsKeys("slots", "kv-blocks", "sequences", "views", "admissions");
    Metrics.awaitNothingHeld(client, "two hundred requests");
  }

  /** On a busy machine a cancel may come after the end; then another request is cancelled. */
  private static void cancelWhileItRuns(Map<String, Object> body) {
    body.put("max_tokens", 400);
    body.put("ignore_eos", true);
    body.put("stream", true);
    String reason = "length";
    for (int attempt = 0; attempt < 20 && reason.equals("length"); attempt++) {
      reason = cancelAtFirstEvent(body);
    }
    assertThat(reason).isEqualTo("cancelled");
  }

  /** Returns why the request ended. */
  private static String cancelAtFirstEvent(Map<String, Object> body) {
    List<String> id = new ArrayList<>();
    List<Event> events = new ArrayList<>();
    client.stream(
        body,
        id::add,
        event -> {
          if (events.isEmpty()) {
            Reply cancelled = client.post("/v1/requests/" + id.get(0) + "/cancel", Map.of());
            assertThat(cancelled.status()).isEqualTo(200);
          }
          events.add(event);
        });
    return client.get("/v1/requests/" + id.get(0)).body().get("finish_reason").asText();
  }

  @Test
  @DisplayName("R11 requests with different sampling share a batch, and each has its own")
  void eachRequestHasItsOwnSampling() throws Exception {
    Map<String, Object> greedy = new HashMap<>(body(0));
    Map<String, Object> hot = new HashMap<>(body(0));
    hot.put("temperature", 1.5);
    hot.put("top_p", 1.0);
    String greedyAlone = stream(greedy);
    String hotAlone = stream(hot);
    assertThat(hotAlone).isNotEqualTo(greedyAlone);
    ExecutorService clients = Executors.newFixedThreadPool(2);
    Future<String> first = clients.submit(() -> stream(greedy));
    Future<String> second = clients.submit(() -> stream(hot));
    assertThat(first.get(300, TimeUnit.SECONDS)).isEqualTo(greedyAlone);
    assertThat(second.get(300, TimeUnit.SECONDS)).isEqualTo(hotAlone);
    clients.shutdown();
  }

  @Test
  @DisplayName("R12 three requests show in every metric that they touch")
  void threeRequestsShowInEveryMetric() {
    Map<String, Double> before = metrics();
    int generated = 0;
    int prompt = 0;
    for (int i = 0; i < 3; i++) {
      JsonNode usage = client.post("/v1/completions", body(i)).body().get("usage");
      generated += usage.get("completion_tokens").asInt();
      prompt += usage.get("prompt_tokens").asInt();
    }
    Map<String, Double> after = metrics();
    assertThat(grown(before, after, "cairn_requests_total{state=\"accepted\"}")).isEqualTo(3);
    assertThat(grown(before, after, "cairn_tokens_committed_total")).isEqualTo(generated);
    assertThat(grown(before, after, "cairn_prompt_tokens_total")).isEqualTo(prompt);
    assertThat(grown(before, after, "cairn_time_to_first_token_seconds_count")).isEqualTo(3);
    assertThat(grown(before, after, "cairn_inter_token_seconds_count")).isPositive();
    assertThat(grown(before, after, "cairn_step_seconds_count")).isGreaterThanOrEqualTo(generated);
    assertThat(grown(before, after, "cairn_step_rows_sum")).isGreaterThanOrEqualTo(generated);
    assertThat(grown(before, after, "cairn_journal_commit_seconds_count")).isPositive();
    assertThat(grown(before, after, "cairn_journal_commit_events_sum")).isGreaterThan(6);
  }

  private static double grown(Map<String, Double> before, Map<String, Double> after, String name) {
    assertThat(after).containsKey(name);
    return after.get(name) - before.getOrDefault(name, 0.0);
  }

  private static int end(String line, char mark) {
    int at = line.indexOf(mark);
    return at < 0 ? line.length() : at;
  }

  /** Values by name and labels, and by name alone, summed over labels. */
  private static Map<String, Double> metrics() {
    Map<String, Double> values = new TreeMap<>();
    client
        .getText("/metrics")
        .lines()
        .filter(line -> !line.startsWith("#"))
        .forEach(
            line -> {
              String name = line.substring(0, Math.min(end(line, '{'), end(line, ' ')));
              String value = line.substring(line.lastIndexOf(' ') + 1);
              values.merge(name, Double.valueOf(value), Double::sum);
              if (line.contains("{")) {
                values.put(line.substring(0, line.lastIndexOf(' ')), Double.valueOf(value));
              }
            });
    return values;
  }
}
