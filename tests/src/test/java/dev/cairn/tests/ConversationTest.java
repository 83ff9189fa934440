package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A conversation that the server keeps goes on when its process has ended. */
class ConversationTest {
  private static final String FIRST = "Tell me of the fox.";
  private static final String SECOND = "And of the bear?";

  @TempDir Path directory;

  private static JsonNode ask(ServerProcess server, Map<String, ?> fields) {
    Map<String, Object> body = new HashMap<>(fields);
    body.put("max_output_tokens", 24);
    body.put("seed", 7);
    ApiClient.Reply reply = server.client().post("/v1/responses", body);
    assertThat(reply.status()).as("%s", reply.body()).isEqualTo(200);
    return reply.body();
  }

  private static String text(JsonNode response) {
    return response.at("/output/0/content/0/text").asText();
  }

  private static Map<String, String> message(String role, String text) {
    return Map.of("role", role, "content", text);
  }

  @Test
  @DisplayName("R16 after kill -9 previous_response_id asks what a client with all messages asks")
  void goesOnAfterKill() {
    JsonNode first;
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      first = ask(server, Map.of("input", FIRST));
      assertThat(text(first)).isNotBlank();
      server.kill();
    }
    String id = first.get("id").asText();
    JsonNode second;
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      second = ask(server, Map.of("input", SECOND, "previous_response_id", id));
      server.kill();
    }
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      JsonNode whole =
          ask(
              server,
              Map.of(
                  "input",
                  List.of(
                      message("user", FIRST),
                      message("assistant", text(first)),
                      message("user", SECOND))));
      assertThat(text(whole)).isNotBlank().isEqualTo(text(second));
      assertThat(whole.get("usage")).isEqualTo(second.get("usage"));
      assertThat(second.at("/usage/input_tokens").asInt())
          .isGreaterThan(first.at("/usage/total_tokens").asInt());
      JsonNode third =
          ask(server, Map.of("input", FIRST, "previous_response_id", second.get("id").asText()));
      assertThat(third.at("/usage/input_tokens").asInt())
          .isGreaterThan(second.at("/usage/total_tokens").asInt());
    }
  }
}
