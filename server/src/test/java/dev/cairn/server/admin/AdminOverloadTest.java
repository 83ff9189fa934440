package dev.cairn.server.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.RejectedException;
import dev.cairn.persistence.RequestSpec;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdminOverloadTest {
  private static final int MORE_THAN_THREADS = 200;

  @TempDir Path directory;

  @Test
  @DisplayName(
      "H18 clients have all connections, places and threads: the admin port answers and cancels")
  void answersUnderOverload() throws Exception {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    String small = "cairn.requests.max-unfinished = 2, cairn.http.server.max-connections = 2";
    CountDownLatch over = new CountDownLatch(1);
    try (AdminNode node = new AdminNode(directory, small).with(key)) {
      List<String> ids = new ArrayList<>();
      while (ids.size() < 2) {
        HttpResponse<InputStream> stream = stream(node);
        String id = stream.headers().firstValue("X-Request-Id").orElseThrow();
        if (AdminNode.json(node.post("/admin/requests/" + id + "/pause", ""))
            .get("state")
            .asText()
            .equals("paused")) {
          ids.add(id);
        } else {
          // It ended before the pause came, and its connection makes room for another one.
          stream.body().close();
        }
      }
      assertConnectionsAreTaken(node);
      RequestSpec more = RequestSpec.of("more", "m", node.node.model().fingerprint(), 1).build();
      assertThatThrownBy(() -> node.node.requests().submit(more).toCompletableFuture().join())
          .isInstanceOf(CompletionException.class)
          .cause()
          .isInstanceOfSatisfying(
              RejectedException.class,
              e -> assertThat(e.kind()).isEqualTo(RejectedException.Kind.QUEUE_FULL));
      Executor threads = node.node.system().classicSystem().dispatcher();
      for (int i = 0; i < MORE_THAN_THREADS; i++) {
        threads.execute(
            () -> {
              try {
                over.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
      }
      for (String path : List.of("/health/live", "/health/ready", "/metrics", "/admin/nodes")) {
        assertThat(node.get(path).statusCode()).as(path).isEqualTo(200);
      }
      over.countDown();
      for (String id : ids) {
        HttpResponse<String> cancelled = node.post("/admin/requests/" + id + "/cancel", "");
        assertThat(AdminNode.json(cancelled).get("finish_reason").asText()).isEqualTo("cancelled");
      }
    } finally {
      over.countDown();
    }
  }

  private static HttpResponse<InputStream> stream(AdminNode node) {
    return node.client()
        .sendAsync(
            HttpRequest.newBuilder(node.apiUrl().resolve("/v1/completions"))
                .version(java.net.http.HttpClient.Version.HTTP_1_1)
                .POST(
                    HttpRequest.BodyPublishers.ofString(
                        "{\"prompt\":\"Once\",\"max_tokens\":400,\"ignore_eos\":true,"
                            + "\"stream\":true}"))
                .build(),
            HttpResponse.BodyHandlers.ofInputStream())
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  private static void assertConnectionsAreTaken(AdminNode node) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", node.apiUrl().getPort())) {
      socket.setSoTimeout(500);
      socket
          .getOutputStream()
          .write(
              "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThatThrownBy(() -> socket.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);
    }
  }
}
