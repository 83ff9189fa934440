package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.actors.RejectedException;
import dev.cairn.server.TestNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorsTest {
  private static TestNode node;

  @BeforeAll
  static void start() {
    node =
        new TestNode(
            "text", "cairn.http { max-body-bytes = 20000, retry-after = 7 s, max-choices = 4 }");
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @AfterEach
  void accept() {
    node.inMemory().refuseWith(null);
  }

  @ParameterizedTest(name = "{0} in {1} is refused")
  @DisplayName("a field with a wrong value is named with what was found and what was expected")
  @CsvSource(
      delimiter = '|',
      value = {
        "model | \"model\":\"gpt-9\" | model is \"gpt-9\", which is not served here; expected"
            + " \"test-model\".",
        "model | \"model\":3 | model is the number 3; expected a string.",
        "max_tokens | \"max_tokens\":-1 | max_tokens is the number -1; expected an integer from 0"
            + " to 600.",
        "max_tokens | \"max_tokens\":99999999999999999999 | max_tokens is the number"
            + " 99999999999999999999; expected an integer from 0 to 600.",
        "max_tokens | \"max_tokens\":1.5 | max_tokens is the number 1.5; expected an integer from 0"
            + " to 600.",
        "max_tokens | \"max_tokens\":\"5\" | max_tokens is the string \"5\"; expected an integer"
            + " from 0 to 600.",
        "max_tokens | \"max_tokens\":0 | max_tokens is 0; expected at least 1 in a request without"
            + " echo.",
        "temperature | \"temperature\":-0.1 | temperature is the number -0.1; expected a number"
            + " from 0 to 100.",
        "temperature | \"temperature\":1e999 | temperature is the number Infinity; expected a"
            + " number from 0 to 100.",
        "temperature | \"temperature\":true | temperature is true; expected a number from 0 to"
            + " 100.",
        "top_p | \"top_p\":0 | top_p is the number 0; expected a number above 0 and up to 1.",
        "top_p | \"top_p\":1e-60 | top_p is the number 1.0E-60; expected a number above 0 and up to"
            + " 1.",
        "top_k | \"top_k\":-1 | top_k is the number -1; expected an integer from 0 to 2147483647.",
        "min_p | \"min_p\":1.01 | min_p is the number 1.01; expected a number from 0 to 1.",
        "repetition_penalty | \"repetition_penalty\":0 | repetition_penalty is the number 0;"
            + " expected a number above 0 and up to 100.",
        "presence_penalty | \"presence_penalty\":3 | presence_penalty is the number 3; expected a"
            + " number from -2 to 2.",
        "frequency_penalty | \"frequency_penalty\":[] | frequency_penalty is an empty array;"
            + " expected a number from -2 to 2.",
        "seed | \"seed\":18446744073709551616 | seed is the number 18446744073709551616; expected"
            + " an integer of 64 bits.",
        "seed | \"seed\":-9223372036854775809 | seed is the number -9223372036854775809; expected"
            + " an integer of 64 bits.",
        "seed | \"seed\":1.0 | seed is the number 1.0; expected an integer of 64 bits.",
        "stop | \"stop\":5 | stop is the number 5; expected a string or an array of up to 16"
            + " strings, none empty.",
        "stop | \"stop\":[\"a\",{}] | stop holds an object; expected a string or an array of up to"
            + " 16 strings, none empty.",
        "stop | \"stop\":\"\" | stop holds an empty string; expected a string or an array of up to"
            + " 16 strings, none empty.",
        "ignore_eos | \"ignore_eos\":1 | ignore_eos is the number 1; expected true or false.",
        "stream | \"stream\":\"yes\" | stream is the string \"yes\"; expected true or false.",
        "stream_options | \"stream_options\":true | stream_options is true; expected an object.",
        "stream_options.include_usage | \"stream_options\":{\"include_usage\":0} |"
            + " stream_options.include_usage is the number 0; expected true or false.",
        "logprobs | \"logprobs\":21 | logprobs is the number 21; expected an integer from 0 to 20.",
        "logprobs | \"logprobs\":true | logprobs is true; expected an integer from 0 to 20.",
        "n | \"n\":0 | n is the number 0; expected an integer from 1 to 4.",
        "n | \"n\":1000000000 | n is the number 1000000000; expected an integer from 1 to 4.",
        "best_of | \"best_of\":3 | best_of is 3, but nothing is generated here that nobody sees;"
            + " expected 1, with n for more choices and logprobs to compare them.",
        "suffix | \"suffix\":\"end\" | suffix is not supported, because the model continues a text"
            + " and does not fill a gap in one; expected a request without it.",
        "logit_bias | \"logit_bias\":{\"259\":1} | logit_bias has \"259\" with the number 1;"
            + " expected a token id from 0 to 258 with a number from -100 to 100.",
        "logit_bias | \"logit_bias\":{\"5\":101} | logit_bias has \"5\" with the number 101;"
            + " expected a token id from 0 to 258 with a number from -100 to 100.",
        "logit_bias | \"logit_bias\":[5] | logit_bias is an array of 1 elements; expected an object"
            + " of up to 1024 token ids, each with a number from -100 to 100.",
        "timeout_ms | \"timeout_ms\":0 | timeout_ms is the number 0; expected an integer from 1 to"
            + " 2147483647.",
        "band | \"band\":\"urgent\" | band is the string \"urgent\"; expected \"system\","
            + " \"production\", \"interactive\", \"batch\".",
        "band | \"band\":1 | band is the number 1; expected a string.",
        "constraints | \"constraints\":\"cpu\" | constraints is the string \"cpu\"; expected an"
            + " object.",
        "constraints.backend | \"constraints\":{\"backend\":\"\"} | constraints.backend is an empty"
            + " string; expected a name of 1 to 64 characters.",
        "constraints.weight_type | \"constraints\":{\"weight_type\":\"Q4_0\"} |"
            + " constraints.weight_type is the string \"Q4_0\"; expected \"F32\", which the model"
            + " has.",
        "constraints.architecture | \"constraints\":{\"architecture\":\"qwen3\"} |"
            + " constraints.architecture is the string \"qwen3\"; expected \"llama\", which the"
            + " model has.",
        "constraints.min_kv_tokens | \"constraints\":{\"min_kv_tokens\":-1} |"
            + " constraints.min_kv_tokens is the number -1; expected an integer from 0 to"
            + " 2147483647.",
        "constraints.min_kv | \"constraints\":{\"min_kv\":1} | constraints.min_kv is not known;"
            + " expected backend, weight_type, architecture, min_kv_tokens.",
        "on_disconnect | \"on_disconnect\":\"stay\" | on_disconnect is the string \"stay\";"
            + " expected \"continue\" or \"cancel\".",
      })
  void wrongField(String param, String field, String message) {
    refused("{\"prompt\":\"hi\"," + field + "}", 400, param, message);
  }

  @ParameterizedTest(name = "prompt {0}")
  @DisplayName("a prompt that cannot be used is refused")
  @CsvSource(
      delimiter = '|',
      value = {
        "null | prompt is missing; expected a string, an array of token ids, or an array that holds"
            + " up to 4 of these.",
        "\"\" | prompt is empty; expected at least one token.",
        "[] | prompt is empty; expected at least one token.",
        "[[]] | prompt is empty; expected at least one token.",
        "[[[1]]] | prompt[0] is an array of 1 elements; expected a token id from 0 to 258.",
        "7 | prompt is the number 7; expected a string, an array of token ids, or an array that"
            + " holds up to 4 of these.",
        "[\"a\",\"b\",\"c\",\"d\",\"e\"] | prompt holds 5 prompts; expected at most 4.",
        "[\"a\",\"\"] | prompt[1] is empty; expected at least one token.",
        "[\"a\",[259]] | prompt[1][0] is the number 259; expected a token id from 0 to 258.",
        "[1,-1] | prompt[1] is the number -1; expected a token id from 0 to 258.",
        "[1,259] | prompt[1] is the number 259; expected a token id from 0 to 258.",
        "[1,\"a\"] | prompt[1] is the string \"a\"; expected a token id from 0 to 258.",
        "[1,2.0] | prompt[1] is the number 2.0; expected a token id from 0 to 258.",
        "[4294967296] | prompt[0] is the number 4294967296; expected a token id from 0 to 258.",
      })
  void wrongPrompt(String prompt, String message) {
    refused("{\"prompt\":" + prompt + "}", 400, "prompt", message);
  }

  @Test
  @DisplayName("a prompt longer than the context is refused with its length")
  void longPrompt() {
    String fits = "a".repeat(TestNode.MAX_CONTEXT - 2);
    assertThat(post("{\"prompt\":\"" + fits + "\"}").statusCode()).isEqualTo(200);
    refused(
        "{\"prompt\":\"" + fits + "a\"}",
        400,
        "prompt",
        "prompt has 600 tokens; expected at most 599, because the context of the model here is 600"
            + " tokens.");
  }

  @Test
  @DisplayName("more than sixteen stop strings, or a very long one, are refused")
  void stopLimits() {
    String many = "\"s\",".repeat(16) + "\"s\"";
    refused(
        "{\"prompt\":\"a\",\"stop\":[" + many + "]}",
        400,
        "stop",
        "stop is an array of 17 elements; expected a string or an array of up to 16 strings, none"
            + " empty.");
    refused(
        "{\"prompt\":\"a\",\"stop\":\"" + "x".repeat(1001) + "\"}",
        400,
        "stop",
        "stop holds a string of 1001 characters; expected at most 1000.");
  }

  @ParameterizedTest
  @DisplayName("what is not exactly one JSON object is refused")
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[]",
        "3",
        "null",
        "{\"prompt\":\"a\"} x",
        "{\"prompt\":\"a\"}{}",
        "{\"prompt\":\"a\",\"prompt\":\"b\"}",
        "{\"prompt\":\"a\",\"temperature\":NaN}",
        "{\"prompt\":\"a\",\"temperature\":Infinity}",
        "{\"prompt\":\"a\",\"seed\":01}",
        "{'prompt':'a'}",
        "{\"prompt\":\"a\",}",
        "{\"prompt\":\"\u0001\"}",
        "{\"prompt\":\"a\" /* no */}",
      })
  void notJson(String body) {
    JsonNode error = refused(body, 400, null, null);
    assertThat(error.get("message").asText()).startsWith("The body is ").endsWith(".");
    assertThat(error.get("code").asText()).isEqualTo("invalid_json");
  }

  @Test
  @DisplayName("JSON nested too deeply, numbers of a thousand digits and broken UTF-8 are refused")
  void hostileJson() {
    refused("{\"prompt\":" + "[".repeat(5000) + "}", 400, null, null);
    refused("{\"prompt\":\"a\",\"seed\":" + "9".repeat(1000) + "}", 400, null, null);
    HttpRequest broken =
        node.request("/v1/completions")
            .POST(
                HttpRequest.BodyPublishers.ofByteArray(
                    new byte[] {'{', '"', 'p', (byte) 0xff, '"', ':', '1', '}'}))
            .build();
    assertThat(node.send(broken).statusCode()).isEqualTo(400);
  }

  @Test
  @DisplayName("a body over the limit is refused, announced or not")
  void largeBody() {
    String body = "{\"prompt\":\"" + "a".repeat(30_000) + "\"}";
    String message = "The body is too large; expected at most 20000 bytes.";
    refused(body, 413, null, message);
    HttpRequest chunked =
        node.request("/v1/completions")
            .POST(
                HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofString(body)))
            .build();
    HttpResponse<String> reply = node.send(chunked);
    assertThat(reply.statusCode()).isEqualTo(413);
    assertThat(Sse.json(reply.body()).get("error").get("message").asText()).isEqualTo(message);
  }

  @ParameterizedTest(name = "{0} is {1}")
  @DisplayName("a refusal of the engine becomes its status")
  @CsvSource({
    "QUEUE_FULL, 429, queue_full, 7",
    "TOO_LONG, 400, invalid_value,",
    "UNAVAILABLE, 503, unavailable, 7",
    "STORAGE_FULL, 507, storage_full,",
    "CONFLICT, 409, conflict,",
  })
  void refusal(RejectedException.Kind kind, int status, String code, String retryAfter) {
    node.inMemory().refuseWith(new RejectedException(kind, "The reason in a sentence."));
    HttpResponse<String> reply = post("{\"prompt\":\"hi\"}");
    assertThat(reply.statusCode()).isEqualTo(status);
    assertThat(Sse.json(reply.body()).get("error").get("code").asText()).isEqualTo(code);
    assertThat(Sse.json(reply.body()).get("error").get("message").asText())
        .isEqualTo("The reason in a sentence.");
    assertThat(reply.headers().firstValue("Retry-After").orElse(null)).isEqualTo(retryAfter);
  }

  @Test
  @DisplayName("an internal failure names its place in the log and nothing else")
  void internal() {
    node.inMemory().refuseWith(new IllegalStateException("secret"));
    HttpResponse<String> reply = post("{\"prompt\":\"hi\"}");
    assertThat(reply.statusCode()).isEqualTo(500);
    assertThat(reply.body()).doesNotContain("secret");
    assertThat(Sse.json(reply.body()).get("error").get("message").asText())
        .matches("The server failed; its log tells why under failure [0-9A-Z]{26}\\.");
  }

  @Test
  @DisplayName("an unknown path is 404 and a wrong method 405, in the form of other errors")
  void routes() {
    for (String path : new String[] {"/v1", "/index", "/v1/completions/", "/v1/requests/a/b/c"}) {
      HttpResponse<String> reply = node.get(path);
      assertThat(reply.statusCode()).as(path).isEqualTo(404);
      assertThat(Sse.json(reply.body()).get("error").get("message").asText())
          .isEqualTo("There is nothing at " + path + ".");
    }
    for (String id : new String[] {"none", "..%2f", "%00", "a".repeat(65)}) {
      assertThat(node.get("/v1/requests/" + id).statusCode()).as(id).isEqualTo(404);
      assertThat(node.get("/v1/requests/" + id + "/stream").statusCode()).isEqualTo(404);
      for (String what : List.of("cancel", "pause", "resume")) {
        assertThat(node.post("/v1/requests/" + id + "/" + what, "").statusCode()).isEqualTo(404);
      }
    }
    HttpResponse<String> wrong = node.get("/v1/completions");
    assertThat(wrong.statusCode()).isEqualTo(405);
    assertThat(wrong.headers().firstValue("Allow")).hasValue("POST");
    assertThat(Sse.json(wrong.body()).get("error").get("message").asText())
        .isEqualTo("The method is GET; expected POST.");
  }

  @Test
  @DisplayName("an idempotency key joins the request it repeats; with another body it conflicts")
  void idempotency() {
    String body = "{\"prompt\":\"hi\",\"temperature\":1}";
    int before = node.inMemory().size();
    HttpResponse<String> first = node.post("/v1/completions", body, "Idempotency-Key", "k-1");
    HttpResponse<String> second = node.post("/v1/completions", body, "Idempotency-Key", "k-1");
    assertThat(second.body()).isEqualTo(first.body());
    assertThat(second.headers().firstValue("X-Request-Id"))
        .isEqualTo(first.headers().firstValue("X-Request-Id"));
    assertThat(node.inMemory().size()).isEqualTo(before + 1);

    HttpResponse<String> other =
        node.post("/v1/completions", "{\"prompt\":\"ho\"}", "Idempotency-Key", "k-1");
    assertThat(other.statusCode()).isEqualTo(409);
    assertThat(node.post("/v1/completions", body, "Idempotency-Key", "k-2").body())
        .isNotEqualTo(first.body());
    assertThat(node.post("/v1/completions", body, "Idempotency-Key", "x".repeat(256)).statusCode())
        .isEqualTo(400);
  }

  private static HttpResponse<String> post(String body) {
    return node.post("/v1/completions", body);
  }

  private static JsonNode refused(String body, int status, String param, String message) {
    HttpResponse<String> reply = post(body);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(status);
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(error.get("param").asText(null)).isEqualTo(param);
    assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
    if (message != null) {
      assertThat(error.get("message").asText()).isEqualTo(message);
    }
    return error;
  }
}
