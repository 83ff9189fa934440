package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.Sampling;
import dev.cairn.server.TestNode;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SettingsTest {
  @Test
  @DisplayName("L13 a body that takes longer than body-timeout gets 408")
  void bodyTimeout() throws IOException {
    try (TestNode node = new TestNode("text", "cairn.http.body-timeout = 50 ms");
        Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
      String head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      assertThat(firstLine(socket)).contains(" 408 ");
    }
  }

  @Test
  @DisplayName("the sampling section is what a request gets that names no parameter")
  void sampling() {
    String section =
        "cairn.sampling { temperature = 0.1, top-k = 2, top-p = 0.3, min-p = 0.04,"
            + " repetition-penalty = 1.5, presence-penalty = 0.6, frequency-penalty = 0.7 }";
    try (TestNode node = new TestNode("text", section)) {
      node.post("/v1/completions", "{\"prompt\":\"hi\"}");
      assertThat(node.inMemory().view(node.inMemory().ids().get(0)).spec().sampling())
          .isEqualTo(new Sampling(0.1f, 2, 0.3f, 0.04f, 1.5f, 0.6f, 0.7f));
    }
  }

  @Test
  @DisplayName("L13 a stopping server cuts off what has not ended within stop-timeout, uncancelled")
  void stopTimeout() throws IOException {
    try (TestNode node = new TestNode("text", "cairn.http.stop-timeout = 80 ms");
        Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
      node.inMemory().manual();
      String body = "{\"prompt\":\"hi\",\"on_disconnect\":\"cancel\"}";
      String head =
          "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: "
              + body.length()
              + "\r\n\r\n";
      socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
      while (node.inMemory().readers() == 0) {
        Thread.onSpinWait();
      }
      CompletableFuture<?> stopped = node.server().stop().toCompletableFuture();
      stopped.orTimeout(60, TimeUnit.SECONDS).join();
      String id = node.inMemory().ids().get(0);
      assertThat(node.inMemory().view(id).snapshot().finish()).isEmpty();
    }
  }

  @Test
  @DisplayName("a request that HTTP itself refuses gets an error in the form of the others")
  void malformedHttp() throws IOException {
    try (TestNode node = new TestNode("text", "")) {
      for (String head :
          new String[] {
            "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + "y".repeat(20_000) + "\r\n\r\n",
            "GET /" + "a".repeat(10_000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
          }) {
        try (Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
          socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
          socket.setSoTimeout(60_000);
          String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
          assertThat(reply).startsWith("HTTP/1.1 4").contains("application/json");
          String json = reply.substring(reply.indexOf("\r\n\r\n") + 4);
          assertThat(Sse.json(json).get("error").get("message").asText()).isNotBlank();
        }
      }
    }
  }

  private static String firstLine(Socket socket) throws IOException {
    socket.setSoTimeout(60_000);
    StringBuilder line = new StringBuilder();
    for (int c = socket.getInputStream().read();
        c >= 0 && c != '\n';
        c = socket.getInputStream().read()) {
      line.append((char) c);
    }
    return line.toString();
  }
}
