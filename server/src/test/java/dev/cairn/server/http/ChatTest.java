package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Answer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.TestNode;
import dev.cairn.server.chat.ToolCallReader;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

class ChatTest {
  private static final String TEMPLATE =
      "test.chat-template = \"{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}{% for m"
          + " in messages %}{% if m.role == 'tool' and loop.first %}{{ raise_exception('A tool"
          + " cannot begin.') }}{% endif %}[{{ m.role }}]{{ m.content }}{% if m.tool_calls %}{{"
          + " m.tool_calls[0].function.arguments | tojson }}{% endif %}{% endfor %}{% if"
          + " add_generation_prompt %}[assistant]{% endif %}{{ mood }}<tool_call>\"\n";
  private static final String OUTPUT = "Grüße, 世界! 🪨 Ende. ";
  private static final String CALLS =
      "See: <tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1}}</tool_call>";
  private static final String CHAT = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
  private static final String TOOLS =
      ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]";
  private static TestNode node;
  private static TestNode plain;
  private static TestNode caller;

  @BeforeAll
  static void start() {
    node = new TestNode(OUTPUT, TEMPLATE);
    plain = new TestNode("Hello\nUser: more", "");
    caller = new TestNode(CALLS, TEMPLATE);
  }

  @AfterAll
  static void stop() {
    node.close();
    plain.close();
    caller.close();
  }

  @Test
  @DisplayName("a chat is answered in OpenAI's form, from the prompt that the template makes")
  void answer() {
    HttpResponse<String> reply =
        node.post(
            "/v1/chat/completions",
            "{\"messages\":[{\"role\":\"developer\",\"content\":\"Be kind.\"},{\"role\":\"user\","
                + "\"content\":[{\"type\":\"text\",\"text\":\"H\"},{\"type\":\"text\",\"text\":\"i\"}]}],"
                + "\"max_completion_tokens\":16,\"chat_template_kwargs\":{\"mood\":\"gay\"}}");
    JsonNode body = Sse.json(reply.body());
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(body.get("id").asText()).isEqualTo(id);
    assertThat(body.get("object").asText()).isEqualTo("chat.completion");
    JsonNode choice = body.get("choices").get(0);
    assertThat(choice.get("index").asInt()).isZero();
    assertThat(choice.get("finish_reason").asText()).isEqualTo("length");
    assertThat(choice.get("message").toString())
        .isEqualTo("{\"role\":\"assistant\",\"content\":\"Grüße, 世界!\",\"refusal\":null}");
    assertThat(choice.get("logprobs").isNull()).isTrue();
    assertThat(prompt(node, id)).isEqualTo("[system]Be kind.[user]Hi[assistant]gay<tool_call>");
    assertThat(body.get("usage").get("completion_tokens").asInt()).isEqualTo(16);
    assertThat(spec(node, id).answer().form()).isEqualTo(Answer.Form.CHAT);
  }

  @Test
  @DisplayName("R11 every parameter of a chat reaches its specification")
  void parameters() {
    HttpResponse<String> reply =
        node.post(
            "/v1/chat/completions",
            "{"
                + CHAT
                + """
                ,"max_tokens":7,"temperature":0.5,"top_p":0.6,"seed":4,"stop":"x","logprobs":true,
                "top_logprobs":3,"presence_penalty":1,"frequency_penalty":2,"logit_bias":{"9":1},
                "user":"u","store":false,"response_format":{"type":"text"},"timeout_ms":900,"on_disconnect":"cancel"}
                """);
    RequestSpec spec = spec(node, reply.headers().firstValue("X-Request-Id").orElseThrow());
    assertThat(spec.sampling())
        .isEqualTo(new Sampling(0.5f, 0, 0.6f, 0f, 1f, 1f, 2f).with(Map.of(9, 1f), ""));
    assertThat(spec.maxTokens()).isEqualTo(7);
    assertThat(spec.seed()).isEqualTo(4);
    assertThat(spec.stop()).containsExactly("x");
    assertThat(spec.logprobs()).isEqualTo(3);
    assertThat(spec.timeoutMillis()).isEqualTo(900);
    assertThat(spec.cancelOnDisconnect()).isTrue();
    JsonNode content = Sse.json(reply.body()).get("choices").get(0).get("logprobs").get("content");
    assertThat(content).hasSize(7);
    assertThat(content.get(2).get("token").asText()).isEqualTo("bytes:\\xc3");
    assertThat(content.get(2).get("bytes").toString()).isEqualTo("[195]");
    assertThat(content.get(0).get("top_logprobs")).hasSize(3);
  }

  @Test
  @DisplayName("a chat without a bound gets what is left of the context")
  void unbounded() {
    String id = id(node.post("/v1/chat/completions", "{" + CHAT + "}"));
    RequestSpec spec = spec(node, id);
    assertThat(spec.maxTokens()).isEqualTo(TestNode.MAX_CONTEXT - spec.promptTokens().length);
  }

  @Test
  @DisplayName("a stream has a role chunk, the answer, a finish chunk and, if asked, usage")
  void stream() {
    String request =
        "{"
            + CHAT
            + ",\"max_tokens\":21,\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
    List<Sse.Event> events = Sse.events(node.post("/v1/chat/completions", request).body());
    assertThat(delta(events.get(0)).toString())
        .isEqualTo("{\"role\":\"assistant\",\"content\":\"\"}");
    assertThat(events.get(0).id()).isZero();
    assertThat(content(events)).isEqualTo(OUTPUT.substring(0, 13));
    Sse.Event finish = events.get(events.size() - 3);
    assertThat(delta(finish)).isEmpty();
    assertThat(finish.json().get("choices").get(0).get("finish_reason").asText())
        .isEqualTo("length");
    JsonNode usage = events.get(events.size() - 2).json();
    assertThat(usage.get("object").asText()).isEqualTo("chat.completion.chunk");
    assertThat(usage.get("choices")).isEmpty();
    assertThat(usage.get("usage").get("completion_tokens").asInt()).isEqualTo(21);
    assertThat(events.get(events.size() - 1).data()).isEqualTo("[DONE]");
  }

  @Test
  @DisplayName("R16 the stream of a chat resumes at every event, in chunks of chats")
  void resume() {
    for (TestNode each : List.of(node, caller)) {
      HttpResponse<String> reply =
          each.post(
              "/v1/chat/completions", "{" + CHAT + TOOLS + ",\"max_tokens\":66,\"stream\":true}");
      List<Sse.Event> events = Sse.events(reply.body());
      String whole = content(events) + calls(events);
      for (int i = 0; i < events.size() - 1; i++) {
        String rest =
            each.get("/v1/requests/" + id(reply) + "/stream?after=" + events.get(i).id()).body();
        List<Sse.Event> seen = events.subList(0, i + 1);
        List<Sse.Event> resumed = Sse.events(rest);
        if (i + 1 < events.size() && !events.get(i + 1).id().equals(events.get(i).id())) {
          assertThat(content(seen) + content(resumed) + calls(seen) + calls(resumed))
              .as("after event " + i)
              .isEqualTo(whole);
        }
      }
      String all = each.get("/v1/requests/" + id(reply) + "/stream").body();
      assertThat(content(Sse.events(all)) + calls(Sse.events(all))).isEqualTo(whole);
    }
  }

  @Test
  @DisplayName("tools reach the template, and calls come back parsed, plain and streamed")
  void tools() {
    String request = "{" + CHAT + TOOLS + ",\"max_tokens\":" + CALLS.length();
    HttpResponse<String> reply = caller.post("/v1/chat/completions", request + "}");
    JsonNode choice = Sse.json(reply.body()).get("choices").get(0);
    String call =
        "[{\"id\":\"call_"
            + id(reply)
            + "_0\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}";
    assertThat(choice.get("message").get("tool_calls").toString()).isEqualTo(call + "}]");
    assertThat(choice.get("message").get("content").asText()).isEqualTo("See:");
    assertThat(prompt(caller, id(reply)))
        .startsWith("<tools>[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]</tools>");

    HttpResponse<String> streamed =
        caller.post("/v1/chat/completions", request + ",\"stream\":true}");
    List<Sse.Event> events = Sse.events(streamed.body());
    assertThat(content(events)).isEqualTo("See:");
    assertThat(calls(events)).isEqualTo(call.replace(id(reply), id(streamed)) + ",\"index\":0}]");

    HttpResponse<String> none =
        caller.post("/v1/chat/completions", request + ",\"tool_choice\":\"none\"}");
    assertThat(none.body()).contains("<tool_call>");
    assertThat(prompt(caller, id(none))).doesNotStartWith("<tools>");
  }

  @Test
  @DisplayName("an answer that ends with a call says so, and a call may be answered")
  void toolTurn() {
    try (TestNode ends = new TestNode("<tool_call>{\"name\":\"f\"}</tool_call>.", TEMPLATE)) {
      String request = "{" + CHAT + TOOLS + ",\"stop\":\".\"}";
      JsonNode choice =
          Sse.json(ends.post("/v1/chat/completions", request).body()).get("choices").get(0);
      assertThat(choice.get("finish_reason").asText()).isEqualTo("tool_calls");
      assertThat(choice.get("message").get("content").isNull()).isTrue();
      HttpResponse<String> next =
          ends.post(
              "/v1/chat/completions",
              "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","
                  + "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
                  + "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"5\"}],\"max_tokens\":1}");
      assertThat(prompt(ends, id(next))).startsWith("[assistant]{\"a\": 1}[tool]5[assistant]");
    }
  }

  @Test
  @DisplayName("H7 a tool call that is none is shown as text, and a log line says what it was")
  void malformedCalls() {
    String broken = "<tool_call>{\"name\":\"f\",</tool_call>";
    Logger log = (Logger) LoggerFactory.getLogger(ToolCallReader.class);
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.start();
    log.addAppender(logged);
    log.setLevel(Level.INFO);
    try (TestNode wrong = new TestNode(broken, TEMPLATE)) {
      HttpResponse<String> reply =
          wrong.post(
              "/v1/chat/completions",
              "{" + CHAT + TOOLS + ",\"max_tokens\":" + broken.length() + "}");
      JsonNode message = Sse.json(reply.body()).at("/choices/0/message");
      assertThat(message.get("content").asText()).as(reply.body()).isEqualTo(broken);
      assertThat(message.has("tool_calls")).isFalse();
      assertThat(logged.list)
          .anySatisfy(
              event ->
                  assertThat(event.getFormattedMessage())
                      .contains("a model's tool call of 12 characters is no JSON")
                      .doesNotContain("\"f\""));
    } finally {
      log.detachAppender(logged);
      log.setLevel(null);
    }
  }

  @Test
  @DisplayName("a model without a template gets a transcript, which ends at the user's next line")
  void transcript() {
    HttpResponse<String> reply =
        plain.post(
            "/v1/chat/completions",
            "{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\","
                + "\"content\":\"Hi\"}]}");
    assertThat(prompt(plain, id(reply))).isEqualTo("Be kind.\nUser: Hi\nAssistant:");
    JsonNode choice = Sse.json(reply.body()).get("choices").get(0);
    assertThat(choice.get("message").get("content").asText()).isEqualTo("Hello");
    assertThat(choice.get("finish_reason").asText()).isEqualTo("stop");
  }

  @Test
  @DisplayName("H1 a chat that is repeated with its Idempotency-Key joins the one it repeats")
  void idempotency() {
    String body = "{" + CHAT + ",\"n\":2,\"max_tokens\":5}";
    String first = node.post("/v1/chat/completions", body, "Idempotency-Key", "k1").body();
    String second = node.post("/v1/chat/completions", body, "Idempotency-Key", "k1").body();
    assertThat(second).isEqualTo(first);
    assertThat(Sse.json(first).get("choices")).hasSize(2);
    HttpResponse<String> other =
        node.post("/v1/chat/completions", "{" + CHAT + "}", "Idempotency-Key", "k1");
    assertThat(other.statusCode()).isEqualTo(409);
  }

  @ParameterizedTest(name = "{1}")
  @DisplayName("L10 a chat that cannot be is refused with what was found and what was expected")
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "messages => {} => messages is missing; expected an array of messages.",
        "messages => {\"messages\":[]} => messages is an empty array; expected an array of at least"
            + " one message.",
        "messages => {\"messages\":[5]} => messages[0] is the number 5; expected an object.",
        "messages => {\"messages\":[{\"role\":\"king\",\"content\":\"\"}]} => messages[0].role is"
            + " the string \"king\"; expected \"system\", \"developer\", \"user\", \"assistant\" or"
            + " \"tool\".",
        "messages => {\"messages\":[{\"role\":\"user\"}]} => messages[0].content is missing;"
            + " expected a string or an array of text parts.",
        "messages => {\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]} =>"
            + " messages[0].content has a part of type the string \"image_url\"; expected text"
            + " parts alone, because the model here reads text.",
        "messages => {\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]} => A tool cannot"
            + " begin.",
        "messages => {\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]} =>"
            + " messages[0].tool_calls has a call without a function; expected one with a name.",
        "messages =>"
            + " {\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]}"
            + " => messages[0].tool_calls has arguments that are not JSON; expected a JSON object.",
        "top_logprobs => {CHAT,\"top_logprobs\":2} => top_logprobs is 2; expected logprobs to be"
            + " true with it.",
        "top_logprobs => {CHAT,\"logprobs\":true,\"top_logprobs\":21} => top_logprobs is the number"
            + " 21; expected an integer from 0 to 20.",
        "max_completion_tokens => {CHAT,\"max_completion_tokens\":0} => max_completion_tokens is"
            + " the number 0; expected an integer from 1 to 600.",
        "tools => {CHAT,\"tools\":{\"a\":1}} => tools is an object; expected an array of up to 128"
            + " tools.",
        "tools => {CHAT,\"tools\":[{\"type\":\"web\"}]} => tools[0] is an object; expected an"
            + " object with type \"function\" and a function with a name.",
        "functions => {CHAT,\"functions\":[{}]} => functions is not supported; expected a request"
            + " without it.",
        "chat_template_kwargs => {CHAT,\"chat_template_kwargs\":1} => chat_template_kwargs is the"
            + " number 1; expected an object.",
      })
  void refused(String param, String body, String message) {
    HttpResponse<String> reply = node.post("/v1/chat/completions", body.replace("CHAT", CHAT));
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(400);
    assertThat(error.get("message").asText()).isEqualTo(message);
    assertThat(error.get("param").asText()).isEqualTo(param);
    assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
  }

  @Test
  @DisplayName(
      "a chat that is longer than the context, and tools that a model does not know, are 400")
  void refusedByTheModel() {
    String longChat = CHAT.replace("Hi", "x".repeat(700));
    assertThat(node.post("/v1/chat/completions", "{" + longChat + "}").body())
        .contains("messages has", "because the context of the model here is 600 tokens.");
    assertThat(plain.post("/v1/chat/completions", "{" + CHAT + TOOLS + "}").body())
        .contains("tools are not supported, because the chat template of the model here");
  }

  @Test
  @DisplayName("cairn.http.chat-template bounds the template's time and the prompt's length")
  void bounds() {
    String loop =
        "test.chat-template = \"{% set r = range(9000) %}{% for a in r %}{% for b in r %}{% for c"
            + " in r %}{% endfor %}{% endfor %}{% endfor %}\"\n";
    String limits = "cairn.http.chat-template { timeout = 200 ms, max-characters = 50 }\n";
    try (TestNode slow = new TestNode("x", loop + limits);
        TestNode small = new TestNode("x", TEMPLATE + limits)) {
      assertThat(slow.post("/v1/chat/completions", "{" + CHAT + "}").body())
          .contains("The model's chat template ran for longer than 200 ms.");
      HttpResponse<String> large =
          small.post("/v1/chat/completions", "{" + CHAT.replace("Hi", "x".repeat(60)) + "}");
      assertThat(large.statusCode()).isEqualTo(400);
      assertThat(large.body()).contains("The model's chat template failed");
    }
  }

  private static JsonNode delta(Sse.Event event) {
    return event.json().get("choices").get(0).get("delta");
  }

  private static String content(List<Sse.Event> events) {
    StringBuilder text = new StringBuilder();
    for (Sse.Event event : events) {
      if (!event.data().equals("[DONE]") && !event.json().get("choices").isEmpty()) {
        text.append(delta(event).path("content").asText(""));
      }
    }
    return text.toString();
  }

  private static String calls(List<Sse.Event> events) {
    StringBuilder calls = new StringBuilder();
    for (Sse.Event event : events) {
      if (!event.data().equals("[DONE]") && !event.json().get("choices").isEmpty()) {
        calls.append(delta(event).path("tool_calls").toString());
      }
    }
    return calls.toString();
  }

  private static String id(HttpResponse<String> reply) {
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return reply.headers().firstValue("X-Request-Id").orElseThrow();
  }

  private static RequestSpec spec(TestNode of, String id) {
    return of.inMemory().view(id).spec();
  }

  /** What the model was given, without the token that begins a sequence. */
  private static String prompt(TestNode of, String id) {
    int[] tokens = spec(of, id).promptTokens();
    byte[] bytes = new byte[tokens.length - 1];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (tokens[i + 1] - 2);
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
