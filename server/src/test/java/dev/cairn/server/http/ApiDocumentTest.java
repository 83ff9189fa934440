package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.TestNode;
import dev.cairn.server.admin.OpenApiDocument;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The OpenAPI document, the table of docs/API.md and the server say the same. */
class ApiDocumentTest {
  private static final Path DOCS = Path.of("..", "docs");
  private static final Pattern NAME = Pattern.compile("`([a-z_]+)`");

  /** Routes in the order of the table's columns, their schemas, and bodies that they take. */
  private static final List<String> PATHS =
      List.of("/v1/completions", "/v1/chat/completions", "/v1/responses");

  private static final List<String> SCHEMAS =
      List.of("CompletionRequest", "ChatRequest", "ResponseRequest");
  private static final List<String> BODIES =
      List.of(
          "{\"prompt\":\"Hi\",\"max_tokens\":2}",
          "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_completion_tokens\":2}",
          "{\"input\":\"Hi\",\"max_output_tokens\":2}");

  private static TestNode node;
  private static OpenApiDocument document;

  @BeforeAll
  static void start() throws IOException {
    node = new TestNode("Hello", "test.chat-template = \"{{ tools }}<tool_call>\"");
    document = new OpenApiDocument(Files.readString(DOCS.resolve("openapi/api.yaml")));
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  private static HttpResponse<String> send(String method, String path, String body) {
    return node.send(
        node.request(path).method(method, HttpRequest.BodyPublishers.ofString(body)).build());
  }

  private static void assertDocumented(String operation, HttpResponse<String> reply) {
    JsonNode documented = document.reply(operation, reply.statusCode());
    assertThat(documented.isMissingNode())
        .as("%s answered %d: %s", operation, reply.statusCode(), reply.body())
        .isFalse();
    if (reply.headers().firstValue("content-type").orElse("").startsWith("application/json")) {
      assertThat(document.check(operation, reply.statusCode(), Sse.json(reply.body())))
          .as("%s answered %s", operation, reply.body())
          .isEmpty();
    }
  }

  @Test
  @DisplayName("every route is documented, and every documented one answers as documented")
  void routes() {
    assertThat(document.operations()).isEqualTo(new TreeSet<>(node.api().routes()));
    String kept = Sse.json(send("POST", "/v1/responses", BODIES.get(2)).body()).get("id").asText();
    String gone = Sse.json(send("POST", "/v1/responses", BODIES.get(2)).body()).get("id").asText();
    for (String operation : document.operations()) {
      String[] parts = operation.split(" ");
      String id = parts[0].equals("DELETE") ? gone : kept;
      String known = parts[1].startsWith("/v1/models") ? TestNode.MODEL : id;
      int route = PATHS.indexOf(parts[1]);
      String body =
          route >= 0
              ? BODIES.get(route)
              : switch (parts[1]) {
                case "/tokenize" -> "{\"content\":\"Hi\"}";
                case "/v1/embeddings" -> "{\"input\":\"Hi\"}";
                default -> "{\"tokens\":[74]}";
              };
      HttpResponse<String> reply =
          send(
              parts[0],
              parts[1].replace("{id}", known).replace("{file}", "app.js"),
              parts[0].equals("GET") ? "" : body);
      assertThat(reply.statusCode()).as("%s: %s", operation, reply.body()).isEqualTo(200);
      assertDocumented(operation, reply);
      if (parts[1].contains("{")) {
        String unknown = parts[1].replace("{id}", "none").replace("{file}", "none.js");
        HttpResponse<String> none = send(parts[0], unknown, "");
        assertThat(none.statusCode()).as(operation).isEqualTo(404);
        assertDocumented(operation, none);
      }
      if (route >= 0 || parts[1].endsWith("tokenize") || parts[1].endsWith("embeddings")) {
        HttpResponse<String> wrong = send(parts[0], parts[1], "{");
        assertThat(wrong.statusCode()).as(operation).isEqualTo(400);
        assertDocumented(operation, wrong);
        HttpResponse<String> method = send("DELETE", parts[1], "");
        assertThat(method.statusCode()).as(operation).isEqualTo(405);
        assertThat(method.headers().firstValue("Allow")).hasValue("POST");
      }
    }
  }

  /** The cells of the table by parameter, a list for each row that has it. */
  private static Map<String, List<List<String>>> table() throws IOException {
    String text = Files.readString(DOCS.resolve("API.md"));
    String section = text.substring(text.indexOf("## Parameters"), text.indexOf("## Outputs"));
    Map<String, List<List<String>>> table = new TreeMap<>();
    for (String line : section.split("\n")) {
      String[] cells = line.split("\\|", -1);
      Matcher names = NAME.matcher(cells.length > 4 ? cells[1] : "");
      while (names.find()) {
        table
            .computeIfAbsent(names.group(1), name -> new ArrayList<>())
            .add(List.of(cells[2].strip(), cells[3].strip(), cells[4].strip()));
      }
    }
    return table;
  }

  @Test
  @DisplayName("the table of parameters has what the schemas of the routes have, by route")
  void tableAndSchemas() throws IOException {
    Map<String, List<List<String>>> table = table();
    for (int route = 0; route < PATHS.size(); route++) {
      Set<String> taken = new TreeSet<>();
      for (Map.Entry<String, List<List<String>>> each : table.entrySet()) {
        for (List<String> cells : each.getValue()) {
          if (!cells.get(route).isEmpty() && !cells.get(route).equals("refused")) {
            taken.add(each.getKey());
          }
        }
      }
      assertThat(document.properties(SCHEMAS.get(route)).keySet())
          .as(PATHS.get(route))
          .isEqualTo(taken);
    }
  }

  @Test
  @DisplayName("every parameter is read: of another type it is a 400 that names it")
  void parametersAreRead() {
    for (int route = 0; route < PATHS.size(); route++) {
      for (Map.Entry<String, JsonNode> each : document.properties(SCHEMAS.get(route)).entrySet()) {
        String name = each.getKey();
        boolean object = each.getValue().path("type").asText().equals("object");
        ObjectNode body = (ObjectNode) Sse.json(BODIES.get(route));
        body.set(name, Sse.json(object ? "[5]" : "{\"a\":1}"));
        HttpResponse<String> reply = send("POST", PATHS.get(route), body.toString());
        assertThat(reply.statusCode())
            .as("%s with %s: %s", PATHS.get(route), body, reply.body())
            .isEqualTo(400);
        assertThat(Sse.json(reply.body()).at("/error/param").asText())
            .as("%s with %s: %s", PATHS.get(route), body, reply.body())
            .startsWith(name);
        assertDocumented("POST " + PATHS.get(route), reply);
      }
    }
  }

  @Test
  @DisplayName("every parameter that the table says is refused is a 400 that names it")
  void refusedParameters() throws IOException {
    int refused = 0;
    for (Map.Entry<String, List<List<String>>> each : table().entrySet()) {
      for (List<String> cells : each.getValue()) {
        for (int route = 0; route < PATHS.size(); route++) {
          if (cells.get(route).equals("refused")) {
            refused++;
            ObjectNode body = (ObjectNode) Sse.json(BODIES.get(route));
            String value =
                switch (each.getKey()) {
                  case "suffix" -> "\"x\"";
                  case "best_of" -> "2";
                  default -> "{\"a\":1}";
                };
            body.set(each.getKey(), Sse.json("{\"v\":" + value + "}").get("v"));
            HttpResponse<String> reply = send("POST", PATHS.get(route), body.toString());
            assertThat(reply.statusCode()).as("%s: %s", body, reply.body()).isEqualTo(400);
            assertThat(Sse.json(reply.body()).at("/error/param").asText()).isEqualTo(each.getKey());
          }
        }
      }
    }
    assertThat(refused).isGreaterThan(8);
  }
}
