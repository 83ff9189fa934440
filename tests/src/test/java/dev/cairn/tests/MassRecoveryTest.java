package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A thousand requests are unfinished when the process dies. */
class MassRecoveryTest {
  private static final int UNFINISHED = 1000;
  private static final int KINDS = 8;
  private static final int MAX_TOKENS = 12;

  /** Bodies that keep the only slot of the first server busy meanwhile. */
  private static final int BLOCKERS = 60;

  @TempDir Path directory;
  private long emptyMillis;

  @Test
  @DisplayName("L5 a thousand unfinished requests go on by themselves, ready within 10 seconds")
  void aThousandGoOn() throws Exception {
    Load load = new Load(KINDS, MAX_TOKENS).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("data");
    List<String> ids = submitAndKill(load, data);
    ServerProcess.Launch launch = ServerProcess.at(data).set("cairn.requests.max-unfinished", 2000);
    try (ServerProcess server = launch.start().await()) {
      System.out.printf(
          "MassRecoveryTest: %d unfinished requests, serving after %d ms%n",
          ids.size(), server.readyMillis());
      // On a machine that takes long to start an empty server, the same times as long.
      assertThat(server.readyMillis())
          .as("milliseconds to ready, where an empty server takes %s", emptyMillis)
          .isLessThan(Math.max(10_000, 5 * emptyMillis));
      ApiClient client = server.client();
      assertThat(client.get("/health/ready").status()).isEqualTo(200);
      awaitAllEnded(client);
      for (int i = 0; i < ids.size(); i++) {
        assertThat(client.get("/v1/requests/" + ids.get(i)).body().get("text").asText())
            .as("request %s", i)
            .isEqualTo(load.expected(i));
      }
    }
  }

  /** Ids of requests of which none can have begun: all wait for the one slot. */
  private List<String> submitAndKill(Load load, Path data) throws Exception {
    ServerProcess.Launch launch =
        ServerProcess.at(data)
            .set("cairn.device.max-slots", 1)
            .set("cairn.requests.max-unfinished", 2000);
    ExecutorService clients = Executors.newFixedThreadPool(32);
    try (ServerProcess server = launch.start().await()) {
      emptyMillis = server.readyMillis();
      ApiClient client = server.client();
      Map<String, Object> blocker = new HashMap<>(load.body(0));
      blocker.put("max_tokens", 500);
      for (int i = 0; i < BLOCKERS; i++) {
        client.submit(blocker, Optional.empty());
      }
      List<Future<String>> submitted = new ArrayList<>();
      for (int i = 0; i < UNFINISHED; i++) {
        Map<String, Object> body = load.body(i);
        submitted.add(clients.submit(() -> client.submit(body, Optional.empty())));
      }
      List<String> ids = new ArrayList<>();
      for (Future<String> each : submitted) {
        ids.add(each.get());
      }
      double waiting = Metrics.of(client).held().get("admissions");
      server.kill();
      System.out.printf(
          "MassRecoveryTest: killed with %.0f blockers before them%n", waiting - UNFINISHED);
      assertThat(waiting).as("unfinished requests").isGreaterThan(UNFINISHED);
      return ids;
    } finally {
      clients.shutdownNow();
    }
  }

  private static void awaitAllEnded(ApiClient client) {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(10);
    while (Metrics.of(client).held().get("admissions") > 0) {
      assertThat(System.nanoTime()).isLessThan(deadline);
    }
  }
}
