package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.InMemoryEmbeddings;
import dev.cairn.actors.RejectedException;
import dev.cairn.model.Pooling;
import dev.cairn.server.TestNode;
import dev.cairn.server.admin.OpenApiDocument;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code POST /v1/embeddings}. */
@Timeout(120)
class EmbeddingsTest {
  private static final String ROUTE = "/v1/embeddings";

  private TestNode node;

  @BeforeEach
  void start() {
    node = new TestNode("", "cairn.embeddings { max-inputs = 3, max-input-tokens = 20 }");
  }

  @AfterEach
  void stop() {
    node.close();
  }

  private JsonNode post(String body, String... headers) {
    HttpResponse<String> reply = node.post(ROUTE, body, headers);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return Sse.json(reply.body());
  }

  private Embeddings.Call call() {
    List<Embeddings.Call> calls = node.vectors().calls();
    return calls.get(calls.size() - 1);
  }

  private void assertVector(JsonNode data, int index) {
    assertThat(data.get("object").asText()).isEqualTo("embedding");
    assertThat(data.get("index").asInt()).isEqualTo(index);
    float[] expected = InMemoryEmbeddings.vector(call(), call().inputs().get(index));
    assertThat(data.get("embedding")).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      float read = Float.parseFloat(data.get("embedding").get(i).asText());
      assertThat(read).isEqualTo(expected[i]);
    }
  }

  private static void until(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  @DisplayName("each form of input is read, answered in order, and counted")
  void forms() {
    JsonNode one = post("{\"input\":\"Hi you\",\"model\":\"test-model\",\"user\":\"u\"}");
    assertThat(one.get("object").asText()).isEqualTo("list");
    assertThat(one.get("model").asText()).isEqualTo(TestNode.MODEL);
    assertThat(one.get("data")).hasSize(1);
    assertVector(one.at("/data/0"), 0);
    int tokens = call().inputs().get(0).length;
    assertThat(one.at("/usage/prompt_tokens").asInt()).isEqualTo(tokens);
    assertThat(one.at("/usage/total_tokens").asInt()).isEqualTo(tokens);
    JsonNode several = post("{\"input\":[\"a\",\"bc\",\"a\"]}");
    assertThat(several.get("data")).hasSize(3);
    for (int i = 0; i < 3; i++) {
      assertVector(several.at("/data/" + i), i);
    }
    assertThat(several.at("/data/0/embedding")).isEqualTo(several.at("/data/2/embedding"));
    post("{\"input\":[5,6,7]}");
    assertThat(call().inputs()).containsExactly(new int[] {5, 6, 7});
    JsonNode ids = post("{\"input\":[[5,6],[7]],\"dimensions\":8}");
    assertThat(call().inputs()).containsExactly(new int[] {5, 6}, new int[] {7});
    assertThat(ids.at("/usage/prompt_tokens").asInt()).isEqualTo(3);
  }

  @Test
  @DisplayName("base64 has the bits of the numbers, the lowest byte first")
  void base64() {
    JsonNode reply = post("{\"input\":[[5,6],[7,9,11]],\"encoding_format\":\"base64\"}");
    for (int i = 0; i < 2; i++) {
      byte[] bytes = Base64.getDecoder().decode(reply.at("/data/" + i + "/embedding").asText());
      float[] read = new float[bytes.length / Float.BYTES];
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(read);
      assertThat(read).isEqualTo(InMemoryEmbeddings.vector(call(), call().inputs().get(i)));
    }
  }

  @Test
  @DisplayName("pooling is the call's, or else what cairn.embeddings.pooling says")
  void pooling() {
    post("{\"input\":\"a\"}");
    assertThat(call().pooling()).isEqualTo(Pooling.MEAN);
    post("{\"input\":\"a\",\"pooling\":\"last\"}");
    assertThat(call().pooling()).isEqualTo(Pooling.LAST);
    try (TestNode last = new TestNode("", "cairn.embeddings.pooling = last")) {
      last.post(ROUTE, "{\"input\":\"a\"}");
      last.post(ROUTE, "{\"input\":\"a\",\"pooling\":\"mean\"}");
      assertThat(last.vectors().calls())
          .extracting(Embeddings.Call::pooling)
          .containsExactly(Pooling.LAST, Pooling.MEAN);
    }
  }

  @ParameterizedTest(name = "{0} in {1} is refused")
  @DisplayName("what is wrong is named with what was found and what was expected")
  @CsvSource(
      delimiter = '|',
      value = {
        "input | \"x\":1 | input is missing; expected a string, an array of token ids, or an array"
            + " that holds up to 3 of these.",
        "input | \"input\":\"\" | input is empty; expected at least one token.",
        "input | \"input\":[] | input is an empty array; expected a string,",
        "input | \"input\":[\"a\",\"\"] | input[1] is empty; expected at least one token.",
        "input | \"input\":[\"a\",5] | input[1] is the number 5; expected a string,",
        "input | \"input\":[5,\"a\"] | input[1] is the string \"a\"; expected a token id from 0",
        "input | \"input\":{} | input is an object; expected a string,",
        "input | \"input\":[[1],[-1]] | input[1][0] is the number -1; expected a token id from 0",
        "input | \"input\":[\"a\",\"b\",\"c\",\"d\"] | input holds 4 inputs; expected at most 3",
        "input | \"input\":[[1],[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]] | input[1] has 21"
            + " tokens; expected at most 20, and nothing is cut off.",
        "encoding_format | \"input\":\"a\",\"encoding_format\":\"int8\" | encoding_format is the"
            + " string \"int8\"; expected \"float\" or \"base64\".",
        "dimensions | \"input\":\"a\",\"dimensions\":4 | dimensions is 4, and vectors of the model"
            + " here have 8,",
        "dimensions | \"input\":\"a\",\"dimensions\":0 | dimensions is the number 0; expected an"
            + " integer from 1",
        "pooling | \"input\":\"a\",\"pooling\":\"cls\" | pooling is the string \"cls\"; expected"
            + " \"mean\" or \"last\".",
        "user | \"input\":\"a\",\"user\":5 | user is the number 5; expected a string.",
        "model | \"input\":\"a\",\"model\":\"gpt-9\" | model is \"gpt-9\", which is not served here;"
      })
  void refusals(String param, String fields, String message) {
    HttpResponse<String> reply = node.post(ROUTE, "{" + fields + "}");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(400);
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(error.get("param").asText()).isEqualTo(param);
    assertThat(error.get("message").asText()).startsWith(message);
    assertThat(node.vectors().calls()).isEmpty();
  }

  @Test
  @DisplayName("every documented parameter is read: of another type it is a 400 that names it")
  void documentedParameters() throws Exception {
    OpenApiDocument document =
        new OpenApiDocument(Files.readString(Path.of("..", "docs", "openapi", "api.yaml")));
    Map<String, JsonNode> properties = document.properties("EmbeddingRequest");
    assertThat(properties.keySet())
        .isEqualTo(
            new TreeSet<>(
                List.of("model", "input", "encoding_format", "dimensions", "pooling", "user")));
    String table = Files.readString(Path.of("..", "docs", "API.md")).split("## Embeddings")[1];
    for (String name : properties.keySet()) {
      HttpResponse<String> reply =
          node.post(
              ROUTE,
              (name.equals("input") ? "{" : "{\"input\":\"a\",") + "\"" + name + "\":{\"a\":1}}");
      assertThat(reply.statusCode()).as(name).isEqualTo(400);
      assertThat(Sse.json(reply.body()).at("/error/param").asText()).isEqualTo(name);
      assertThat(table).contains("`" + name + "`");
    }
  }

  @Test
  @DisplayName("refusals of the gateway, and numbers that are not finite, have their statuses")
  void failures() {
    refused(RejectedException.Kind.QUEUE_FULL, 429, "queue_full");
    refused(RejectedException.Kind.TENANT_QUEUE_FULL, 429, "tenant_queue_full");
    refused(RejectedException.Kind.UNAVAILABLE, 503, "unavailable");
    refused(RejectedException.Kind.TOO_LONG, 400, "context_length_exceeded");
    node.vectors().refuseWith(new Embeddings.NotFinite("input[1]: not finite"));
    HttpResponse<String> reply = node.post(ROUTE, "{\"input\":\"a\"}");
    assertThat(reply.statusCode()).isEqualTo(500);
    assertThat(Sse.json(reply.body()).at("/error/message").asText()).contains("input[1]");
  }

  private void refused(RejectedException.Kind kind, int status, String code) {
    node.vectors().refuseWith(new RejectedException(kind, "why"));
    HttpResponse<String> reply = node.post(ROUTE, "{\"input\":\"a\"}");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(status);
    assertThat(Sse.json(reply.body()).at("/error/code").asText()).isEqualTo(code);
    assertThat(reply.headers().firstValue("Retry-After").isPresent()).isEqualTo(status != 400);
  }

  @Test
  @DisplayName("a call counts with its tokens for the limits of its tenant, and names the tenant")
  void rates() {
    String limits = "cairn.tenants.acme { requests-per-minute = 10, tokens-per-minute = 6 }";
    try (TestNode limited = new TestNode("", limits)) {
      HttpResponse<String> taken =
          limited.post(ROUTE, "{\"input\":[[1,2],[3]]}", "X-Cairn-Tenant", "acme");
      assertThat(taken.statusCode()).isEqualTo(200);
      assertThat(taken.headers().firstValue("x-ratelimit-remaining-tokens")).hasValue("3");
      assertThat(limited.vectors().calls().get(0).tenant()).isEqualTo("acme");
      HttpResponse<String> refused =
          limited.post(ROUTE, "{\"input\":[1,2,3,4,5]}", "X-Cairn-Tenant", "acme");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(Sse.json(refused.body()).at("/error/code").asText())
          .isEqualTo("rate_limit_exceeded");
      assertThat(limited.vectors().calls()).hasSize(1);
      assertThat(limited.post(ROUTE, "{\"input\":[1,2,3,4,5]}").statusCode()).isEqualTo(200);
    }
  }

  @Test
  @DisplayName("I6 a call is given up when its client leaves")
  void disconnect() {
    node.vectors().manual();
    CompletableFuture<HttpResponse<String>> left =
        node.client()
            .sendAsync(
                node.request(ROUTE)
                    .POST(HttpRequest.BodyPublishers.ofString("{\"input\":\"a\"}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    until("the call is there", () -> node.vectors().waiting() == 1);
    left.cancel(true);
    until("the call is given up", () -> node.vectors().waiting() == 0);
  }

  @Test
  @DisplayName("an Idempotency-Key is taken and changes nothing; a malformed one is refused")
  void idempotencyKey() {
    JsonNode first = post("{\"input\":\"a\"}", "Idempotency-Key", "k");
    assertThat(post("{\"input\":\"a\"}", "Idempotency-Key", "k")).isEqualTo(first);
    assertThat(post("{\"input\":\"b\"}", "Idempotency-Key", "k")).isNotEqualTo(first);
    HttpResponse<String> reply = node.post(ROUTE, "{\"input\":\"a\"}", "Idempotency-Key", "a b");
    assertThat(reply.statusCode()).isEqualTo(400);
  }
}
