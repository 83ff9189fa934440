package dev.cairn.server.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.server.admin.AdminNode;
import dev.cairn.server.admin.AdminRole;
import dev.cairn.server.tracing.OtlpReceiver.Span;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Traces of a real server, as a collector gets them. */
class TracingTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SECRET = "albatross";

  @TempDir Path directory;

  private final OtlpReceiver collector = new OtlpReceiver();

  private AdminNode node(String more) {
    return new AdminNode(
        directory,
        "cairn.tracing { enabled = on, delay = 10 ms, endpoint = \""
            + collector.endpoint()
            + "\" }\ncairn.requests.linger = 1 h\n"
            + more);
  }

  private static String body(int tokens) {
    return "{\"prompt\":\"The "
        + SECRET
        + " saw\",\"ignore_eos\":true,\"temperature\":0,\"max_tokens\":"
        + tokens
        + "}";
  }

  private static HttpResponse<String> complete(AdminNode node, String body, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(node.apiUrl().resolve("/v1/completions"))
            .POST(HttpRequest.BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return node.client()
        .sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  private static String id(HttpResponse<String> reply) {
    return reply.headers().firstValue("X-Request-Id").orElseThrow();
  }

  private static void await(String what, BooleanSupplier there) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!there.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private List<Span> spans(String request) {
    await("spans of " + request, () -> !collector.of(request).isEmpty());
    return collector.of(request);
  }

  private static List<String> names(List<Span> spans) {
    return spans.stream().map(Span::name).collect(Collectors.toList());
  }

  private static Span named(List<Span> spans, String name) {
    return spans.stream().filter(span -> span.name().equals(name)).findFirst().orElseThrow();
  }

  private static void assertNested(List<Span> spans) {
    Span root = named(spans, "cairn.request");
    List<Span> phases =
        spans.stream()
            .filter(span -> span != root && !span.name().equals("commit"))
            .collect(Collectors.toList());
    assertThat(spans).allSatisfy(span -> assertThat(root.contains(span)).isTrue());
    assertThat(spans)
        .allSatisfy(span -> assertThat(span.endNanos()).isGreaterThanOrEqualTo(span.startNanos()));
    for (int i = 1; i < phases.size(); i++) {
      assertThat(phases.get(i).startNanos())
          .as("%s begins where %s ends", phases.get(i).name(), phases.get(i - 1).name())
          .isEqualTo(phases.get(i - 1).endNanos());
    }
  }

  @Test
  @DisplayName("a request's spans follow the client's trace, nest, and have no text")
  void oneRequest() {
    try (AdminNode node = node("")) {
      long before = System.currentTimeMillis();
      HttpResponse<String> reply =
          complete(
              node,
              body(24),
              "traceparent",
              "00-" + TRACE + "-00f067aa0ba902b7-01",
              "X-Cairn-Tenant",
              "acme");
      assertThat(reply.statusCode()).isEqualTo(200);
      List<Span> spans = spans(id(reply));
      assertThat(names(spans))
          .containsExactlyInAnyOrder("cairn.request", "queue", "prefill", "decode", "commit");
      assertThat(spans).allSatisfy(span -> assertThat(span.traceId()).isEqualTo(TRACE));
      assertNested(spans);
      Span root = named(spans, "cairn.request");
      assertThat(root.parent()).isEqualTo("00f067aa0ba902b7");
      assertThat(TimeUnit.NANOSECONDS.toMillis(root.startNanos()))
          .isBetween(before - 1000, System.currentTimeMillis());
      assertThat(root.attributes())
          .containsEntry("cairn.tenant", "acme")
          .containsEntry("gen_ai.usage.output_tokens", "24")
          .containsEntry("gen_ai.response.finish_reasons", "length")
          .containsKeys("gen_ai.request.model", "gen_ai.usage.input_tokens");
      assertThat(named(spans, "decode").attributes())
          .containsEntry("cairn.tokens", "24")
          .containsEntry("cairn.epoch", "1")
          .containsKey("cairn.device");
      Span commit = named(spans, "commit");
      assertThat(Integer.parseInt(commit.attribute("cairn.commits"))).isBetween(2, 25);
      assertThat(Double.parseDouble(commit.attribute("cairn.commit.seconds")))
          .isGreaterThanOrEqualTo(Double.parseDouble(commit.attribute("cairn.commit.max_seconds")))
          .isPositive();
      for (byte[] sent : collector.bodies) {
        assertThat(new String(sent, StandardCharsets.ISO_8859_1)).doesNotContain(SECRET);
      }
      await(
          "spans are counted",
          () ->
              node.get("/metrics")
                  .body()
                  .contains("cairn_trace_spans_total{result=\"exported\"} 5.0"));
    } finally {
      collector.close();
    }
  }

  @Test
  @DisplayName("a paused request has a span of its pause; after a restart another trace goes on")
  void pausedAndRestarted() {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    String id;
    try (AdminNode node = node("").with(key)) {
      id = background(node);
      assertThat(node.post("/admin/requests/" + id + "/pause", "").statusCode()).isEqualTo(200);
    }
    List<Span> first = spans(id);
    assertNested(first);
    assertThat(names(first)).startsWith("cairn.request").contains("queue", "paused", "commit");
    assertThat(named(first, "cairn.request").attributes())
        .containsEntry("cairn.interrupted", "true")
        .doesNotContainKeys("gen_ai.response.finish_reasons", "cairn.recovered");
    try (AdminNode node = node("").with(key)) {
      assertThat(node.post("/admin/requests/" + id + "/resume", "").statusCode()).isEqualTo(200);
      await(
          "the second life ended",
          () ->
              collector.spans.stream()
                  .anyMatch(s -> s.attributes().containsKey("cairn.recovered")));
      List<Span> second =
          spans(id).stream()
              .filter(s -> !s.traceId().equals(first.get(0).traceId()))
              .collect(Collectors.toList());
      assertNested(second);
      assertThat(names(second)).contains("cairn.request", "queue", "prefill", "decode");
      assertThat(named(second, "cairn.request").attributes())
          .containsEntry("cairn.recovered", "true")
          .containsEntry("gen_ai.response.finish_reasons", "length")
          .containsEntry("gen_ai.usage.output_tokens", "400");
    } finally {
      collector.close();
    }
  }

  private static String background(AdminNode node) {
    HttpRequest request =
        HttpRequest.newBuilder(node.apiUrl().resolve("/v1/responses"))
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"input\":\"Once\",\"background\":true,\"ignore_eos\":true,"
                        + "\"max_output_tokens\":400}"))
            .build();
    HttpResponse<String> reply =
        node.client()
            .sendAsync(request, HttpResponse.BodyHandlers.ofString())
            .orTimeout(60, TimeUnit.SECONDS)
            .join();
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return id(reply);
  }

  @Test
  @DisplayName(
      "preempted requests wait, compute and generate again, in spans whose number is bounded")
  void preempted() {
    try (AdminNode node = node("cairn.scheduling.max-running = 1, cairn.tracing.max-spans = 7")) {
      String low = body(500).replace("{", "{\"band\":\"batch\",");
      var running = java.util.concurrent.CompletableFuture.supplyAsync(() -> complete(node, low));
      await("it runs", () -> node.get("/metrics").body().contains("cairn_requests_running 1.0"));
      for (int i = 0; i < 4; i++) {
        complete(node, body(2).replace("{", "{\"band\":\"interactive\","));
      }
      List<Span> spans = spans(id(running.orTimeout(60, TimeUnit.SECONDS).join()));
      assertNested(spans);
      assertThat(spans).hasSizeLessThanOrEqualTo(7);
      assertThat(names(spans).stream().filter("queue"::equals).count()).isGreaterThan(1);
      assertThat(names(spans).stream().filter("prefill"::equals).count()).isGreaterThan(1);
      assertThat(Integer.parseInt(named(spans, "cairn.request").attribute("cairn.left_out_spans")))
          .isPositive();
    } finally {
      collector.close();
    }
  }

  @Test
  @DisplayName("a collector that refuses, and one that is gone, disturb nobody and are counted")
  void lost() {
    collector.status = 503;
    try (AdminNode node = node("cairn.tracing.timeout = 1 s")) {
      assertThat(complete(node, body(4)).statusCode()).isEqualTo(200);
      await(
          "failures are counted",
          () -> node.get("/metrics").body().contains("{result=\"failed\"} 5.0"));
      collector.close();
      assertThat(complete(node, body(4)).statusCode()).isEqualTo(200);
      await(
          "failures are counted",
          () -> node.get("/metrics").body().contains("{result=\"failed\"} 10.0"));
    }
  }

  @Test
  @DisplayName("spans that find too many waiting are dropped and counted; sampling is the client's")
  void bounded() {
    try (AdminNode node =
        node("cairn.tracing { max-queue = 1, max-batch = 1, delay = 1 h, sample-ratio = 0 }")) {
      assertThat(complete(node, body(4)).statusCode()).isEqualTo(200);
      String sampled = "00-" + TRACE + "-00f067aa0ba902b7-01";
      for (int i = 0; i < 20; i++) {
        assertThat(complete(node, body(1), "traceparent", sampled).statusCode()).isEqualTo(200);
      }
      await(
          "every span is counted",
          () -> {
            String page = node.get("/metrics").body();
            return value(page, "dropped") > 0
                && value(page, "dropped") + value(page, "exported") >= 20 * 5 - 1;
          });
      assertThat(collector.spans).allSatisfy(s -> assertThat(s.traceId()).isEqualTo(TRACE));
    } finally {
      collector.close();
    }
  }

  private static double value(String page, String result) {
    return page.lines()
        .filter(line -> line.startsWith("cairn_trace_spans_total{result=\"" + result))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }

  @Test
  @DisplayName("a key of tracing that makes no sense is refused by name")
  void settings() {
    for (String wrong :
        List.of(
            "endpoint = \"collector:4318\"",
            "sample-ratio = 1.5",
            "max-queue = 0",
            "max-batch = 5000",
            "max-spans = 4",
            "delay = 0 s",
            "timeout = 0 s")) {
      Config config =
          ConfigFactory.parseString("cairn.tracing { " + wrong + " }")
              .withFallback(ConfigFactory.load());
      assertThatThrownBy(() -> TracingSettings.from(config))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("cairn.tracing." + wrong.split(" ")[0]);
    }
    collector.close();
  }
}
