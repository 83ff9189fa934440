package dev.cairn.server.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The OpenAPI document and the routes say the same. */
class OpenApiTest {
  private static final Path FILE = Path.of("..", "docs", "openapi", "admin.yaml");

  @TempDir Path directory;

  @Test
  @DisplayName("every route is documented, and every documented one answers as documented")
  void routesAndDocument() throws Exception {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    OpenApiDocument document = new OpenApiDocument(Files.readString(FILE));
    try (AdminNode node = new AdminNode(directory, "cairn.requests.linger = 1 h").with(key)) {
      Set<String> routes = new TreeSet<>(node.operators.routes());
      Set<String> own = new TreeSet<>(document.operations());
      own.removeIf(
          operation -> Management.PREFIXES.stream().anyMatch(operation.split(" ")[1]::startsWith));
      assertThat(own).as("documented").isEqualTo(routes);
      assertThat(node.get("/admin/openapi").body()).isEqualTo(Files.readString(FILE));

      String id =
          node.complete("{\"prompt\":\"Once\",\"max_tokens\":3}")
              .headers()
              .firstValue("X-Request-Id")
              .orElseThrow();
      String address = AdminNode.json(node.get("/admin/nodes")).at("/data/0/node").asText();
      for (String operation : document.operations()) {
        String[] parts = operation.split(" ");
        String path =
            parts[1]
                .replace("{id}", id)
                .replace("{address}", address)
                .replace("{member}", "cairn@" + address)
                .replace("{tenant}", "acme")
                .replace("{device}", "cpu-0")
                .replace("{type}", "request");
        if (path.equals("/cluster/domain-events")
            || parts[1].startsWith("/cluster/members/") && parts[0].equals("DELETE")) {
          // The one does not end, the other ends the node; both have a route, for they ask for a
          // key.
          assertThat(node.with("").send(parts[0], path, "").statusCode())
              .as(operation)
              .isEqualTo(401);
          node.with(key);
          continue;
        }
        HttpResponse<String> reply = node.send(parts[0], path, body(parts[1]));
        assertThat(reply.statusCode()).as(operation).isNotIn(404, 405);
        assertThat(document.reply(operation, reply.statusCode()).isMissingNode())
            .as("%s answered %d: %s", operation, reply.statusCode(), reply.body())
            .isFalse();
        boolean json =
            reply.headers().firstValue("content-type").orElse("").startsWith("application/json");
        if (json) {
          assertThat(document.check(operation, reply.statusCode(), AdminNode.json(reply)))
              .as("%s answered %s", operation, reply.body())
              .isEmpty();
        }
      }
      for (String wrong : List.of("/admin/nothing", "/admin/requests/x/y", "/cluster/nothing")) {
        HttpResponse<String> reply = node.get(wrong);
        assertThat(reply.statusCode()).as(wrong).isEqualTo(404);
        assertThat(document.check("GET /admin/requests/{id}", 404, AdminNode.json(reply)))
            .isEmpty();
      }
      HttpResponse<String> method = node.send("DELETE", "/admin/nodes", "");
      assertThat(method.statusCode()).isEqualTo(405);
      assertThat(method.headers().firstValue("Allow")).hasValue("GET");
      assertThat(wrongContent(node, document)).isNotEmpty();
    }
  }

  /** A body that has lost a field, or has one more, is told from what the document says. */
  private static Set<?> wrongContent(AdminNode node, OpenApiDocument document) {
    var body =
        (com.fasterxml.jackson.databind.node.ObjectNode) AdminNode.json(node.get("/admin/nodes"));
    assertThat(document.check("GET /admin/nodes", 200, body)).isEmpty();
    ((com.fasterxml.jackson.databind.node.ObjectNode) body.at("/data/0")).remove("ready");
    return document.check("GET /admin/nodes", 200, body);
  }

  private static String body(String path) {
    return path.endsWith("/priority") ? "{\"band\":\"production\"}" : "";
  }

  @Test
  @DisplayName("an error of the node that answers is in the documented form as well")
  void errors() throws Exception {
    OpenApiDocument document = new OpenApiDocument(Files.readString(FILE));
    try (AdminNode node = new AdminNode(directory, "")) {
      HttpResponse<String> reply =
          node.send(
              HttpRequest.newBuilder(URI.create(node.url() + "/admin/requests?limit=0")).build());
      assertThat(reply.statusCode()).isEqualTo(400);
      assertThat(document.check("GET /admin/requests", 400, AdminNode.json(reply))).isEmpty();
      HttpResponse<String> denied = node.post("/admin/requests/x/cancel", "");
      assertThat(denied.statusCode()).isEqualTo(401);
      assertThat(document.check("POST /admin/requests/{id}/cancel", 401, AdminNode.json(denied)))
          .isEmpty();
    }
  }
}
