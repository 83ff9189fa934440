package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All that a server says on standard error with {@code --log-format json}. */
class JsonLogTest {
  private static final String SECRET = "albatross";

  @TempDir Path directory;

  @Test
  @DisplayName("every line is a JSON object, one for each call, and no prompt is among them")
  void lines() throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    try (ServerProcess server =
        ServerProcess.at(directory)
            .set("cairn.http.request-log.enabled", "on")
            .set("cairn.log.level", "DEBUG")
            .with("--log-format", "json")
            .start()
            .await()) {
      ApiClient client = server.client();
      assertThat(
              client
                  .post("/v1/completions", Map.of("prompt", "The " + SECRET, "max_tokens", 4))
                  .status())
          .isEqualTo(200);
      assertThat(
              client.post("/v1/completions", Map.of("prompt", SECRET, "max_tokens", "x")).status())
          .isEqualTo(400);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (server.errors().stream().filter(line -> line.contains("\"route\"")).count() < 2) {
        assertThat(System.nanoTime()).as(server.errors().toString()).isLessThan(deadline);
        Thread.onSpinWait();
      }
      for (String line : server.errors()) {
        lines.add(ApiClient.JSON.readTree(line));
        assertThat(line).doesNotContain(SECRET);
      }
    }
    assertThat(lines).allSatisfy(line -> assertThat(line.isObject()).isTrue());
    assertThat(lines)
        .filteredOn(line -> line.has("level"))
        .isNotEmpty()
        .allSatisfy(line -> assertThat(line.has("logger") && line.has("message")).isTrue());
    assertThat(lines)
        .filteredOn(line -> line.has("route"))
        .extracting(line -> line.get("status").asInt())
        .containsExactly(200, 400);
  }
}
