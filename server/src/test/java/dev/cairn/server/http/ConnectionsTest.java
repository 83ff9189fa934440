package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.TestNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ConnectionsTest {
  private static final String STREAM = "{\"prompt\":\"a\",\"max_tokens\":5,\"stream\":true}";

  @Test
  @DisplayName("a connection serves the next request after a stream, and pipelined ones in order")
  void keepAlive() throws IOException {
    try (TestNode node = new TestNode("Hello", "");
        Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", node.server().address().getPort()));
      socket.setSoTimeout(60_000);
      String stream =
          "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
              + "Content-Length: "
              + STREAM.length()
              + "\r\n\r\n"
              + STREAM;
      String live = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
      String last = "GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      socket
          .getOutputStream()
          .write((stream + live + stream + last).getBytes(StandardCharsets.UTF_8));
      StringBuilder all = new StringBuilder();
      try (BufferedReader in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          all.append(line).append('\n');
        }
      }
      String replies = all.toString();
      assertThat(replies.split("HTTP/1.1 200 OK", -1)).hasSize(5);
      int first = replies.indexOf("[DONE]");
      int status = replies.indexOf("\"live\"");
      int second = replies.indexOf("[DONE]", first + 1);
      int models = replies.indexOf("\"object\":\"list\"");
      assertThat(first).isPositive().isLessThan(status);
      assertThat(status).isLessThan(second);
      assertThat(second).isLessThan(models);
      assertThat(replies).doesNotContainIgnoringCase("content-encoding");
    }
  }

  @Test
  @DisplayName("the server listens on IPv6 where it is told to")
  void ipv6() throws IOException {
    try (TestNode node = new TestNode("Hello", "cairn.http.host = \"::1\"");
        Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("::1", node.server().address().getPort()));
      socket
          .getOutputStream()
          .write(
              "GET /health/live HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.UTF_8));
      assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
          .startsWith("HTTP/1.1 200 OK");
    }
  }

  @Test
  @DisplayName("cairn.http.cors-origins says whose pages may read replies, errors among them")
  void cors() {
    String setting =
        "cairn.http { cors-origins = [\"https://good.example\"], keys.tenant-header = X-Team }";
    try (TestNode node = new TestNode("Hello", setting);
        TestNode open = new TestNode("Hello", "cairn.http.cors-origins = [\"*\"]");
        TestNode shut = new TestNode("Hello", "")) {
      String[] good = {"Origin", "https://good.example"};
      assertThat(origin(node.get("/v1/models", good))).contains("https://good.example");
      assertThat(origin(node.get("/v1/nothing", good))).contains("https://good.example");
      assertThat(origin(node.get("/v1/models", "Origin", "https://bad.example"))).isEmpty();
      assertThat(origin(open.get("/v1/models", good))).contains("https://good.example");
      assertThat(origin(shut.get("/v1/models", good))).isEmpty();
      HttpResponse<String> asked = node.send(preflight(node, "https://good.example"));
      assertThat(asked.statusCode()).isEqualTo(204);
      assertThat(asked.headers().firstValue("Access-Control-Allow-Headers").orElseThrow())
          .contains("Idempotency-Key", "X-Team");
      assertThat(
              open.send(preflight(open, "https://any.example"))
                  .headers()
                  .firstValue("Access-Control-Allow-Headers"))
          .hasValueSatisfying(headers -> assertThat(headers).endsWith("X-Cairn-Tenant"));
      assertThat(node.send(preflight(node, "https://bad.example")).statusCode()).isEqualTo(405);
    }
  }

  private static HttpRequest preflight(TestNode node, String origin) {
    return node.request(
            "/v1/completions", "Origin", origin, "Access-Control-Request-Method", "POST")
        .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
        .build();
  }

  private static Optional<String> origin(HttpResponse<String> reply) {
    return reply.headers().firstValue("Access-Control-Allow-Origin");
  }
}
