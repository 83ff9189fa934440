package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.model.grammar.Cursor;
import dev.cairn.model.grammar.Languages;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.ByteTokenizer;
import dev.cairn.server.TestNode;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StructuredOutputTest {
  private static final String HERMES = "test.chat-template = \"{{ tools }}<tool_call>\"\n";
  private static final String LLAMA3 =
      "test.chat-template = \"{{ tools }} {\\\"name\\\": x, \\\"parameters\\\": y}\"\n";
  private static final String CHAT = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
  private static final String SCHEMA =
      "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"],"
          + "\"additionalProperties\":false}";
  private static final String STRICT =
      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"parameters\":"
          + SCHEMA
          + "}},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]";
  private static TestNode hermes;
  private static TestNode llama3;

  @BeforeAll
  static void start() {
    hermes = new TestNode("x", HERMES);
    llama3 = new TestNode("x", LLAMA3);
  }

  @AfterAll
  static void stop() {
    hermes.close();
    llama3.close();
  }

  /** Whether an output may be this text, as the grammar of the request that was made has it. */
  private static boolean takes(TestNode node, HttpResponse<String> reply, String text) {
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    RequestSpec spec = node.inMemory().view(id).spec();
    ByteTokenizer bytes = new ByteTokenizer();
    Languages languages = node.languages();
    Cursor cursor = languages.of(spec.sampling().grammar()).begin();
    for (int token : bytes.encode(text, false, false)) {
      if (!cursor.advance(token)) {
        return false;
      }
    }
    return cursor.isComplete();
  }

  private static HttpResponse<String> chat(TestNode node, String more) {
    return node.post("/v1/chat/completions", "{" + CHAT + ",\"max_tokens\":3," + more + "}");
  }

  @Test
  @DisplayName(
      "json_object, json_schema and grammar reach the request as the language of its output")
  void formats() {
    HttpResponse<String> object = chat(hermes, "\"response_format\":{\"type\":\"json_object\"}");
    assertThat(takes(hermes, object, "{\"x\": [1, true]}")).isTrue();
    assertThat(takes(hermes, object, "[1]")).isFalse();
    String schema =
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,\"schema\":"
            + SCHEMA
            + "}}";
    for (String path : new String[] {"/v1/chat/completions", "/v1/completions"}) {
      String prompt = path.contains("chat") ? CHAT : "\"prompt\":\"Hi\"";
      HttpResponse<String> reply =
          hermes.post(path, "{" + prompt + ",\"response_format\":" + schema + "}");
      assertThat(takes(hermes, reply, "{\"a\":-12}")).isTrue();
      assertThat(takes(hermes, reply, "{}")).isFalse();
      reply = hermes.post(path, "{" + prompt + ",\"grammar\":\"root ::= [ab]+\"}");
      assertThat(takes(hermes, reply, "abba")).isTrue();
      assertThat(takes(hermes, reply, "abc")).isFalse();
    }
    HttpResponse<String> text = chat(hermes, "\"response_format\":{\"type\":\"text\"}");
    assertThat(text.statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("a response's text.format does the same, and the response repeats it")
  void responses() {
    String format = "{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":" + SCHEMA + "}";
    HttpResponse<String> reply =
        hermes.post(
            "/v1/responses",
            "{\"input\":\"Hi\",\"max_output_tokens\":4,\"text\":{\"format\":" + format + "}}");
    assertThat(takes(hermes, reply, "{\"a\": 1}")).isTrue();
    assertThat(takes(hermes, reply, "{\"a\": \"1\"}")).isFalse();
    JsonNode body = Sse.json(reply.body());
    assertThat(body.at("/text/format/name").asText()).isEqualTo("n");
    assertThat(body.at("/text/format/schema/required/0").asText()).isEqualTo("a");
  }

  @Test
  @DisplayName(
      "tool_choice required: one or more calls, those of strict tools with their arguments")
  void required() {
    HttpResponse<String> reply = chat(hermes, STRICT + ",\"tool_choice\":\"required\"");
    String call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    String other = "<tool_call>\n{\"name\": \"g\", \"arguments\": {\"x\":[]}}\n</tool_call>";
    assertThat(takes(hermes, reply, call)).isTrue();
    assertThat(takes(hermes, reply, call + "\n" + other)).isTrue();
    assertThat(takes(hermes, reply, call.replace("1", "\"1\""))).isFalse();
    assertThat(takes(hermes, reply, "Hello")).isFalse();
    HttpResponse<String> one =
        chat(hermes, STRICT + ",\"tool_choice\":\"required\",\"parallel_tool_calls\":false");
    assertThat(takes(hermes, one, call)).isTrue();
    assertThat(takes(hermes, one, call + "\n" + other)).isFalse();
    HttpResponse<String> llama = chat(llama3, STRICT + ",\"tool_choice\":\"required\"");
    assertThat(takes(llama3, llama, "{\"name\": \"f\", \"parameters\": {\"a\": 1}}")).isTrue();
    assertThat(takes(llama3, llama, "{\"name\": \"h\", \"parameters\": {}}")).isFalse();
  }

  @Test
  @DisplayName("a named tool alone is called, in chats and in responses")
  void named() {
    HttpResponse<String> reply =
        chat(
            hermes,
            STRICT + ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}");
    String call = "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
    assertThat(takes(hermes, reply, call)).isTrue();
    assertThat(takes(hermes, reply, call + "\n" + call)).isFalse();
    assertThat(takes(hermes, reply, call.replace("\"g\"", "\"f\""))).isFalse();
    HttpResponse<String> response =
        hermes.post(
            "/v1/responses",
            "{\"input\":\"Hi\",\"tools\":[{\"type\":\"function\",\"name\":\"g\",\"strict\":true,"
                + "\"parameters\":"
                + SCHEMA
                + "}],\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"}}");
    assertThat(takes(hermes, response, call)).isFalse();
    assertThat(takes(hermes, response, call.replace("{}", "{\"a\":3}"))).isTrue();
    JsonNode body = Sse.json(response.body());
    assertThat(body.at("/tool_choice/name").asText()).isEqualTo("g");
    assertThat(body.at("/tools/0/strict").asBoolean()).isTrue();
  }

  @Test
  @DisplayName("strict tools that may be called: any text, but a call that is begun is a right one")
  void auto() {
    HttpResponse<String> reply = chat(hermes, STRICT);
    String call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    assertThat(takes(hermes, reply, "Hello <tool> <<tool_cal x < y")).isTrue();
    assertThat(takes(hermes, reply, "Well: <<tool_call" + call.substring(10))).isTrue();
    assertThat(takes(hermes, reply, call + "\n" + call)).isTrue();
    assertThat(takes(hermes, reply, "So <tool_call>no")).isFalse();
    HttpResponse<String> llama = chat(llama3, STRICT);
    assertThat(takes(llama3, llama, " Hello {")).isTrue();
    assertThat(takes(llama3, llama, "{\"name\": \"f\", \"parameters\": {\"a\": 1}}")).isTrue();
    assertThat(takes(llama3, llama, "{\"name\": \"f\", \"parameters\": {}}")).isFalse();
    HttpResponse<String> both =
        chat(hermes, STRICT + ",\"response_format\":{\"type\":\"json_object\"}");
    assertThat(takes(hermes, both, call)).isTrue();
    assertThat(takes(hermes, both, "{\"x\":1}")).isTrue();
    assertThat(takes(hermes, both, "Hello")).isFalse();
    HttpResponse<String> none = chat(hermes, STRICT + ",\"tool_choice\":\"none\"");
    String id = none.headers().firstValue("X-Request-Id").orElseThrow();
    assertThat(hermes.inMemory().view(id).spec().sampling().isConstrained()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"response_format\":{} | response_format.type | is missing",
        "\"response_format\":{\"type\":\"xml\"} | response_format.type | the string \"xml\"",
        "\"response_format\":{\"type\":\"json_schema\"} | response_format.json_schema | is missing",
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"
            + " | response_format.json_schema.name | is missing",
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a b\"}}"
            + " | response_format.json_schema.name | letters, digits",
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\"}}"
            + " | response_format.json_schema.schema | is missing",
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\","
            + "\"schema\":{\"properties\":{\"x\":{\"not\":{}}}}}}"
            + " | response_format.json_schema.schema"
            + " | The schema at /properties/x has the keyword \"not\"",
        "\"grammar\":\"root ::= (\" | grammar | expected",
        "\"grammar\":\"root ::= root\" | grammar | no end",
        "\"grammar\":5 | grammar | a string",
        "\"grammar\":\"root ::= [a]\",\"response_format\":{\"type\":\"json_object\"}"
            + " | grammar | expected one of them",
        "\"grammar\":\"root ::= [a]\",\"ignore_eos\":true | ignore_eos | ends where its form does",
        "\"tool_choice\":\"required\" | tool_choice | there are no tools",
        "\"tool_choice\":\"some\" | tool_choice | expected \"none\", \"auto\", \"required\"",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":{\"type\":"
            + "\"function\",\"function\":{\"name\":\"h\"}} | tool_choice | none of the tools",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
            + "\"parameters\":{\"type\":\"object\",\"minProperties\":1}}}]"
            + " | tools | tool f cannot be held to: The schema's root has the keyword \"minProperties\"",
      })
  @DisplayName("what an output cannot be held to is refused with 400")
  void refusals(String more, String param, String message) {
    HttpResponse<String> reply = chat(hermes, more);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(400);
    JsonNode error = Sse.json(reply.body()).get("error");
    assertThat(error.get("param").asText()).isEqualTo(param);
    assertThat(error.get("message").asText()).contains(message);
  }

  @Test
  @DisplayName("L13 the bounds of cairn.grammar are enforced")
  void bounds() {
    String[][] cases = {
      {"cairn.grammar.max-characters = 20", "expected at most 20"},
      {"cairn.grammar.max-places = 20", "more than 20 places"},
    };
    for (String[] each : cases) {
      try (TestNode small = new TestNode("x", each[0] + "\n" + HERMES)) {
        HttpResponse<String> reply = chat(small, "\"grammar\":\"root ::= [a-z]{40} [0-9]{40} \"");
        assertThat(reply.statusCode()).isEqualTo(400);
        assertThat(Sse.json(reply.body()).at("/error/message").asText()).contains(each[1]);
      }
    }
    try (TestNode few = new TestNode("x", "cairn.grammar.cached-grammars = 2\n" + HERMES)) {
      for (String letter : new String[] {"a", "b", "c", "d"}) {
        assertThat(chat(few, "\"grammar\":\"root ::= [" + letter + "]\"").statusCode())
            .isEqualTo(200);
      }
      assertThat(few.languages().size()).isEqualTo(2);
    }
    try (TestNode tight = new TestNode("x", "cairn.grammar.cache-memory = 8 KiB\n" + HERMES)) {
      HttpResponse<String> reply = chat(tight, "\"response_format\":{\"type\":\"json_object\"}");
      assertThat(takes(tight, reply, "{\"x\": [1, true, {\"y\": \"z\"}]}")).isTrue();
      RequestSpec spec =
          tight.inMemory().view(reply.headers().firstValue("X-Request-Id").orElseThrow()).spec();
      assertThat(tight.languages().of(spec.sampling().grammar()).cachedBytes())
          .isLessThan(32 * 1024);
    }
  }
}
