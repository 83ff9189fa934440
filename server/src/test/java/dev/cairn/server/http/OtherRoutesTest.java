package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class OtherRoutesTest {
  private TestNode node;

  @BeforeEach
  void start() {
    node = new TestNode("héllo ", "");
  }

  @AfterEach
  void stop() {
    node.close();
  }

  @Test
  @DisplayName("a request can be looked at while it runs and when it has ended")
  void status() {
    String id =
        node.post("/v1/completions", "{\"prompt\":\"hi\",\"max_tokens\":7,\"seed\":5}")
            .headers()
            .firstValue("X-Request-Id")
            .orElseThrow();
    HttpResponse<String> reply = node.get("/v1/requests/" + id);
    assertThat(reply.headers().firstValue("X-Request-Id")).hasValue(id);
    JsonNode status = Sse.json(reply.body());
    assertThat(status.get("state").asText()).isEqualTo("finished");
    assertThat(status.get("finish_reason").asText()).isEqualTo("length");
    assertThat(status.get("prompt_tokens").asInt()).isEqualTo(3);
    assertThat(status.get("completion_tokens").asInt()).isEqualTo(7);
    assertThat(status.get("seed").asLong()).isEqualTo(5);
    assertThat(status.get("band").asText()).isEqualTo("interactive");
    assertThat(status.get("attempts").toString())
        .isEqualTo("[{\"epoch\":1,\"first_index\":0,\"device\":\"memory\",\"numerics\":\"0\"}]");
    assertThat(status.get("text").asText()).isEqualTo("héllo ");
  }

  @Test
  @DisplayName("a cancel answers with the end; a second one changes nothing")
  void cancel() {
    node.inMemory().manual();
    var running =
        node.client()
            .sendAsync(
                node.request("/v1/completions")
                    .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{\"prompt\":\"hi\"}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    while (node.inMemory().size() == 0) {
      Thread.onSpinWait();
    }
    String id = node.inMemory().ids().get(0);
    node.inMemory().generate(id, 4);
    for (int i = 0; i < 2; i++) {
      JsonNode status = Sse.json(node.post("/v1/requests/" + id + "/cancel", "").body());
      assertThat(status.get("finish_reason").asText()).isEqualTo("cancelled");
      assertThat(status.get("completion_tokens").asInt()).isEqualTo(4);
    }
    JsonNode answer = Sse.json(running.join().body());
    assertThat(answer.get("choices").get(0).get("finish_reason").asText()).isEqualTo("cancelled");
    assertThat(answer.get("choices").get(0).get("text").asText()).isEqualTo("hél");
  }

  @Test
  @DisplayName("a name in a path may be percent-encoded, as clients do with spaces; plus is itself")
  void encodedPaths() {
    assertThat(node.get("/v1/models/%74est%2Dmodel").statusCode()).isEqualTo(200);
    assertThat(node.get("/v1/models/test+model").statusCode()).isEqualTo(404);
    assertThat(node.get("/v1/%6Dodels/none").statusCode()).isEqualTo(404);
  }

  @Test
  @DisplayName("a pause and a resumption answer with the request's state")
  void pauseAndResume() {
    node.inMemory().manual();
    var running =
        node.client()
            .sendAsync(
                node.request("/v1/completions")
                    .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{\"prompt\":\"hi\"}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    while (node.inMemory().size() == 0) {
      Thread.onSpinWait();
    }
    String id = node.inMemory().ids().get(0);
    node.inMemory().generate(id, 2);
    JsonNode paused = Sse.json(node.post("/v1/requests/" + id + "/pause", "").body());
    assertThat(paused.get("state").asText()).isEqualTo("paused");
    assertThat(paused.get("completion_tokens").asInt()).isEqualTo(2);
    JsonNode resumed = Sse.json(node.post("/v1/requests/" + id + "/resume", "").body());
    assertThat(resumed.get("state").asText()).isEqualTo("assigned");
    Sse.json(node.post("/v1/requests/" + id + "/cancel", "").body());
    assertThat(Sse.json(running.join().body()).get("usage").get("completion_tokens").asInt())
        .isEqualTo(2);
  }

  @Test
  @DisplayName("the model is listed and found by its name and its file's")
  void models() {
    JsonNode list = Sse.json(node.get("/v1/models").body());
    assertThat(list.get("data")).hasSize(1);
    for (String name : List.of(TestNode.MODEL, "test", "test.gguf")) {
      JsonNode model = Sse.json(node.get("/v1/models/" + name).body());
      assertThat(model).isEqualTo(list.get("data").get(0));
      assertThat(
              node.post("/v1/completions", "{\"model\":\"" + name + "\",\"prompt\":\"hi\"}")
                  .statusCode())
          .isEqualTo(200);
    }
    assertThat(list.get("data").get(0).get("id").asText()).isEqualTo(TestNode.MODEL);
    assertThat(node.get("/v1/models/none").statusCode()).isEqualTo(404);
  }

  @Test
  @DisplayName("text becomes tokens and back")
  void tokenize() {
    String tokens = node.post("/tokenize", "{\"content\":\"hi\"}").body();
    assertThat(tokens).isEqualTo("{\"tokens\":[106,107]}");
    assertThat(node.post("/tokenize", "{\"content\":\"hi\",\"add_special\":true}").body())
        .isEqualTo("{\"tokens\":[0,106,107]}");
    assertThat(node.post("/detokenize", tokens).body()).isEqualTo("{\"content\":\"hi\"}");
    assertThat(node.post("/tokenize", "{}").statusCode()).isEqualTo(400);
    assertThat(node.post("/detokenize", "{\"tokens\":[-1]}").statusCode()).isEqualTo(400);
    assertThat(node.post("/detokenize", "{\"tokens\":\"a\"}").statusCode()).isEqualTo(400);
  }

  @Test
  @DisplayName("a node that is not ready says why, and lives")
  void health() {
    assertThat(node.get("/health/live").statusCode()).isEqualTo(200);
    assertThat(node.get("/health/ready").statusCode()).isEqualTo(200);
    node.setNotReady(List.of("The journal failed."));
    HttpResponse<String> reply = node.get("/health/ready");
    assertThat(reply.statusCode()).isEqualTo(503);
    assertThat(reply.body()).contains("The journal failed.");
    assertThat(node.get("/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("R12 refused requests and readers show in the metrics")
  void metrics() {
    node.get("/nothing");
    node.post("/v1/completions", "{");
    HttpResponse<String> reply = node.get("/metrics");
    assertThat(reply.headers().firstValue("content-type").orElseThrow()).startsWith("text/plain");
    assertThat(reply.body())
        .contains("cairn_user_errors_total 2.0\n")
        .contains("cairn_held{kind=\"readers\"} 0.0\n");
  }
}
