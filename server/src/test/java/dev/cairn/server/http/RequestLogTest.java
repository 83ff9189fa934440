package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import dev.cairn.server.TestNode;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class RequestLogTest {
  private static final String ON = "cairn.http.request-log.enabled = on\n";
  private static final String BODY = "{\"prompt\":\"albatross\",\"max_tokens\":6%s}";

  @TempDir Path directory;

  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger(RequestLog.NAME);
  private final AppenderBase<ILoggingEvent> kept =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          lines.add(event.getFormattedMessage());
        }
      };

  @BeforeEach
  void listen() {
    kept.start();
    logger.addAppender(kept);
  }

  @AfterEach
  void stop() {
    logger.detachAppender(kept);
  }

  /** The line with this number, once it is there. */
  private JsonNode line(int number) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (lines.size() <= number) {
      assertThat(System.nanoTime()).as(lines.toString()).isLessThan(deadline);
      Thread.onSpinWait();
    }
    assertThat(lines.get(number)).doesNotContain("\n", "\r");
    try {
      return new ObjectMapper().readTree(lines.get(number));
    } catch (IOException e) {
      throw new UncheckedIOException(lines.get(number), e);
    }
  }

  @Test
  @DisplayName("each call has a line with who, what, how long and how much, and no text")
  void calls() {
    try (TestNode node = new TestNode("gull ", ON)) {
      long before = System.currentTimeMillis();
      HttpResponse<String> reply =
          node.post("/v1/completions", BODY.formatted(""), "X-Cairn-Tenant", "acme");
      assertThat(reply.statusCode()).isEqualTo(200);
      JsonNode line = line(0);
      assertThat(java.time.Instant.parse(line.get("time").asText()).toEpochMilli())
          .isBetween(before, System.currentTimeMillis());
      assertThat(line.get("request_id").asText())
          .isEqualTo(reply.headers().firstValue("X-Request-Id").orElseThrow());
      assertThat(line.get("method").asText()).isEqualTo("POST");
      assertThat(line.get("route").asText()).isEqualTo("/v1/completions");
      assertThat(line.get("status").asInt()).isEqualTo(200);
      assertThat(line.get("stream").asBoolean()).isFalse();
      assertThat(line.get("tenant").asText()).isEqualTo("acme");
      assertThat(line.get("key").isNull()).isTrue();
      assertThat(line.get("remote_address").asText()).isEqualTo("127.0.0.1");
      assertThat(line.get("prompt_tokens").asInt()).isEqualTo(10);
      assertThat(line.get("output_tokens").asInt()).isEqualTo(6);
      assertThat(line.get("finish_reason").asText()).isEqualTo("length");
      double first = line.get("time_to_first_token_seconds").asDouble();
      assertThat(line.get("duration_seconds").asDouble()).isGreaterThanOrEqualTo(first);
      assertThat(node.post("/v1/completions", BODY.formatted(",\"stream\":true")).statusCode())
          .isEqualTo(200);
      JsonNode stream = line(1);
      assertThat(stream.get("stream").asBoolean()).isTrue();
      assertThat(stream.get("output_tokens").asInt()).as("when it is over").isEqualTo(6);
      String id = line.get("request_id").asText();
      assertThat(node.get("/v1/requests/" + id).statusCode()).isEqualTo(200);
      assertThat(line(2).get("route").asText()).isEqualTo("/v1/requests/{id}");
      assertThat(node.get("/nowhere/albatross").statusCode()).isEqualTo(404);
      assertThat(line(3).get("route").isNull()).isTrue();
      assertThat(line(3).get("status").asInt()).isEqualTo(404);
      assertThat(node.get("/metrics").statusCode()).isEqualTo(200);
      assertThat(node.get("/health/ready").statusCode()).isEqualTo(200);
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(200);
      assertThat(line(4).get("route").asText()).isEqualTo("/v1/models");
      assertThat(lines).hasSize(5).noneMatch(each -> each.contains("albatross"));
      assertThat(lines).noneMatch(each -> each.contains("gull"));
    }
  }

  @Test
  @DisplayName("texts are there where they are asked for, cut, and can forge no line")
  void texts() {
    try (TestNode node =
        new TestNode(
            "gull\n{\"status\":1}",
            ON + "cairn.http.request-log { include-text = on, max-text-characters = 7 }")) {
      String forged =
          "{\"prompt\":\"a\\n{\\\"b\\\":1}\\u0000\",\"max_tokens\":6,\"user\":\"x\\ny\"}";
      assertThat(node.post("/v1/completions", forged).statusCode()).isEqualTo(200);
      JsonNode line = line(0);
      assertThat(line.get("outputs").get(0).asText()).isEqualTo("gull\n{");
      assertThat(line.get("prompt").asText()).hasSize(8).endsWith("…");
    }
  }

  @Test
  @DisplayName("a key is there by its name, never itself; without the log nothing is written")
  void keys() throws IOException {
    String key = KeyText.fresh(new SecureRandom());
    Path file = directory.resolve("api.keys");
    ApiKey.file(file).add(key(key));
    String keys = "cairn.http.keys.file = \"" + file + "\"\n";
    try (TestNode node = new TestNode("text", ON + keys)) {
      String bearer = "Bearer " + key;
      assertThat(
              node.post("/v1/completions", BODY.formatted(""), "Authorization", bearer)
                  .statusCode())
          .isEqualTo(200);
      assertThat(line(0).get("key").asText()).isEqualTo("ada");
      assertThat(line(0).get("tenant").asText()).isEqualTo("acme");
      assertThat(node.post("/v1/completions", "{}", "Authorization", "Bearer nobody").statusCode())
          .isEqualTo(401);
      assertThat(line(1).get("status").asInt()).isEqualTo(401);
      assertThat(lines).noneMatch(each -> each.contains(key) || each.contains("nobody"));
    }
    lines.clear();
    try (TestNode node = new TestNode("text", "")) {
      assertThat(node.post("/v1/completions", BODY.formatted("")).statusCode()).isEqualTo(200);
    }
    assertThat(lines).isEmpty();
    assertThatThrownBy(
            () ->
                HttpSettings.from(
                    ConfigFactory.parseString("cairn.http.request-log.max-text-characters = 0")
                        .withFallback(ConfigFactory.load())))
        .hasMessageContaining("cairn.http.request-log.max-text-characters is 0");
  }

  private static ApiKey key(String key) {
    return new ApiKey("ada", ApiRole.USER, KeyText.hash(key), "acme", 0, 0, 0);
  }
}
