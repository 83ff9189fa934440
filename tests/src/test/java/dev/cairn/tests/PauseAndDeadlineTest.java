package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.admin.AdminKey;
import dev.cairn.server.admin.AdminRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client has asked of a request's time holds over the end of the process. */
class PauseAndDeadlineTest {
  private static final int TIMEOUT_MILLIS = 14_000;
  private static final int BRIEF_MILLIS = 5000;
  private static final int ATTEMPTS = 20;

  @TempDir Path directory;

  @Test
  @DisplayName("L1 a paused request stays paused after kill -9 and goes on to the same bytes")
  void aPauseHolds() throws InterruptedException {
    Load load = new Load(1, 400).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("data");
    ClientStream stream;
    JsonNode paused;
    try (ServerProcess server = ServerProcess.start(data).await()) {
      stream = pausedAfterFirstEvent(server, attempt -> load.stream(0, "paused-" + attempt));
      paused = status(server.client(), stream.requestId());
      assertThat(paused.get("completion_tokens").asInt()).isBetween(1, 399);
      server.kill();
    }
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ApiClient client = server.client();
      // Long enough for the whole request: another one of its kind runs to its end.
      ClientStream other = load.stream(0, "other");
      Load.follow(server, List.of(other), () -> {});
      assertThat(other.text()).isEqualTo(load.expected(0));
      JsonNode still = status(client, stream.requestId());
      assertThat(still.get("state").asText()).isEqualTo("paused");
      assertThat(still.get("completion_tokens")).isEqualTo(paused.get("completion_tokens"));
      assertThat(still.get("text")).isEqualTo(paused.get("text"));
      assertThat(expectedPrefix(still, load)).isTrue();
      String path = "/v1/requests/" + stream.requestId() + "/resume";
      assertThat(client.post(path, Map.of()).status()).isEqualTo(200);
      stream.follow(client, () -> {});
    }
    assertThat(stream.complete()).isTrue();
    assertThat(stream.text()).isEqualTo(load.expected(0));
  }

  @Test
  @DisplayName(
      "L1 a paused tenant and a paused device stay so after kill -9, and go on to the same bytes")
  void pausesOfTenantsAndDevicesHold() throws InterruptedException, IOException {
    Load load = new Load(1, 400).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("data");
    String key = KeyText.fresh(new SecureRandom());
    AdminKey.file(data.resolve("admin.keys")).add(AdminKey.of("ops", AdminRole.ADMIN, key));
    ClientStream stream;
    JsonNode paused;
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ApiClient acme = new ApiClient(server.address(), Map.of("X-Cairn-Tenant", "acme"));
      stream = pausedWith(server, key, "/admin/tenants/acme", acme, load);
      paused = status(acme, stream.requestId());
      assertThat(paused.get("completion_tokens").asInt()).isBetween(1, 399);
      server.kill();
    }
    ClientStream second;
    JsonNode held;
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ClientStream other = load.stream(0, "other");
      Load.follow(server, List.of(other), () -> {});
      assertThat(other.text()).isEqualTo(load.expected(0));
      JsonNode still = status(server.client(), stream.requestId());
      assertThat(still.get("completion_tokens")).isEqualTo(paused.get("completion_tokens"));
      assertThat(still.at("/pending_reason/code").asText()).isEqualTo("tenant_paused");
      second = pausedWith(server, key, "/admin/devices/cpu-0", server.client(), load);
      held = status(server.client(), second.requestId());
      assertThat(held.get("completion_tokens").asInt()).isBetween(1, 399);
      server.kill();
    }
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ApiClient client = server.client();
      ApiClient.Reply pauses = server.admin(key).get("/admin/pauses");
      assertThat(pauses.body().at("/tenants/0").asText()).isEqualTo("acme");
      assertThat(pauses.body().at("/devices/0").asText()).isEqualTo("cpu-0");
      assertThat(post(server, key, "/admin/tenants/acme/resume")).isEqualTo(200);
      for (ClientStream each : List.of(stream, second)) {
        JsonNode now = status(client, each.requestId());
        JsonNode before = each == stream ? paused : held;
        assertThat(now.at("/pending_reason/code").asText()).isEqualTo("device_paused");
        assertThat(now.get("completion_tokens")).isEqualTo(before.get("completion_tokens"));
      }
      assertThat(post(server, key, "/admin/devices/cpu-0/resume")).isEqualTo(200);
      stream.follow(client, () -> {});
      second.follow(client, () -> {});
    }
    assertThat(stream.text()).isEqualTo(load.expected(0));
    assertThat(second.text()).isEqualTo(load.expected(0));
  }

  /**
   * Pauses a tenant or a device while a stream of it runs. On a busy machine the stream may have
   * ended by then; then that is done with another one.
   */
  private static ClientStream pausedWith(
      ServerProcess server, String key, String what, ApiClient client, Load load)
      throws InterruptedException {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      ClientStream stream = load.stream(0, what.substring(what.lastIndexOf('/') + 1) + attempt);
      followInBackground(client, stream);
      assertThat(post(server, key, what + "/pause")).isEqualTo(200);
      if (status(client, stream.requestId()).get("finish_reason").isNull()) {
        return stream;
      }
      assertThat(post(server, key, what + "/resume")).isEqualTo(200);
    }
    throw new AssertionError(ATTEMPTS + " streams ended before a pause of " + what);
  }

  private static int post(ServerProcess server, String key, String path) {
    return server.admin(key).post(path, Map.of()).status();
  }

  /** Returns when the stream has begun; it goes on until its server ends. */
  private static void followInBackground(ApiClient client, ClientStream stream)
      throws InterruptedException {
    CountDownLatch seen = new CountDownLatch(1);
    Thread follower = new Thread(() -> stream.follow(client, seen::countDown), "follower");
    follower.setDaemon(true);
    follower.start();
    assertThat(seen.await(120, TimeUnit.SECONDS)).isTrue();
  }

  private static boolean expectedPrefix(JsonNode status, Load load) {
    return load.expected(0).startsWith(status.get("text").asText());
  }

  @Test
  @DisplayName("H15 a deadline stands over kill -9: it ends the request then, and not before")
  void aDeadlineHolds() throws InterruptedException {
    Path data = directory.resolve("data");
    Load load = new Load(1, 400);
    Map<String, Object> body = new HashMap<>(load.body(0));
    body.put("timeout_ms", TIMEOUT_MILLIS);
    Map<String, Object> brief = new HashMap<>(body);
    brief.put("timeout_ms", BRIEF_MILLIS);
    ClientStream patient;
    ClientStream hurried;
    long submittedMillis;
    try (ServerProcess server = ServerProcess.start(data).await()) {
      submittedMillis = System.currentTimeMillis();
      patient =
          pausedAfterFirstEvent(server, n -> new ClientStream(body, Optional.of("patient-" + n)));
      hurried =
          pausedAfterFirstEvent(server, n -> new ClientStream(brief, Optional.of("hurried-" + n)));
      server.kill();
    }
    // The time of the hurried one ends while the server is down.
    assertThat(new CountDownLatch(1).await(BRIEF_MILLIS + 200, TimeUnit.MILLISECONDS)).isFalse();
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ApiClient client = server.client();
      JsonNode over = awaitEnd(client, hurried.requestId(), 60_000);
      assertThat(over.get("finish_reason").asText()).isEqualTo("timeout");
      long asked = System.currentTimeMillis();
      JsonNode waiting = status(client, patient.requestId());
      if (asked < submittedMillis + TIMEOUT_MILLIS) {
        assertThat(waiting.get("state").asText()).isEqualTo("paused");
      }
      JsonNode ended = awaitEnd(client, patient.requestId(), TIMEOUT_MILLIS + 60_000);
      assertThat(System.currentTimeMillis())
          .as("milliseconds at the end")
          .isGreaterThanOrEqualTo(submittedMillis + TIMEOUT_MILLIS);
      assertThat(ended.get("finish_reason").asText()).isEqualTo("timeout");
      assertThat(ended.get("completion_tokens")).isEqualTo(waiting.get("completion_tokens"));
    }
  }

  private static JsonNode awaitEnd(ApiClient client, String id, long mostMillis) {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(mostMillis);
    JsonNode now = status(client, id);
    while (now.get("finish_reason").isNull()) {
      assertThat(System.nanoTime()).as("still %s", now).isLessThan(deadline);
      now = status(client, id);
    }
    return now;
  }

  private static JsonNode status(ApiClient client, String id) {
    ApiClient.Reply reply = client.get("/v1/requests/" + id);
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    return reply.body();
  }

  /**
   * A stream that was paused before its end; on a busy machine the first may end too soon. It is
   * left to a thread of its own, for it never ends while its request is paused.
   *
   * @param streams the stream of each attempt
   */
  private static ClientStream pausedAfterFirstEvent(
      ServerProcess server, IntFunction<ClientStream> streams) throws InterruptedException {
    ApiClient client = server.client();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      ClientStream stream = streams.apply(attempt);
      followInBackground(client, stream);
      ApiClient.Reply reply =
          client.post("/v1/requests/" + stream.requestId() + "/pause", Map.of());
      assertThat(reply.status()).isEqualTo(200);
      if (reply.body().get("state").asText().equals("paused")) {
        return stream;
      }
    }
    throw new AssertionError(ATTEMPTS + " streams ended before they could be paused");
  }
}
