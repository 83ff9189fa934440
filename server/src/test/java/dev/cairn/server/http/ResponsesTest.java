package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResponsesTest {
  private static final String TEMPLATE =
      "test.chat-template = \"{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in"
          + " m.tool_calls %}({{ c.function.name }}{{ c.function.arguments | tojson }}){% endfor"
          + " %}{% endfor %}{{ tools | tojson }}<tool_call>\"\n";
  private static final String OUTPUT = "Grüße, 世界! 🪨";
  private static final String CALLS =
      "See: <tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1}}</tool_call>";
  private static final String TOOLS =
      ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}]";
  private static TestNode node;
  private static TestNode caller;

  @BeforeAll
  static void start() {
    node = new TestNode(OUTPUT, TEMPLATE);
    caller = new TestNode(CALLS, TEMPLATE);
  }

  @AfterAll
  static void stop() {
    node.close();
    caller.close();
  }

  @Test
  @DisplayName("a response has OpenAI's form, when it is made and when it is asked for again")
  void response() {
    HttpResponse<String> reply =
        node.post(
            "/v1/responses",
            "{\"input\":\"Hi\",\"instructions\":\"Be kind.\",\"max_output_tokens\":21,"
                + "\"metadata\":{\"k\":\"v\"}}");
    JsonNode body = Sse.json(reply.body());
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(body.get("id").asText()).isEqualTo(id);
    assertThat(body.get("object").asText()).isEqualTo("response");
    assertThat(body.get("status").asText()).isEqualTo("incomplete");
    assertThat(body.get("incomplete_details").get("reason").asText())
        .isEqualTo("max_output_tokens");
    assertThat(body.get("metadata").toString()).isEqualTo("{\"k\":\"v\"}");
    assertThat(body.get("instructions").asText()).isEqualTo("Be kind.");
    JsonNode message = body.get("output").get(0);
    assertThat(message.get("type").asText()).isEqualTo("message");
    assertThat(message.get("content").get(0).get("text").asText()).isEqualTo(OUTPUT);
    assertThat(body.get("usage").get("output_tokens").asInt()).isEqualTo(21);
    assertThat(node.get("/v1/responses/" + id).body()).isEqualTo(reply.body());
    assertThat(Completion.text(node.tokenizer(), prompt(node, id)))
        .startsWith("[system]Be kind.[user]Hi");
  }

  @Test
  @DisplayName("a response in the background is answered at once, and cancelled or finished later")
  void background() {
    try (TestNode slow = new TestNode(OUTPUT, TEMPLATE)) {
      slow.inMemory().manual();
      HttpResponse<String> reply =
          slow.post("/v1/responses", "{\"input\":\"Hi\",\"background\":true}");
      JsonNode body = Sse.json(reply.body());
      String id = body.get("id").asText();
      assertThat(body.get("status").asText()).isEqualTo("queued");
      assertThat(body.get("background").asBoolean()).isTrue();
      slow.inMemory().generate(id, 4);
      body = Sse.json(slow.get("/v1/responses/" + id).body());
      assertThat(body.get("status").asText()).isEqualTo("in_progress");
      assertThat(body.get("output")).isEmpty();
      body = Sse.json(slow.post("/v1/responses/" + id + "/cancel", "").body());
      assertThat(body.get("status").asText()).isEqualTo("cancelled");
      assertThat(body.get("output").get(0).get("content").get(0).get("text").asText())
          .isEqualTo("Gr\u00fc");
    }
  }

  private static HttpResponse<String> delete(String id) {
    return node.send(node.request("/v1/responses/" + id).DELETE().build());
  }

  @Test
  @DisplayName(
      "a deleted response is there no more: not for its id, its events, or what follows it")
  void deletion() {
    String id =
        Sse.json(node.post("/v1/responses", "{\"input\":\"Hi\"}").body()).get("id").asText();
    JsonNode deleted = Sse.json(delete(id).body());
    assertThat(deleted.toString())
        .isEqualTo("{\"id\":\"" + id + "\",\"object\":\"response\",\"deleted\":true}");
    for (String path : List.of("/v1/responses/", "/v1/requests/")) {
      assertThat(node.get(path + id).statusCode()).isEqualTo(404);
      assertThat(node.post(path + id + "/cancel", "").statusCode()).isEqualTo(404);
    }
    assertThat(node.get("/v1/responses/" + id + "?stream=true").statusCode()).isEqualTo(404);
    assertThat(node.get("/v1/requests/" + id + "/stream").statusCode()).isEqualTo(404);
    assertThat(delete(id).statusCode()).isEqualTo(404);
    HttpResponse<String> next =
        node.post("/v1/responses", "{\"input\":\"Hi\",\"previous_response_id\":\"" + id + "\"}");
    assertThat(next.statusCode()).isEqualTo(404);
    assertThat(Sse.json(next.body()).at("/error/code").asText())
        .isEqualTo("previous_response_not_found");
  }

  @Test
  @DisplayName(
      "what is not stored is there while it runs, gone when it has ended, and not continued")
  void notStored() {
    try (TestNode slow = new TestNode(OUTPUT, TEMPLATE)) {
      slow.inMemory().manual();
      String input = "{\"input\":\"Hi\",\"max_output_tokens\":21,\"store\":false";
      List<String> keys = List.of("Idempotency-Key", "again");
      for (List<String> headers : List.of(List.<String>of(), keys)) {
        var reply =
            slow.client()
                .sendAsync(
                    slow.request("/v1/responses", headers.toArray(String[]::new))
                        .POST(java.net.http.HttpRequest.BodyPublishers.ofString(input + "}"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString());
        while (slow.inMemory().ids().isEmpty()) {
          Thread.onSpinWait();
        }
        String id = slow.inMemory().ids().get(0);
        assertThat(Sse.json(slow.get("/v1/responses/" + id).body()).get("store").asBoolean())
            .isFalse();
        slow.inMemory().generate(id, 21);
        JsonNode body = Sse.json(reply.join().body());
        assertThat(body.at("/output/0/content/0/text").asText()).isEqualTo(OUTPUT);
        for (String path : List.of("/v1/responses/" + id, "/v1/requests/" + id)) {
          assertThat(slow.get(path).statusCode()).as(path).isEqualTo(404);
        }
        assertThat(slow.get("/v1/requests/" + id + "/stream").statusCode()).isEqualTo(404);
        for (String action : List.of("cancel", "pause", "resume")) {
          String path = "/v1/requests/" + id + "/" + action;
          assertThat(slow.post(path, "").statusCode()).as(path).isEqualTo(404);
        }
        String next = input + ",\"previous_response_id\":\"" + id + "\"}";
        assertThat(slow.post("/v1/responses", next).statusCode()).isEqualTo(404);
        if (headers.isEmpty()) {
          while (slow.inMemory().size() > 0) {
            Thread.onSpinWait();
          }
        } else {
          HttpResponse<String> again =
              slow.post("/v1/responses", input + "}", headers.toArray(String[]::new));
          assertThat(Sse.json(again.body())).isEqualTo(body);
        }
      }
      HttpResponse<String> refused = slow.post("/v1/responses", input + ",\"background\":true}");
      assertThat(refused.statusCode()).isEqualTo(400);
      assertThat(Sse.json(refused.body()).at("/error/param").asText()).isEqualTo("store");
    }
  }

  @Test
  @DisplayName("what is no response is not deleted as one")
  void deletesResponsesAlone() {
    String id =
        Sse.json(node.post("/v1/completions", "{\"prompt\":\"Hi\"}").body()).get("id").asText();
    assertThat(delete(id).statusCode()).isEqualTo(404);
    assertThat(node.get("/v1/requests/" + id).statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("R16 a response's stream goes on after every sequence number, with the same events")
  void startingAfter() {
    for (TestNode each : List.of(node, caller)) {
      for (String tools : List.of("", TOOLS)) {
        int tokens = each == node ? 21 : CALLS.length();
        HttpResponse<String> reply =
            each.post(
                "/v1/responses",
                "{\"input\":\"Hi\",\"stream\":true,\"max_output_tokens\":" + tokens + tools + "}");
        List<JsonNode> events = events(reply.body());
        String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
        for (int i = 1; i < events.size(); i++) {
          assertThat(number(events.get(i))).isGreaterThan(number(events.get(i - 1)));
        }
        for (int i = 0; i < events.size(); i++) {
          String rest =
              each.get(
                      "/v1/responses/"
                          + id
                          + "?stream=true&starting_after="
                          + number(events.get(i)))
                  .body();
          assertThat(events(rest)).isEqualTo(events.subList(i + 1, events.size()));
        }
      }
    }
  }

  @Test
  @DisplayName("a stream that is cut anywhere while it is generated loses and repeats nothing")
  void resumedWhileRunning() {
    try (TestNode slow = new TestNode(CALLS, TEMPLATE)) {
      slow.inMemory().manual();
      String made =
          slow.post(
                  "/v1/responses",
                  "{\"input\":\"Hi\",\"background\":true,\"max_output_tokens\":"
                      + CALLS.length()
                      + TOOLS
                      + "}")
              .body();
      String id = Sse.json(made).get("id").asText();
      ResponseEvents whole = new ResponseEvents(slow.inMemory().view(id).spec(), slow.tokenizer());
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < CALLS.length(); i++) {
        slow.inMemory().generate(id, 1);
        whole.render(slow.inMemory().view(id).snapshot()).forEach(e -> text.append(e.utf8String()));
        for (JsonNode event : events(text.toString())) {
          ResponseEvents rest =
              new ResponseEvents(slow.inMemory().view(id).spec(), slow.tokenizer());
          rest.startAfter(number(event), slow.inMemory().view(id).snapshot());
          StringBuilder more = new StringBuilder();
          rest.render(slow.inMemory().view(id).snapshot())
              .forEach(e -> more.append(e.utf8String()));
          String seen =
              deltas(events(text.toString()), number(event)) + deltas(events(more.toString()), 999);
          assertThat("See:").startsWith(seen);
          if (i == CALLS.length() - 1) {
            assertThat(seen).isEqualTo("See:");
          }
        }
      }
      assertThat(events(text.toString()).stream().map(e -> e.get("type").asText()).toList())
          .contains("response.function_call_arguments.done", "response.incomplete");
      assertThat(events(text.toString()))
          .filteredOn(e -> e.get("type").asText().endsWith("arguments.done"))
          .allSatisfy(e -> assertThat(e.get("name").asText()).isNotEmpty());
    }
  }

  private static String deltas(List<JsonNode> events, int upTo) {
    StringBuilder text = new StringBuilder();
    for (JsonNode event : events) {
      if (event.get("type").asText().equals("response.output_text.delta")
          && number(event) <= upTo) {
        text.append(event.get("delta").asText());
      }
    }
    return text.toString();
  }

  @Test
  @DisplayName("calls are items of their own, and a conversation may go on from them")
  void calls() {
    HttpResponse<String> reply =
        caller.post(
            "/v1/responses",
            "{\"input\":\"Hi\",\"max_output_tokens\":" + CALLS.length() + TOOLS + "}");
    JsonNode output = Sse.json(reply.body()).get("output");
    assertThat(output.get(0).get("content").get(0).get("text").asText()).isEqualTo("See:");
    assertThat(output.get(1).get("type").asText()).isEqualTo("function_call");
    assertThat(output.get(1).get("arguments").asText()).isEqualTo("{\"a\":1}");
    String next =
        "{\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},"
            + output.get(1)
            + ",{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"5\"}],"
            + "\"max_output_tokens\":1}";
    String id =
        caller.post("/v1/responses", next).headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(Completion.text(caller.tokenizer(), prompt(caller, id)))
        .startsWith("[user]Hi[assistant](f{\"a\": 1})[tool]5");
  }

  @Test
  @DisplayName("H1 a response that is repeated with its Idempotency-Key is the same")
  void idempotency() {
    String body = "{\"input\":\"Hi\",\"max_output_tokens\":4}";
    String first = node.post("/v1/responses", body, "Idempotency-Key", "r").body();
    assertThat(node.post("/v1/responses", body, "Idempotency-Key", "r").body()).isEqualTo(first);
  }

  @ParameterizedTest(name = "{1}")
  @DisplayName("L10 a response that cannot be is refused with what was found and what was expected")
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "input => {} => input is missing; expected a string or an array of items.",
        "input => {\"input\":5} => input is the number 5; expected a string or an array of items.",
        "input => {\"input\":[{\"type\":\"item_reference\"}]} => input[0].type is the string"
            + " \"item_reference\"; expected \"message\", \"function_call\","
            + " \"function_call_output\" or \"reasoning\".",
        "metadata => {\"input\":\"a\",\"metadata\":{\"k\":5}} => metadata is an object; expected an"
            + " object of up to 16 strings of up to 512 characters.",
        "background => {\"input\":\"a\",\"background\":1} => background is the number 1; expected"
            + " true or false.",
        "max_output_tokens => {\"input\":\"a\",\"max_output_tokens\":0} => max_output_tokens is the"
            + " number 0; expected an integer from 1 to 600.",
      })
  void refused(String param, String body, String message) {
    HttpResponse<String> reply = node.post("/v1/responses", body);
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(400);
    assertThat(error.get("message").asText()).isEqualTo(message);
    assertThat(error.get("param").asText()).isEqualTo(param);
  }

  @Test
  @DisplayName("what is no response has none, and a sequence number that cannot be is refused")
  void unknown() {
    String completion =
        node.post("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":1}")
            .headers()
            .firstValue("X-Request-Id")
            .orElseThrow();
    assertThat(node.get("/v1/responses/" + completion).statusCode()).isEqualTo(404);
    assertThat(node.get("/v1/responses/nobody").statusCode()).isEqualTo(404);
    assertThat(node.post("/v1/responses/nobody/cancel", "").statusCode()).isEqualTo(404);
    String id =
        node.post("/v1/responses", "{\"input\":\"a\",\"max_output_tokens\":4}")
            .headers()
            .firstValue("X-Request-Id")
            .orElseThrow();
    for (String after : List.of("-1", "x", "6")) {
      assertThat(
              node.get("/v1/responses/" + id + "?stream=true&starting_after=" + after).statusCode())
          .as(after)
          .isEqualTo(400);
    }
  }

  private static int number(JsonNode event) {
    return event.get("sequence_number").asInt();
  }

  private static List<JsonNode> events(String body) {
    List<JsonNode> events = new ArrayList<>();
    body.lines()
        .filter(line -> line.startsWith("data: "))
        .forEach(line -> events.add(Sse.json(line.substring(6))));
    return events;
  }

  private static int[] prompt(TestNode of, String id) {
    return of.inMemory().view(id).spec().promptTokens();
  }
}
