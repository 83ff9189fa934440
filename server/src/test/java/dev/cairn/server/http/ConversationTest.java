package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Responses that continue others. */
class ConversationTest {
  private static final String TEMPLATE =
      "test.chat-template = \"{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in"
          + " m.tool_calls %}({{ c.function.name }}{{ c.function.arguments | tojson }}){% endfor"
          + " %}{% endfor %}{% if tools %}{{ tools }}{% endif %}<tool_call>\"\n";
  private static final String CALLS =
      "See: <tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1}}</tool_call>";
  private static TestNode node;
  private static TestNode caller;

  @BeforeAll
  static void start() {
    node = new TestNode("Hello", TEMPLATE);
    caller = new TestNode(CALLS, TEMPLATE);
  }

  @AfterAll
  static void stop() {
    node.close();
    caller.close();
  }

  private static String ask(TestNode of, String fields, String... headers) {
    HttpResponse<String> reply = of.post("/v1/responses", "{" + fields + "}", headers);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return Sse.json(reply.body()).get("id").asText();
  }

  private static String prompt(TestNode of, String id) {
    return Completion.text(of.tokenizer(), of.inMemory().view(id).spec().promptTokens());
  }

  private static String after(String id) {
    return ",\"max_output_tokens\":5,\"previous_response_id\":\"" + id + "\"";
  }

  @Test
  @DisplayName("the input continues the conversation, with the instructions of the call alone")
  void continues() {
    String first =
        ask(node, "\"input\":\"One?\",\"instructions\":\"Be kind.\",\"max_output_tokens\":5");
    String parts =
        "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"Tw\"},"
            + "{\"type\":\"input_text\",\"text\":\"o?\"}]}]";
    String second = ask(node, parts + after(first));
    assertThat(prompt(node, second)).startsWith("[user]One?[assistant]Hello[user]Two?<tool_call>");
    String third = ask(node, "\"input\":\"Three?\",\"instructions\":\"Be brief.\"" + after(second));
    assertThat(prompt(node, third))
        .startsWith(
            "[system]Be brief.[user]One?[assistant]Hello[user]Two?[assistant]Hello[user]Three?");
    JsonNode shown = Sse.json(node.get("/v1/responses/" + third).body());
    assertThat(shown.get("previous_response_id").asText()).isEqualTo(second);
    assertThat(shown.has("messages")).isFalse();
    // One response may be continued more than once.
    String other = ask(node, "\"input\":\"Else?\"" + after(second));
    assertThat(prompt(node, other)).contains("[user]Two?[assistant]Hello[user]Else?");
  }

  @Test
  @DisplayName("calls of tools and their outputs are part of it, as if the client sent them")
  void tools() {
    String tools =
        ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}],"
            + "\"max_output_tokens\":"
            + CALLS.length();
    HttpResponse<String> first = caller.post("/v1/responses", "{\"input\":\"Hi\"" + tools + "}");
    JsonNode output = Sse.json(first.body()).get("output");
    String result =
        "{\"type\":\"function_call_output\",\"call_id\":"
            + output.get(1).get("call_id")
            + ",\"output\":\"5\"}";
    String id = Sse.json(first.body()).get("id").asText();
    String continued = ask(caller, "\"input\":[" + result + "]" + after(id));
    String whole =
        ask(
            caller,
            "\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                + output.get(0)
                + ","
                + output.get(1)
                + ","
                + result
                + "],\"max_output_tokens\":5");
    assertThat(prompt(caller, continued))
        .contains("[user]Hi[assistant]See:", "(f{\"a\": 1})[tool]5")
        .isEqualTo(prompt(caller, whole));
  }

  @Test
  @DisplayName("H1 with its Idempotency-Key it is the same; another previous response is another")
  void idempotency() {
    String first = ask(node, "\"input\":\"One?\",\"max_output_tokens\":5");
    String other = ask(node, "\"input\":\"Other?\",\"max_output_tokens\":5");
    String[] key = {"Idempotency-Key", "turn"};
    String second = ask(node, "\"input\":\"Two?\"" + after(first), key);
    assertThat(ask(node, "\"input\":\"Two?\"" + after(first), key)).isEqualTo(second);
    assertThat(
            node.post("/v1/responses", "{\"input\":\"Two?\"" + after(other) + "}", key)
                .statusCode())
        .isEqualTo(409);
  }

  private static void refused(TestNode of, String previous, int status, String code) {
    HttpResponse<String> reply =
        of.post("/v1/responses", "{\"input\":\"a\"" + after(previous) + "}");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(status);
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(error.get("param").asText()).isEqualTo("previous_response_id");
    assertThat(error.get("code").asText()).isEqualTo(code);
    assertThat(error.get("message").asText()).contains(status == 404 ? "There is no" : "expected");
  }

  @Test
  @DisplayName("L10 what is no response is 404, what has not ended or failed is 409")
  void refused() {
    refused(node, "nobody", 404, "previous_response_not_found");
    refused(node, "no such/thing", 404, "previous_response_not_found");
    HttpResponse<String> completion =
        node.post("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":1}");
    String id = completion.headers().firstValue("X-Request-Id").orElseThrow();
    refused(node, id, 404, "previous_response_not_found");
    try (TestNode slow = new TestNode("Hello", TEMPLATE)) {
      slow.inMemory().manual();
      String begun = ask(slow, "\"input\":\"a\",\"background\":true");
      slow.inMemory().generate(begun, 3);
      refused(slow, begun, 409, "conflict");
      slow.post("/v1/responses/" + begun + "/cancel", "");
      String next = ask(slow, "\"input\":\"b\",\"background\":true" + after(begun));
      assertThat(prompt(slow, next)).startsWith("[user]a[assistant]Hel[user]b");
      slow.inMemory().fail(next, "broken");
      refused(slow, next, 409, "conflict");
    }
  }
}
