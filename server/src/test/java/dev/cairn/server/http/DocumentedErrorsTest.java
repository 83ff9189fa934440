package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import dev.cairn.server.admin.OpenApiDocument;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each 4xx that the document says an operation answers is one that it answers, and no other that is
 * provoked here. Of bodies that are too slow, 408, see SettingsTest.
 */
class DocumentedErrorsTest {
  private static final String TOO_LARGE = "{\"a\":\"" + "a".repeat(1000) + "\"}";
  private static final Map<String, String> MAKERS =
      Map.of(
          "POST /v1/completions", "{\"prompt\":\"Hi\",\"max_tokens\":",
          "POST /v1/chat/completions",
              "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":",
          "POST /v1/responses", "{\"input\":\"Hi\",\"max_output_tokens\":",
          "POST /v1/embeddings", "{\"input\":\"Hi\",\"max_tokens_are_of_no_meaning\":");
  private static final Set<Integer> PROVOKED = Set.of(400, 401, 403, 404, 409, 413, 429);

  @TempDir static Path directory;
  private static TestNode node;
  private static OpenApiDocument document;

  @BeforeAll
  static void start() throws IOException {
    Path file = directory.resolve("api.keys");
    key(file, "user", ApiRole.USER, 0, 0);
    key(file, "admin", ApiRole.ADMIN, 0, 0);
    for (String each : MAKERS.keySet()) {
      key(file, each.replace("POST ", "").replace('/', '-'), ApiRole.USER, 1, 1000);
    }
    node =
        new TestNode(
            "Hello",
            "cairn.http { keys.file = \""
                + file
                + "\", max-body-bytes = 1000 }\n"
                + "test.chat-template = \"{{ messages }}\"");
    document = new OpenApiDocument(Files.readString(Path.of("..", "docs", "openapi", "api.yaml")));
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  /** The key's text is its name. */
  private static void key(Path file, String name, ApiRole role, long requests, long tokens)
      throws IOException {
    String named = name.startsWith("-") ? "k" + name : name;
    ApiKey.file(file)
        .add(new ApiKey(named, role, KeyText.hash(named), "acme", requests, tokens, 0));
  }

  private static HttpResponse<String> send(String operation, String body, String... headers) {
    String[] parts = operation.split(" ");
    String path = parts[1].replace("{id}", "none").replace("{file}", "app.js");
    return node.send(
        node.request(path, headers)
            .method(parts[0], HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  private static String[] as(String key, String... more) {
    String[] headers = new String[2 + more.length];
    headers[0] = "Authorization";
    headers[1] = "Bearer " + key;
    System.arraycopy(more, 0, headers, 2, more.length);
    return headers;
  }

  private static String body(String operation, int tokens) {
    return MAKERS.containsKey(operation) ? MAKERS.get(operation) + tokens + "}" : "";
  }

  /** Names what is not there, where the path does not. */
  private static String unknown(String operation) {
    return operation.equals("POST /v1/responses")
        ? "{\"input\":\"Hi\",\"previous_response_id\":\"none\"}"
        : "";
  }

  /** The reply to a call that is wrong in the way that a status stands for. */
  private static HttpResponse<String> provoke(String operation, int status) {
    String body = body(operation, 2);
    return switch (status) {
      case 400 -> send(operation, body, as("admin", "X-Cairn-Tenant", "a b"));
      case 401 -> send(operation, body);
      case 403 -> send(operation, body, as("user", "X-Cairn-Tenant", "other"));
      case 404 -> send(operation.replace("{file}", "none.js"), unknown(operation), as("admin"));
      case 409 -> {
        send(operation, body, as("user", "Idempotency-Key", operation.replace(' ', '-')));
        yield send(
            operation,
            body(operation, 3),
            as("user", "Idempotency-Key", operation.replace(' ', '-')));
      }
      case 413 -> send(operation, TOO_LARGE, as("admin"));
      case 429 -> {
        String key = "k" + operation.replace("POST ", "").replace('/', '-');
        send(operation, body, as(key));
        yield send(operation, body, as(key));
      }
      default -> throw new AssertionError("nothing provokes a " + status);
    };
  }

  private static boolean documented(String operation, int status) {
    return !document.reply(operation, status).isMissingNode();
  }

  /** Headers of a reply that are of limits or keys. */
  private static Set<String> headers(HttpResponse<String> reply) {
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    reply.headers().map().keySet().stream()
        .filter(name -> name.matches("(?i)x-ratelimit-.*|retry-after|www-authenticate"))
        .forEach(names::add);
    return names;
  }

  private static Set<String> documentedHeaders(String operation, int status) {
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    document.reply(operation, status).path("headers").fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  @DisplayName("every operation answers each documented 4xx, in OpenAI's form, with its headers")
  void documentedOnesAreAnswered() {
    Map<Integer, Integer> answered = new TreeMap<>();
    for (String operation : document.operations()) {
      for (int status : PROVOKED) {
        if (documented(operation, status)) {
          HttpResponse<String> reply = provoke(operation, status);
          assertThat(reply.statusCode())
              .as("%s, to be answered %d: %s", operation, status, reply.body())
              .isEqualTo(status);
          JsonNode body = Sse.json(reply.body());
          assertThat(document.check(operation, status, body))
              .as("%s: %s", operation, body)
              .isEmpty();
          assertThat(headers(reply))
              .as("headers of %d of %s", status, operation)
              .isEqualTo(documentedHeaders(operation, status));
          answered.merge(status, 1, Integer::sum);
        }
      }
    }
    assertThat(answered.keySet()).isEqualTo(PROVOKED);
  }

  @Test
  @DisplayName("what an operation is not said to answer it does not: health and pages need no key")
  void othersAreNot() {
    for (String operation : document.operations()) {
      for (int status : List.of(400, 401, 403)) {
        if (!documented(operation, status)) {
          assertThat(operation).matches("GET (/health/.*|/|/dashboard/\\{file})");
          assertThat(provoke(operation, status).statusCode()).as(operation).isEqualTo(200);
        }
      }
    }
  }

  @Test
  @DisplayName("a path asked with a method that it has not answers 405 with those that it has")
  void methods() {
    Map<String, Set<String>> paths = new TreeMap<>();
    for (String operation : document.operations()) {
      String[] parts = operation.split(" ");
      paths.computeIfAbsent(parts[1], path -> new TreeSet<>()).add(parts[0]);
    }
    paths.forEach(
        (path, methods) -> {
          HttpResponse<String> reply = send("PUT " + path, "", as("admin"));
          assertThat(reply.statusCode()).as(path).isEqualTo(405);
          assertThat(reply.headers().firstValue("Allow")).hasValue(String.join(", ", methods));
          assertThat(Sse.json(reply.body()).at("/error/code").asText())
              .isEqualTo("method_not_allowed");
        });
  }

  @Test
  @DisplayName("a call that is taken has the documented headers of rates where they are bounded")
  void ratesOfTakenCalls() throws IOException {
    Path file = directory.resolve("rates.keys");
    key(file, "rated", ApiRole.USER, 100, 10_000);
    String config = "cairn.http.keys.file = \"" + file + "\"";
    String template = "\ntest.chat-template = \"{{ messages }}\"";
    try (TestNode rated = new TestNode("Hello", config + template)) {
      for (String operation : MAKERS.keySet()) {
        String path = operation.substring("POST ".length());
        HttpResponse<String> reply = rated.post(path, body(operation, 2), as("rated"));
        assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
        assertThat(headers(reply)).isEqualTo(documentedHeaders(operation, 200)).hasSize(6);
      }
    }
  }
}
