package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.Constraints;
import dev.cairn.persistence.LookUp;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.TestNode;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class CompletionsTest {
  private static final String OUTPUT = "Grüße, 世界! 🪨 ENDE und END. ";
  private static TestNode node;

  @BeforeAll
  static void start() {
    node = new TestNode(OUTPUT, "");
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @Test
  @DisplayName("a completion has the form of OpenAI's text_completion and names the request")
  void answer() {
    HttpResponse<String> reply =
        node.post("/v1/completions", "{\"model\":\"test-model\",\"prompt\":\"hi\"}");

    assertThat(reply.statusCode()).isEqualTo(200);
    JsonNode body = Sse.json(reply.body());
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(id).hasSize(26).isEqualTo(body.get("id").asText());
    assertThat(body.get("object").asText()).isEqualTo("text_completion");
    assertThat(body.get("model").asText()).isEqualTo(TestNode.MODEL);
    assertThat(body.get("created").asLong()).isPositive();
    JsonNode choice = body.get("choices").get(0);
    assertThat(choice.get("index").asInt()).isZero();
    assertThat(choice.get("finish_reason").asText()).isEqualTo("length");
    assertThat(choice.get("logprobs").isNull()).isTrue();
    assertThat(choice.get("text").asText()).isEqualTo("Grüße, 世界!");
    assertThat(body.get("usage").toString())
        .isEqualTo("{\"prompt_tokens\":3,\"completion_tokens\":16,\"total_tokens\":19}");
  }

  @Test
  @DisplayName("a prompt may be text, token ids, or an array of one of these")
  void promptForms() {
    for (String prompt : List.of("\"hi\"", "[\"hi\"]", "[0,106,107]", "[[0,106,107]]")) {
      HttpResponse<String> reply = node.post("/v1/completions", "{\"prompt\":" + prompt + "}");
      String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
      assertThat(spec(id).promptTokens()).as(prompt).containsExactly(0, 106, 107);
    }
  }

  @Test
  @DisplayName("R11 every parameter of a request reaches its specification")
  void parameters() {
    RequestSpec spec =
        submitted(
            """
            "max_tokens":7,"temperature":0.5,"top_p":0.6,"top_k":8,"min_p":0.05,"seed":-3,
            "stop":["a","b"],"ignore_eos":true,"logprobs":2,"echo":true,"on_disconnect":"cancel",
            "repetition_penalty":1.2,"presence_penalty":-0.5,"frequency_penalty":0.25,
            "n":1,"best_of":1,"suffix":"","logit_bias":{"7":-100,"8":2.5},"user":"u","whatever":1,"timeout_ms":5000,"band":"batch",
            "prompt_lookup":true,
            "constraints":{"backend":"cpu","architecture":"llama","min_kv_tokens":64}
            """);
    assertThat(spec.sampling())
        .isEqualTo(
            new Sampling(0.5f, 8, 0.6f, 0.05f, 1.2f, -0.5f, 0.25f)
                .with(Map.of(7, -100f, 8, 2.5f), ""));
    assertThat(spec.maxTokens()).isEqualTo(7);
    assertThat(spec.seed()).isEqualTo(-3);
    assertThat(spec.stop()).containsExactly("a", "b");
    assertThat(spec.ignoreEos()).isTrue();
    assertThat(spec.logprobs()).isEqualTo(2);
    assertThat(spec.echo()).isTrue();
    assertThat(spec.promptLogprobs()).isTrue();
    assertThat(spec.cancelOnDisconnect()).isTrue();
    assertThat(spec.timeoutMillis()).isEqualTo(5000);
    assertThat(spec.scheduling().band()).isEqualTo(Band.BATCH);
    assertThat(spec.scheduling().lookUp()).isEqualTo(LookUp.ON);
    assertThat(submitted("\"prompt_lookup\":false").scheduling().lookUp()).isEqualTo(LookUp.OFF);
    assertThat(spec.constraints()).isEqualTo(new Constraints("cpu", "", "llama", 64));
    RequestSpec plain = submitted("\"n\":1");
    assertThat(plain.scheduling().band()).isEqualTo(Band.INTERACTIVE);
    assertThat(plain.scheduling().lookUp()).isEqualTo(LookUp.AS_CONFIGURED);
    assertThat(plain.constraints()).isEqualTo(Constraints.NONE);
  }

  @Test
  @DisplayName("sampling defaults hold where a request names no sampling parameter, and only there")
  void samplingDefaults() {
    assertThat(submitted("\"seed\":1").sampling())
        .isEqualTo(new Sampling(0.4f, 0, 0.9f, 0f, 1.1f, 0f, 0f));
    assertThat(submitted("\"temperature\":0").sampling()).isEqualTo(Sampling.GREEDY);
    assertThat(submitted("\"top_k\":5").sampling())
        .isEqualTo(new Sampling(1f, 5, 1f, 0f, 1f, 0f, 0f));
  }

  @Test
  @DisplayName("a seed may be any number of 64 bits, signed or unsigned")
  void seeds() {
    assertThat(submitted("\"seed\":18446744073709551615").seed()).isEqualTo(-1);
    assertThat(submitted("\"seed\":-9223372036854775808").seed()).isEqualTo(Long.MIN_VALUE);
    assertThat(submitted("\"n\":1").seed()).isNotEqualTo(submitted("\"n\":1").seed());
  }

  @Test
  @DisplayName("a streamed text is the text of the plain answer, and its ids are token indices")
  void streamEqualsPlain() {
    for (String more : List.of("", ",\"stop\":\"END.\"", ",\"stop\":[\"界! \",\"x\"]")) {
      for (int maxTokens = 1; maxTokens < 50; maxTokens += 3) {
        String body = "{\"prompt\":\"hi\",\"max_tokens\":" + maxTokens + more;
        JsonNode plain = Sse.json(node.post("/v1/completions", body + "}").body());
        HttpResponse<String> reply = node.post("/v1/completions", body + ",\"stream\":true}");
        List<Sse.Event> events = Sse.events(reply.body());

        JsonNode choice = plain.get("choices").get(0);
        assertThat(Sse.text(events)).isEqualTo(choice.get("text").asText());
        assertThat(events.get(events.size() - 1).data()).isEqualTo("[DONE]");
        Sse.Event last = events.get(events.size() - 2);
        assertThat(last.id()).isEqualTo(plain.get("usage").get("completion_tokens").asInt());
        assertThat(last.json().get("choices").get(0).get("finish_reason"))
            .isEqualTo(choice.get("finish_reason"));
        assertThat(reply.headers().firstValue("content-type")).hasValue("text/event-stream");
      }
    }
  }

  @Test
  @DisplayName("include_usage adds an event without choices before the end")
  void includeUsage() {
    List<Sse.Event> events =
        Sse.events(
            node.post(
                    "/v1/completions",
                    "{\"prompt\":\"hi\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}")
                .body());
    JsonNode usage = events.get(events.size() - 2).json();
    assertThat(usage.get("choices")).isEmpty();
    assertThat(usage.get("usage").get("completion_tokens").asInt()).isEqualTo(16);
    assertThat(events.get(events.size() - 1).data()).isEqualTo("[DONE]");
  }

  @Test
  @DisplayName("an output ends before its stop string and says so")
  void stopString() {
    JsonNode body =
        Sse.json(
            node.post("/v1/completions", "{\"prompt\":\"hi\",\"max_tokens\":100,\"stop\":\"END.\"}")
                .body());
    assertThat(body.get("choices").get(0).get("text").asText())
        .isEqualTo(OUTPUT.substring(0, OUTPUT.indexOf("END.")));
    assertThat(body.get("choices").get(0).get("finish_reason").asText()).isEqualTo("stop");
  }

  @Test
  @DisplayName("echo puts the prompt before the output, streamed and plain, also without output")
  void echo() {
    String request = "{\"prompt\":\"née \",\"echo\":true,\"max_tokens\":3";
    String plain = node.post("/v1/completions", request + "}").body();
    assertThat(Sse.json(plain).get("choices").get(0).get("text").asText())
        .isEqualTo("née Gr\uFFFD");
    List<Sse.Event> events =
        Sse.events(node.post("/v1/completions", request + ",\"stream\":true}").body());
    assertThat(events.get(0)).matches(e -> e.id() == 0 && e.text().equals("née "));
    assertThat(Sse.text(events)).isEqualTo("née Gr\uFFFD");

    String none = "{\"prompt\":\"née \",\"echo\":true,\"max_tokens\":0}";
    assertThat(
            Sse.json(node.post("/v1/completions", none).body()).get("choices").get(0).get("text"))
        .hasToString("\"née \"");
  }

  @Test
  @DisplayName("several prompts and n make a choice each, as requests named after the first")
  void choices() {
    HttpResponse<String> reply =
        node.post(
            "/v1/completions",
            "{\"prompt\":[\"hi\",[0,106,107,108]],\"n\":2,\"seed\":5,\"max_tokens\":4}");
    JsonNode body = Sse.json(reply.body());
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(body.get("choices")).hasSize(4);
    for (int i = 0; i < 4; i++) {
      assertThat(body.get("choices").get(i).get("index").asInt()).isEqualTo(i);
      assertThat(body.get("choices").get(i).get("text").asText()).isEqualTo("Grü");
    }
    assertThat(body.get("usage").toString())
        .isEqualTo("{\"prompt_tokens\":7,\"completion_tokens\":16,\"total_tokens\":23}");
    assertThat(spec(id).seed()).isEqualTo(5);
    assertThat(spec(id + "-1").seed()).isNotEqualTo(5);
    assertThat(spec(id + "-2").seed()).as("the same for each prompt").isEqualTo(5);
    assertThat(spec(id + "-3").promptTokens()).containsExactly(0, 106, 107, 108);
    assertThat(spec(id + "-1").scheduling().group()).isEqualTo(id);
    assertThat(spec(id + "-3").scheduling().group()).isEqualTo(id + "-2");
    assertThat(spec(id + "-3").scheduling().groupSize()).isEqualTo(2);
  }

  @Test
  @DisplayName("a stream of several choices resumes at any event, each choice where it was")
  void choicesStream() {
    HttpResponse<String> reply =
        node.post(
            "/v1/completions", "{\"prompt\":\"hi\",\"n\":3,\"max_tokens\":21,\"stream\":true}");
    List<Sse.Choices> events = Sse.choices(reply.body(), 3);
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    String whole = OUTPUT.substring(0, 13);
    assertThat(events.get(events.size() - 1).texts()).containsOnly(whole);
    for (Sse.Choices seen : events) {
      String rest = node.get("/v1/requests/" + id + "/stream", "Last-Event-ID", seen.id()).body();
      List<Sse.Choices> resumed = Sse.choices(rest, 3);
      List<String> end = resumed.get(resumed.size() - 1).texts();
      for (int i = 0; i < 3; i++) {
        assertThat(seen.texts().get(i) + end.get(i)).isEqualTo(whole);
      }
    }
    assertThat(node.get("/v1/requests/" + id + "/stream?after=3").statusCode()).isEqualTo(400);
    assertThat(node.get("/v1/requests/" + id + "-1/stream?after=4").statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("a call of which one request is refused leaves none behind")
  void allOrNothing() {
    int before = node.inMemory().size();
    node.inMemory().refuseAfter(2);
    HttpResponse<String> reply =
        node.post("/v1/completions", "{\"prompt\":\"hi\",\"n\":3,\"max_tokens\":20}");
    node.inMemory().refuseAfter(-1);
    assertThat(reply.statusCode()).isEqualTo(429);
    List<String> made = node.inMemory().ids().subList(before, node.inMemory().size());
    assertThat(made).hasSize(2);
    made.forEach(id -> assertThat(node.inMemory().view(id).snapshot().finish()).as(id).isPresent());
  }

  private static RequestSpec submitted(String fields) {
    HttpResponse<String> reply = node.post("/v1/completions", "{\"prompt\":\"hi\"," + fields + "}");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return spec(reply.headers().firstValue("X-Request-Id").orElseThrow());
  }

  private static RequestSpec spec(String id) {
    return node.inMemory().view(id).spec();
  }
}
