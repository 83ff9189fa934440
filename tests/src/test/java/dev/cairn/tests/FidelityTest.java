package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.tests.ApiClient.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The running server against reference answers of an exact reading of each file. */
class FidelityTest {
  /** Where the two best tokens are closer than this, either may come first. */
  private static final double TIE = 0.02;

  @TempDir Path directory;

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "llama-s-F32,false",
    "llama-s-F16,false",
    "llama-Q8_0,true",
    "llama-Q4_0,true",
    "llama-rope3-Q8_0,true",
    "qwen2-Q8_0,true",
    "qwen3-Q8_0,true"
  })
  void agreesWithTheReference(String model, boolean roundsActivations) throws IOException {
    Path file = directory.resolve(model + ".gguf");
    try (InputStream in = resource(model + ".gguf")) {
      Files.copy(in, file);
    }
    List<JsonNode> golden = golden(model);
    double departure = 0;
    for (JsonNode each : golden) {
      departure = Math.max(departure, each.at("/llamacpp_cpu/top5_max").asDouble());
      departure = Math.max(departure, each.at("/llamacpp_cpu/prompt_max").asDouble());
    }
    try (ServerProcess server =
        ServerProcess.start(directory.resolve("data"), "--model", file.toString()).await()) {
      for (JsonNode each : golden) {
        double exact = each.get("tol").asDouble();
        double limit = roundsActivations ? Math.max(exact, 2 * departure) : exact;
        double tie = roundsActivations ? Math.max(TIE, departure) : TIE;
        check(server.client(), each, limit, tie);
      }
    }
  }

  private static InputStream resource(String name) {
    InputStream in = FidelityTest.class.getResourceAsStream("/numerics/" + name);
    assertThat(in).as(name).isNotNull();
    return in;
  }

  private static List<JsonNode> golden(String model) throws IOException {
    List<JsonNode> golden = new ArrayList<>();
    try (InputStream in = resource("golden.jsonl")) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        JsonNode each = ApiClient.json(line);
        if (each.get("key").asText().equals(model)) {
          golden.add(each);
        }
      }
    }
    assertThat(golden).hasSize(3);
    return golden;
  }

  private static Map<String, Object> body(Object prompt, int maxTokens) {
    Map<String, Object> body = new HashMap<>();
    body.put("prompt", prompt);
    body.put("max_tokens", maxTokens);
    body.put("temperature", 0);
    body.put("repetition_penalty", 1.0);
    return body;
  }

  private static void check(ApiClient client, JsonNode golden, double limit, double tie) {
    String name = golden.get("key").asText() + " " + golden.get("prompt").asText();
    JsonNode expected = golden.get("gen_ids");
    Map<String, Object> scored = body(golden.get("prompt_ids"), expected.size());
    scored.put("logprobs", 5);
    JsonNode plain = post(client, scored);
    assertThat(plain.at("/usage/prompt_tokens").asInt()).isEqualTo(golden.get("prompt_ids").size());
    assertThat(plain.at("/usage/completion_tokens").asInt()).isEqualTo(expected.size());
    JsonNode logprobs = plain.at("/choices/0/logprobs");
    Map<String, Integer> spelling = spelling(logprobs);
    double worst = 0;
    int step = 0;
    for (; step < expected.size(); step++) {
      JsonNode top = logprobs.at("/top_logprobs/" + step);
      assertThat(top.size()).as("%s step %s", name, step).isGreaterThanOrEqualTo(5);
      worst = Math.max(worst, departure(golden.at("/top5/" + step), logprobs, step, spelling));
      if (logprobs.at("/token_ids/" + step).asInt() != expected.get(step).asInt()) {
        double margin = golden.at("/margins/" + step).asDouble();
        assertThat(margin).as("%s greedy differs at step %s", name, step).isLessThan(tie);
        break;
      }
    }
    assertThat(worst).as("%s log-probabilities of the output", name).isLessThanOrEqualTo(limit);
    System.out.printf(
        "%s: %d of %d greedy tokens equal, log-probabilities within %.4f (limit %.3f)%n",
        name, step, expected.size(), worst, limit);
    checkEcho(client, golden, limit, name);
    checkTextAndStream(client, golden, plain, name);
  }

  /** Token ids by their spelling in this answer's lists of alternatives. */
  private static Map<String, Integer> spelling(JsonNode logprobs) {
    Map<String, Integer> ids = new HashMap<>();
    for (int i = 0; i < logprobs.get("tokens").size(); i++) {
      ids.put(logprobs.at("/tokens/" + i).asText(), logprobs.at("/token_ids/" + i).asInt());
    }
    return ids;
  }

  /**
   * How far the served alternatives depart from the reference's, both sorted by value: the lists
   * are of the same distribution, so their k-th values are to agree, and the chosen token's own.
   */
  private static double departure(
      JsonNode golden, JsonNode logprobs, int step, Map<String, Integer> spelling) {
    List<Double> served = new ArrayList<>();
    Map<Integer, Double> byId = new HashMap<>();
    logprobs
        .at("/top_logprobs/" + step)
        .properties()
        .forEach(
            field -> {
              served.add(field.getValue().asDouble());
              Integer id = spelling.get(field.getKey());
              if (id != null) {
                byId.put(id, field.getValue().asDouble());
              }
            });
    served.sort((a, b) -> Double.compare(b, a));
    double worst = 0;
    for (int k = 0; k < golden.size(); k++) {
      double expected = golden.at("/" + k + "/1").asDouble();
      worst = Math.max(worst, Math.abs(expected - served.get(k)));
      Double same = byId.get(golden.at("/" + k + "/0").asInt());
      if (same != null) {
        worst = Math.max(worst, Math.abs(expected - same));
      }
    }
    return worst;
  }

  private static void checkEcho(ApiClient client, JsonNode golden, double limit, String name) {
    Map<String, Object> echo = body(golden.get("prompt_ids"), 1);
    echo.put("logprobs", 5);
    echo.put("echo", true);
    JsonNode served = post(client, echo).at("/choices/0/logprobs");
    int prompt = golden.get("prompt_ids").size();
    assertThat(served.get("token_ids").size()).isEqualTo(prompt + 1);
    assertThat(served.at("/token_logprobs/0").isNull()).isTrue();
    for (int i = 0; i < prompt; i++) {
      assertThat(served.at("/token_ids/" + i)).isEqualTo(golden.at("/prompt_ids/" + i));
      if (i > 0) {
        double expected = golden.at("/prompt_logprobs/" + i).asDouble();
        assertThat(Math.abs(served.at("/token_logprobs/" + i).asDouble() - expected))
            .as("%s prompt token %s", name, i)
            .isLessThanOrEqualTo(limit);
      }
    }
  }

  private static void checkTextAndStream(
      ApiClient client, JsonNode golden, JsonNode plain, String name) {
    JsonNode asText = post(client, body(golden.get("prompt_text").asText(), 1));
    assertThat(asText.at("/usage/prompt_tokens").asInt())
        .as("%s as text", name)
        .isEqualTo(golden.get("prompt_ids").size());
    Map<String, Object> streamed = body(golden.get("prompt_ids"), golden.get("gen_ids").size());
    streamed.put("stream", true);
    StringBuilder text = new StringBuilder();
    assertThat(client.stream(streamed, id -> {}, event -> text.append(event.text()))).isTrue();
    assertThat(text.toString()).isEqualTo(plain.at("/choices/0/text").asText());
  }

  private static JsonNode post(ApiClient client, Map<String, Object> body) {
    Reply reply = client.post("/v1/completions", body);
    assertThat(reply.status()).as(reply.body().toString()).isEqualTo(200);
    return reply.body();
  }
}
