package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.admin.AdminKey;
import dev.cairn.server.admin.AdminRole;
import dev.cairn.server.keys.KeyText;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A pause outlives the gateway that keeps it. */
class ClusterPauseTest {
  private static final int NODES = 3;

  @TempDir Path directory;

  @Test
  @DisplayName(
      "L1 a tenant stays paused when the gateway that keeps the pauses is killed, and is resumed"
          + " through another, to the same bytes")
  void theKeeperIsKilled() throws Exception {
    Load load = new Load(1, 400).uninterrupted(directory.resolve("quiet"));
    String key = KeyText.fresh(new SecureRandom());
    for (int node = 0; node < NODES; node++) {
      AdminKey.file(directory.resolve("node-" + node).resolve("admin.keys"))
          .add(AdminKey.of("ops", AdminRole.ADMIN, key));
    }
    try (TestDatabase database = TestDatabase.create();
        TestCluster cluster =
            new TestCluster(
                directory, NODES, TestCluster.sideBySide(NODES, database.url()), each -> each)) {
      // The first of the seeds forms the cluster and is its oldest gateway.
      cluster.begin(0).await();
      cluster.begin(1).await();
      cluster.begin(2).await();
      ApiClient.Reply pause =
          cluster.node(2).admin(key).post("/admin/tenants/acme/pause", Map.of());
      assertThat(pause.status()).as(pause.body().toString()).isEqualTo(200);
      ApiClient acme = new ApiClient(cluster.node(1).address(), Map.of("X-Cairn-Tenant", "acme"));
      String id = acme.submit(load.body(0), Optional.of("paused"));
      assertThat(code(acme, id)).isEqualTo("tenant_paused");
      cluster.node(0).kill();
      ApiClient.Reply resumed = resumedBy(cluster.node(1), key, acme, id);
      assertThat(resumed.body().get("tenants")).isEmpty();
      StringBuilder text = new StringBuilder();
      assertThat(acme.resume(id, "", event -> text.append(event.text()))).isTrue();
      assertThat(text.toString()).isEqualTo(load.expected(0));
    }
  }

  /** The next gateway is in charge when the first one is out of the cluster. */
  private static ApiClient.Reply resumedBy(
      ServerProcess node, String key, ApiClient acme, String id) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (true) {
      ApiClient.Reply still = node.admin(key).get("/admin/pauses");
      if (still.status() == 200) {
        assertThat(still.body().at("/tenants/0").asText()).isEqualTo("acme");
        assertThat(acme.get("/v1/requests/" + id).body().get("completion_tokens").asInt()).isZero();
        ApiClient.Reply resumed = node.admin(key).post("/admin/tenants/acme/resume", Map.of());
        if (resumed.status() < 300) {
          return resumed;
        }
      }
      assertThat(System.nanoTime()).as("time").isLessThan(deadline);
      LockSupport.parkNanos(200_000_000);
    }
  }

  private static String code(ApiClient client, String id) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    JsonNode status = client.get("/v1/requests/" + id).body();
    while (!status.has("pending_reason") && System.nanoTime() < deadline) {
      status = client.get("/v1/requests/" + id).body();
    }
    return status.at("/pending_reason/code").asText();
  }
}
