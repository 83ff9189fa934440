package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.TestNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What clients see of a node that is being emptied. */
@Timeout(120)
class DrainTest {
  private static CompletableFuture<HttpResponse<String>> start(TestNode node, String body) {
    int before = node.inMemory().readers();
    CompletableFuture<HttpResponse<String>> reply =
        node.client()
            .sendAsync(
                node.request("/v1/completions")
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    while (node.inMemory().readers() == before) {
      Thread.onSpinWait();
    }
    return reply;
  }

  @Test
  @DisplayName(
      "streams end behind an event, waiting calls get 503 and the request's id, none is cancelled")
  void elsewhere() throws Exception {
    try (TestNode node = new TestNode("hello ", "cairn.http.retry-after = 7 s")) {
      node.inMemory().manual();
      CompletableFuture<HttpResponse<String>> stream =
          start(node, "{\"prompt\":\"a\",\"stream\":true,\"on_disconnect\":\"cancel\"}");
      CompletableFuture<HttpResponse<String>> whole =
          start(node, "{\"prompt\":\"b\",\"on_disconnect\":\"cancel\"}");
      List<String> ids = node.inMemory().ids();
      ids.forEach(id -> node.inMemory().generate(id, 4));
      node.draining().set(true, true);
      String events = stream.get(60, TimeUnit.SECONDS).body();
      assertThat(events)
          .endsWith("\n\n")
          .doesNotContain("[DONE]")
          .doesNotContain("finish_reason\":\"");
      HttpResponse<String> sentAway = whole.get(60, TimeUnit.SECONDS);
      assertThat(sentAway.statusCode()).isEqualTo(503);
      assertThat(sentAway.headers().firstValue("Retry-After")).hasValue("7");
      assertThat(sentAway.headers().firstValue("X-Request-Id")).hasValue(ids.get(1));
      assertThat(node.get("/v1/requests/" + ids.get(0) + "/stream").statusCode()).isEqualTo(503);
      assertThat(node.get("/v1/requests/" + ids.get(0)).statusCode()).isEqualTo(200);
      for (String id : ids) {
        assertThat(node.inMemory().view(id).snapshot().finish()).as(id).isEmpty();
      }
      while (node.inMemory().readers() > 0) {
        Thread.onSpinWait();
      }

      node.draining().set(false, false);
      String last = events.substring(events.lastIndexOf("id: ") + 4);
      CompletableFuture<HttpResponse<String>> resumed =
          node.client()
              .sendAsync(
                  node.request("/v1/requests/" + ids.get(0) + "/stream")
                      .header("Last-Event-ID", last.substring(0, last.indexOf('\n')))
                      .GET()
                      .build(),
                  HttpResponse.BodyHandlers.ofString());
      node.inMemory().generate(ids.get(0), 1000);
      assertThat(
              Sse.text(Sse.events(events))
                  + Sse.text(Sse.events(resumed.get(60, TimeUnit.SECONDS).body())))
          .isEqualTo("hello hello hell");
    }
  }

  @Test
  @DisplayName("a node with no other to send clients to lets them follow to the end")
  void nowhereElse() throws Exception {
    try (TestNode node = new TestNode("hello ", "")) {
      node.inMemory().manual();
      CompletableFuture<HttpResponse<String>> stream =
          start(node, "{\"prompt\":\"a\",\"stream\":true}");
      node.draining().set(true, false);
      node.inMemory().generate(node.inMemory().ids().get(0), 1000);
      assertThat(stream.get(60, TimeUnit.SECONDS).body()).contains("[DONE]");
    }
  }
}
