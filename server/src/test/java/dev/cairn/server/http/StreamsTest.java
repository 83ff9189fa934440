package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class StreamsTest {
  private static final String OUTPUT = "Grüße, 世界! 🪨 ENDE und END. ";
  private TestNode node;

  @BeforeEach
  void start() {
    node = new TestNode(OUTPUT, "");
  }

  @AfterEach
  void stop() {
    node.close();
  }

  @Test
  @DisplayName(
      "a resume after any event gives exactly the remaining bytes; no other index is taken")
  void resumeAtEveryIndex() {
    node.inMemory().manual();
    for (String stop : List.of("[]", "[\"END.\",\"界! x\"]")) {
      String id =
          begin("{\"prompt\":\"hi\",\"max_tokens\":60,\"stop\":" + stop + ",\"stream\":true}");
      CompletableFuture<String> live = stream("/v1/requests/" + id + "/stream");
      eventually(() -> node.inMemory().view(id).readers() == 1);
      for (int i = 0; i < 60; i++) {
        node.inMemory().generate(id, 1);
      }
      List<Sse.Event> all = Sse.events(live.join());
      String text = Sse.text(all);
      int size = node.inMemory().view(id).snapshot().tokens().size();
      int boundary = 0;
      for (int after = 0; after <= size; after++) {
        HttpResponse<String> reply =
            node.get("/v1/requests/" + id + "/stream", "Last-Event-ID", "" + after);
        if (reply.statusCode() == 400) {
          assertThat(Sse.json(reply.body()).get("error").get("message").asText())
              .endsWith("the nearest lower index is " + boundary + ".");
        } else {
          boundary = after;
          String rest = Sse.text(Sse.events(reply.body()));
          assertThat(text).endsWith(rest);
          String before = text.substring(0, text.length() - rest.length());
          if (after < size) {
            assertThat(before.getBytes(StandardCharsets.UTF_8)).hasSize(after);
          } else {
            assertThat(rest).isEmpty();
          }
        }
      }
      assertThat(boundary).isEqualTo(size);
      for (Sse.Event event : all) {
        assertThat(node.get("/v1/requests/" + id + "/stream?after=" + event.id()).statusCode())
            .isEqualTo(200);
      }
    }
  }

  @Test
  @DisplayName("an index outside of the committed tokens is refused with the range")
  void resumeOutOfRange() {
    String id = begin("{\"prompt\":\"hi\",\"max_tokens\":5}");
    for (String after : List.of("-1", "6", "99999999999", "x")) {
      HttpResponse<String> reply = node.get("/v1/requests/" + id + "/stream?after=" + after);
      assertThat(reply.statusCode()).isEqualTo(400);
      assertThat(Sse.json(reply.body()).get("error").get("param").asText()).isEqualTo("after");
    }
  }

  @Test
  @DisplayName("tokens that come while nobody asks reach the reader in one event")
  void batches() {
    node.inMemory().manual();
    String id = begin("{\"prompt\":\"hi\",\"max_tokens\":16,\"stream\":true}");
    node.inMemory().generate(id, 9);
    CompletableFuture<String> reply = stream("/v1/requests/" + id + "/stream");
    eventually(() -> node.inMemory().view(id).readers() == 1);
    node.inMemory().generate(id, 7);
    List<Sse.Event> events = Sse.events(reply.join());
    assertThat(events.size()).isLessThanOrEqualTo(3);
    assertThat(Sse.text(events)).isEqualTo("Grüße, 世界!");
  }

  @Test
  @DisplayName("an idle stream sends comments")
  void heartbeat() throws IOException {
    node.close();
    node = new TestNode(OUTPUT, "cairn.http.heartbeat = 50 ms");
    node.inMemory().manual();
    try (Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
      socket.setSoTimeout(60_000);
      send(socket, "{\"prompt\":\"hi\",\"stream\":true}");
      assertThat(readUntil(socket.getInputStream(), "\n:\n\n")).contains("text/event-stream");
    }
  }

  @Test
  @DisplayName("R16 a client that leaves ends its request where it asked for that, and only there")
  void disconnect() throws IOException {
    node.inMemory().manual();
    for (String stream : List.of("true", "false")) {
      for (String wish : List.of("cancel", "continue")) {
        int before = node.inMemory().size();
        Socket socket = new Socket("127.0.0.1", node.server().address().getPort());
        send(
            socket,
            "{\"prompt\":\"hi\",\"stream\":" + stream + ",\"on_disconnect\":\"" + wish + "\"}");
        eventually(() -> node.inMemory().size() == before + 1 && node.inMemory().readers() == 1);
        String id = node.inMemory().ids().get(before);
        node.inMemory().generate(id, 2);
        socket.close();
        eventually(() -> node.inMemory().readers() == 0);
        boolean cancels = wish.equals("cancel");
        if (cancels) {
          eventually(() -> node.inMemory().view(id).snapshot().finish().isPresent());
        }
        JsonNode status = Sse.json(node.get("/v1/requests/" + id).body());
        assertThat(status.get("finish_reason").asText("none"))
            .isEqualTo(cancels ? "cancelled" : "none");
      }
    }
  }

  @Test
  @DisplayName("a client that asks for the connection to be closed gets its reply first")
  void connectionClose() throws IOException {
    node.inMemory().manual();
    for (String version : List.of("1.1", "1.0")) {
      int before = node.inMemory().size();
      try (Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
        socket.setSoTimeout(60_000);
        String body = "{\"prompt\":\"hi\",\"max_tokens\":5,\"on_disconnect\":\"cancel\"}";
        String head =
            "POST /v1/completions HTTP/" + version + "\r\nHost: localhost\r\nConnection: close\r\n";
        socket
            .getOutputStream()
            .write(
                (head + "Content-Length: " + body.length() + "\r\n\r\n" + body)
                    .getBytes(StandardCharsets.US_ASCII));
        eventually(() -> node.inMemory().size() == before + 1 && node.inMemory().readers() == 1);
        node.inMemory().generate(node.inMemory().ids().get(before), 5);
        assertThat(readUntil(socket.getInputStream(), "total_tokens")).contains("length");
      }
    }
  }

  @Test
  @DisplayName("R16 a thousand streams end, and no subscription is left")
  void thousandStreams() {
    node.inMemory().manual();
    String id = begin("{\"prompt\":\"hi\",\"max_tokens\":200,\"stream\":true}");
    List<CompletableFuture<String>> streams = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      streams.add(stream("/v1/requests/" + id + "/stream"));
      if (i % 10 == 0) {
        node.inMemory().generate(id, 1);
      }
    }
    eventually(() -> node.inMemory().readers() == 1000);
    node.inMemory().generate(id, 200);
    String text = Sse.text(Sse.events(streams.get(0).join()));
    assertThat(text).hasSizeGreaterThan(100);
    for (CompletableFuture<String> stream : streams) {
      assertThat(Sse.text(Sse.events(stream.join()))).isEqualTo(text);
    }
    eventually(() -> node.inMemory().readers() == 0);
  }

  @Test
  @DisplayName("R16 a wakeup after the end of a stream does nothing")
  void wakeupAfterEnd() {
    node.inMemory().manual();
    String id = begin("{\"prompt\":\"hi\",\"max_tokens\":8,\"stream\":true}");
    CompletableFuture<String> reply = stream("/v1/requests/" + id + "/stream");
    node.inMemory().generate(id, 8);
    node.inMemory().publishAgain(id);
    reply.join();
    node.inMemory().publishAgain(id);
    eventually(() -> node.inMemory().readers() == 0);
    assertThat(node.get("/v1/requests/" + id).statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("a client that does not read costs one subscription, and delays nobody")
  void slowReader() throws IOException {
    node.inMemory().manual();
    try (Socket slow = new Socket()) {
      slow.setReceiveBufferSize(1024);
      slow.connect(node.server().address());
      slow.setSoTimeout(60_000);
      String body =
          "{\"prompt\":\"hi\",\"max_tokens\":590,\"stream\":true,\"logprobs\":20,\"ignore_eos\":true}";
      send(slow, body);
      eventually(() -> node.inMemory().readers() == 1);
      String id = node.inMemory().ids().get(0);
      CompletableFuture<String> quick = stream("/v1/requests/" + id + "/stream");
      eventually(() -> node.inMemory().readers() == 2);
      for (int i = 0; i < 590; i++) {
        node.inMemory().generate(id, 1);
      }
      String text = Sse.text(Sse.events(quick.join()));
      // Enough of being slow: a kibibyte a round trip would take a minute at times.
      slow.setReceiveBufferSize(1 << 20);
      String raw = readUntil(slow.getInputStream(), "[DONE]");
      StringBuilder events = new StringBuilder();
      raw.lines()
          .filter(line -> line.startsWith("id: ") || line.startsWith("data: "))
          .forEach(
              line -> events.append(line.startsWith("id") ? "\n" : "").append(line).append('\n'));
      assertThat(Sse.text(Sse.events(events.toString()))).isEqualTo(text);
    }
  }

  @Test
  @DisplayName("a request that failed says so in its stream and answers 500")
  void failure() {
    node.inMemory().manual();
    String id = begin("{\"prompt\":\"hi\",\"stream\":true}");
    node.inMemory().generate(id, 3);
    node.inMemory().fail(id, "The logits were not finite.");
    List<Sse.Event> events = Sse.events(node.get("/v1/requests/" + id + "/stream").body());
    assertThat(events.get(0).json().get("choices").get(0).get("finish_reason").asText())
        .isEqualTo("error");
    assertThat(events.get(1).json().get("error").get("message").asText())
        .isEqualTo("The logits were not finite.");
    assertThat(events.get(2).data()).isEqualTo("[DONE]");
  }

  /** Posts a request and reads no further than the head of the reply. */
  private String begin(String body) {
    HttpResponse<InputStream> reply =
        node.client()
            .sendAsync(
                node.request("/v1/completions")
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build(),
                HttpResponse.BodyHandlers.ofInputStream())
            .join();
    try {
      reply.body().close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    String id = reply.headers().firstValue("X-Request-Id").orElseThrow();
    eventually(() -> node.inMemory().view(id).readers() == 0);
    return id;
  }

  private CompletableFuture<String> stream(String path) {
    return node.client()
        .sendAsync(node.request(path).build(), HttpResponse.BodyHandlers.ofString())
        .thenApply(HttpResponse::body)
        .orTimeout(240, TimeUnit.SECONDS);
  }

  private static void send(Socket socket, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Content-Length: "
            + bytes.length
            + "\r\n\r\n";
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
  }

  private static String readUntil(InputStream in, String end) throws IOException {
    StringBuilder read = new StringBuilder();
    byte[] buffer = new byte[8192];
    while (read.indexOf(end) < 0) {
      int n = in.read(buffer);
      assertThat(n).as("end of stream after: " + read).isPositive();
      read.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
    }
    return new String(
        read.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  private static void eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited 60 s").isLessThan(end);
      LockSupport.parkNanos(1_000_000);
    }
  }
}
