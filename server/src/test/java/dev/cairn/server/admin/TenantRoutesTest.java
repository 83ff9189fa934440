package dev.cairn.server.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TenantRoutesTest {
  @TempDir Path directory;

  /** Where a tenant stands, once it stands there: devices are asked once a second. */
  private static JsonNode tenant(AdminNode node, String name, Predicate<JsonNode> there) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      JsonNode all = AdminNode.json(node.get("/admin/tenants"));
      for (JsonNode each : all.get("data")) {
        if (each.get("tenant").asText().equals(name) && there.test(each)) {
          return each;
        }
      }
      assertThat(System.nanoTime()).as(all.toString()).isLessThan(deadline);
    }
  }

  private static void complete(AdminNode node, String tenant) {
    HttpRequest request =
        HttpRequest.newBuilder(node.apiUrl().resolve("/v1/completions"))
            .header("X-Cairn-Tenant", tenant)
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\":\"Once\",\"max_tokens\":8,\"ignore_eos\":true}"))
            .build();
    assertThat(node.send(request).statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("/admin/tenants says who has spent its budget, who is paused, and what waits for it")
  void demotedAndPaused() {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    try (AdminNode node =
        new AdminNode(
            directory,
            "cairn.tenants.small.budget-tokens = 5, cairn.scheduling.budget-window = 1 h")) {
      node.with(key);
      complete(node, "small");
      JsonNode small = tenant(node, "small", row -> row.get("demoted").asBoolean());
      assertThat(small.get("budget_tokens").asInt()).isEqualTo(5);
      assertThat(small.get("spent_tokens").asInt()).isGreaterThanOrEqualTo(8);
      assertThat(small.get("tenant_paused").asBoolean()).isFalse();
      assertThat(small.get("running").asInt()).isZero();
      assertThat(node.post("/admin/tenants/held/pause", "").statusCode()).isEqualTo(200);
      HttpRequest waits =
          HttpRequest.newBuilder(node.apiUrl().resolve("/v1/responses"))
              .header("X-Cairn-Tenant", "held")
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"input\":\"Once\",\"background\":true,\"max_output_tokens\":4}"))
              .build();
      assertThat(node.send(waits).statusCode()).isEqualTo(200);
      JsonNode held = tenant(node, "held", row -> row.get("queued").asInt() == 1);
      assertThat(held.get("tenant_paused").asBoolean()).isTrue();
      assertThat(held.get("demoted").asBoolean()).isFalse();
      assertThat(held.get("assigned").asInt()).isEqualTo(1);
      assertThat(held.get("paused").asInt()).as("no request of its own is paused").isZero();
    }
  }
}
