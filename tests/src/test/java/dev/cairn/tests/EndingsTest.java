package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.tests.ApiClient.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every way in which a request ends leaves its text behind, and nothing else. */
class EndingsTest {
  private static final int ATTEMPTS = 20;

  @TempDir static Path directory;
  private static ServerProcess server;
  private static ApiClient client;

  @BeforeAll
  static void start() {
    server = start(directory.resolve("data"), 0);
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static ServerProcess start(Path data, int maxContext) {
    return ServerProcess.at(data)
        .set("cairn.requests.linger", "100ms")
        .set("cairn.device.max-context", maxContext)
        .start()
        .await();
  }

  private static Map<String, Object> body(Map<String, ?> more) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", "Once there was a fox. The fox");
    body.put("max_tokens", 400);
    body.put("ignore_eos", true);
    body.put("seed", 5);
    body.put("stream", true);
    body.putAll(more);
    return body;
  }

  private static JsonNode ended(ApiClient at, String id) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    JsonNode now = at.get("/v1/requests/" + id).body();
    while (now.path("finish_reason").isNull()) {
      assertThat(System.nanoTime()).as("still %s", now).isLessThan(deadline);
      now = at.get("/v1/requests/" + id).body();
    }
    return now;
  }

  private static JsonNode post(ApiClient at, String id, String what) {
    Reply reply = at.post("/v1/requests/" + id + "/" + what, Map.of());
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    return reply.body();
  }

  /**
   * Submits a request and has something done to it before its end. On a busy machine that may come
   * too late; then it is done to another one.
   *
   * @return what the server answered
   */
  private static JsonNode inTime(ApiClient at, Map<String, Object> body, String what) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      JsonNode answer = post(at, at.submit(body, Optional.empty()), what);
      if (!answer.get("finish_reason").asText().equals("length")) {
        return answer;
      }
    }
    throw new AssertionError(ATTEMPTS + " requests ended before a " + what);
  }

  private static String id(JsonNode answer) {
    return answer.get("id").asText();
  }

  private static void assertEnds(String id, String reason) {
    assertThat(ended(client, id).get("finish_reason").asText()).isEqualTo(reason);
    Metrics.awaitNothingHeld(client, reason);
  }

  @Test
  @DisplayName("H2 H4 after a stop string, the full length, a cancel and a timeout nothing is held")
  void usualEndings() {
    assertEnds(client.submit(body(Map.of("stop", List.of("e"))), Optional.empty()), "stop");
    assertEnds(client.submit(body(Map.of("max_tokens", 30)), Optional.empty()), "length");
    assertEnds(id(inTime(client, body(Map.of()), "cancel")), "cancelled");
    assertEnds(client.submit(body(Map.of("timeout_ms", 20)), Optional.empty()), "timeout");
  }

  @Test
  @DisplayName("H2 H4 after a cancel of a paused request and a client that is gone nothing is held")
  void endingsWithoutAReader() {
    JsonNode paused = inTime(client, body(Map.of()), "pause");
    assertThat(paused.get("state").asText()).isEqualTo("paused");
    post(client, id(paused), "cancel");
    assertEnds(id(paused), "cancelled");
    String left = "";
    String reason = "length";
    for (int attempt = 0; attempt < ATTEMPTS && reason.equals("length"); attempt++) {
      left = client.submit(body(Map.of("on_disconnect", "cancel")), Optional.empty());
      reason = ended(client, left).get("finish_reason").asText();
    }
    assertEnds(left, "cancelled");
  }

  @Test
  @DisplayName("H2 a request that ends with an error leaves nothing, and keeps what it had")
  void anError() {
    Path data = directory.resolve("smaller");
    String id;
    JsonNode paused;
    try (ServerProcess larger = start(data, 0)) {
      ApiClient at = larger.client();
      List<String> ids = new ArrayList<>();
      List<JsonNode> answers = new ArrayList<>();
      for (int attempt = 0; attempt < ATTEMPTS && answers.isEmpty(); attempt++) {
        at.stream(
            body(Map.of("max_tokens", 450)),
            seen -> ids.add(0, seen),
            event -> {
              if (answers.isEmpty() && Integer.parseInt(event.id()) > 70) {
                JsonNode answer = post(at, ids.get(0), "pause");
                if (answer.get("state").asText().equals("paused")) {
                  answers.add(answer);
                  larger.kill();
                }
              }
            });
      }
      id = ids.get(0);
      paused = answers.get(0);
    }
    try (ServerProcess smaller = start(data, 64)) {
      ApiClient at = smaller.client();
      post(at, id, "resume");
      JsonNode ended = ended(at, id);
      assertThat(ended.get("finish_reason").asText()).isEqualTo("error");
      assertThat(ended.get("detail").asText()).contains("more than the 64 that the device takes");
      assertThat(ended.get("completion_tokens")).isEqualTo(paused.get("completion_tokens"));
      Metrics.awaitNothingHeld(at, "an error");
    }
  }

  @Test
  @DisplayName("H1 a connection that breaks while the end is written loses nothing of the result")
  void aSinkBreaks() throws IOException {
    Map<String, Object> whole = body(Map.of("max_tokens", 60, "stream", false));
    String expected = client.post("/v1/completions", whole).body().at("/choices/0/text").asText();
    for (int afterBytes : List.of(0, 1, 200)) {
      String id = breakAfter(body(Map.of("max_tokens", 60)), afterBytes);
      JsonNode ended = ended(client, id);
      assertThat(ended.get("finish_reason").asText()).isEqualTo("length");
      assertThat(ended.get("text").asText()).isEqualTo(expected);
      StringBuilder text = new StringBuilder();
      assertThat(client.resume(id, "", event -> text.append(event.text()))).isTrue();
      assertThat(text.toString()).isEqualTo(expected);
    }
    Metrics.awaitNothingHeld(client, "broken connections");
  }

  /** Reads so many bytes behind the header and resets the connection; returns the request's id. */
  private static String breakAfter(Map<String, Object> body, int bytes) throws IOException {
    URI address = server.address();
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket.setSoTimeout(60_000);
      byte[] json = ApiClient.json(body).getBytes(StandardCharsets.UTF_8);
      String head =
          "POST /v1/completions HTTP/1.1\r\nHost: cairn\r\nContent-Type: application/json\r\n"
              + "Content-Length: "
              + json.length
              + "\r\n\r\n";
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(json);
      StringBuilder answer = new StringBuilder();
      InputStream in = socket.getInputStream();
      while (answer.indexOf("\r\n\r\n") < 0) {
        answer.append((char) in.read());
      }
      for (int i = 0; i < bytes; i++) {
        assertThat(in.read()).isNotNegative();
      }
      // With no time to linger a close sends RST: what the server still writes meets an error.
      socket.setSoLinger(true, 0);
      return answer
          .toString()
          .lines()
          .filter(line -> line.startsWith("X-Request-Id: "))
          .findFirst()
          .orElseThrow()
          .substring("X-Request-Id: ".length());
    }
  }

  @Test
  @DisplayName("L2 after a cancel is acknowledged no token is committed, now or after a restart")
  void aCancelIsFinal() {
    Path data = directory.resolve("cancelled");
    Map<String, JsonNode> acknowledged = new HashMap<>();
    try (ServerProcess first = start(data, 0)) {
      ApiClient at = first.client();
      for (int i = 0; i < 8; i++) {
        JsonNode cancelled = inTime(at, body(Map.of("seed", i)), "cancel");
        acknowledged.put(id(cancelled), cancelled);
      }
      // Whatever is late has time to come while another request runs to its end.
      Reply other = at.post("/v1/completions", body(Map.of("stream", false, "max_tokens", 100)));
      assertThat(other.status()).isEqualTo(200);
      acknowledged.forEach((id, then) -> assertThat(status(at, id)).isEqualTo(then));
      Metrics.awaitNothingHeld(at, "cancels");
      first.kill();
    }
    try (ServerProcess second = start(data, 0)) {
      ApiClient at = second.client();
      acknowledged.forEach(
          (id, then) -> {
            assertThat(then.get("finish_reason").asText()).isEqualTo("cancelled");
            assertThat(status(at, id)).isEqualTo(then);
          });
    }
  }

  private static JsonNode status(ApiClient at, String id) {
    return at.get("/v1/requests/" + id).body();
  }

  @Test
  @DisplayName("L11 an id that there is not is answered with 404, whatever is asked of it")
  void unknownIds() {
    String path = "/v1/requests/01HZZZZZZZZZZZZZZZZZZZZZZZ";
    assertThat(client.get(path).status()).isEqualTo(404);
    assertThat(client.get(path + "/stream").status()).isEqualTo(404);
    for (String what : List.of("cancel", "pause", "resume")) {
      assertThat(client.post(path + "/" + what, Map.of()).status()).as(what).isEqualTo(404);
    }
    Metrics.awaitNothingHeld(client, "unknown ids");
  }

  @Test
  @DisplayName("L11 a pause of many where some have ended pauses the others and says which")
  void aPartialPause() {
    String done = client.submit(body(Map.of("max_tokens", 1)), Optional.empty());
    ended(client, done);
    String one = id(inTime(client, body(Map.of()), "pause"));
    assertThat(status(client, one).get("state").asText()).isEqualTo("paused");
    JsonNode unchanged = post(client, done, "pause");
    assertThat(unchanged.get("finish_reason").asText()).isEqualTo("length");
    String two = id(inTime(client, body(Map.of()), "pause"));
    assertThat(status(client, two).get("state").asText()).isEqualTo("paused");
    assertThat(post(client, done, "resume")).isEqualTo(unchanged);
    post(client, one, "resume");
    assertThat(ended(client, one).get("completion_tokens").asInt()).isEqualTo(400);
    assertThat(status(client, two).get("state").asText()).isEqualTo("paused");
    assertThat(post(client, two, "pause").get("state").asText()).isEqualTo("paused");
    post(client, two, "cancel");
    Metrics.awaitNothingHeld(client, "a partial pause");
  }

  @Test
  @DisplayName(
      "L11 H14 a request that is delivered 100 times at once runs once; another body is refused")
  void duplicateDelivery() throws Exception {
    double before = Metrics.of(client).value("cairn_requests_total{state=\"accepted\"}");
    ExecutorService clients = Executors.newFixedThreadPool(100);
    List<Future<String>> ids = new ArrayList<>();
    Map<String, Object> body = body(Map.of("max_tokens", 40));
    for (int i = 0; i < 100; i++) {
      ids.add(clients.submit(() -> client.submit(body, Optional.of("delivered-often"))));
    }
    for (Future<String> each : ids) {
      assertThat(each.get(120, TimeUnit.SECONDS)).isEqualTo(ids.get(0).get());
    }
    clients.shutdown();
    assertEnds(ids.get(0).get(), "length");
    assertThat(Metrics.of(client).value("cairn_requests_total{state=\"accepted\"}") - before)
        .isEqualTo(1);
    Map<String, Object> other = body(Map.of("max_tokens", 41));
    assertThatThrownBy(() -> client.submit(other, Optional.of("delivered-often")))
        .isInstanceOfSatisfying(
            ApiClient.RefusedException.class,
            refused -> assertThat(refused.status()).isEqualTo(409));
  }
}
