package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.tests.ApiClient.Reply;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Outputs that are held to a form, of the bundled model, which knows nothing of JSON. */
class StructuredOutputTest {
  private static final int STREAMS = 8;
  private static final String FORMAT =
      """
      {"type": "json_schema", "json_schema": {"name": "story", "strict": true, "schema": {
        "type": "object", "additionalProperties": false, "required": ["title", "animals"],
        "properties": {
          "title": {"type": "string", "maxLength": 40},
          "animals": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["name", "age"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0},
              "kind": {"enum": ["fox", "bear"]}}}},
          "moral": {"anyOf": [{"type": "null"}, {"type": "string"}]}}}}}
      """;

  @TempDir Path directory;

  private static Map<String, Object> body(int index) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", "The little fox number " + index);
    body.put("max_tokens", 60 + 30 * index);
    body.put("seed", 100 + index);
    body.put("temperature", 0.5 + 0.2 * index);
    body.put("response_format", ApiClient.json(FORMAT));
    return body;
  }

  private static void assertStory(String text) {
    JsonNode story;
    try {
      story = ApiClient.JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError(text, e);
    }
    assertThat(story.get("title").isTextual()).as(text).isTrue();
    assertThat(story.get("animals")).isNotEmpty();
    for (JsonNode animal : story.get("animals")) {
      assertThat(animal.get("name").isTextual()).as(text).isTrue();
      assertThat(animal.get("age").intValue()).as(text).isNotNegative();
    }
  }

  private static String text(Reply reply) {
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    return reply.body().at("/choices/0/text").asText();
  }

  @Test
  @DisplayName(
      "outputs satisfy their schema, also where their tokens run out; kill -9 changes none")
  void outputsSatisfyTheirSchemaAcrossKills() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    List<String> quiet = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    try (ServerProcess server = ServerProcess.start(directory.resolve("quiet")).await()) {
      for (int i = 0; i < STREAMS; i++) {
        Reply reply = server.client().post("/v1/completions", body(i));
        quiet.add(text(reply));
        reasons.add(reply.body().at("/choices/0/finish_reason").asText());
        assertStory(quiet.get(i));
      }
    }
    assertThat(reasons).contains("length").isSubsetOf("length", "stop");
    Path data = directory.resolve("crashing");
    ServerProcess server = ServerProcess.start(data).await();
    try {
      for (int round = 0; round < 3; round++) {
        List<String> ids = new ArrayList<>();
        CountDownLatch seen = new CountDownLatch(1 + random.nextInt(150));
        for (int i = 0; i < STREAMS; i++) {
          Map<String, Object> body = body(i);
          body.put("stream", true);
          ids.add(server.client().submit(body, java.util.Optional.empty()));
        }
        ServerProcess victim = server;
        Thread reader =
            new Thread(() -> victim.client().resume(ids.get(0), "", e -> seen.countDown()));
        reader.start();
        seen.await(2, TimeUnit.SECONDS);
        server.kill();
        reader.join();
        server = ServerProcess.start(data).await();
        for (int i = 0; i < STREAMS; i++) {
          StringBuilder text = new StringBuilder();
          assertThat(server.client().resume(ids.get(i), "", e -> text.append(e.text()))).isTrue();
          assertThat(text.toString())
              .as("seed %d, round %d, stream %d", seed, round, i)
              .isEqualTo(quiet.get(i));
        }
      }
    } finally {
      server.close();
    }
  }
}
