package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.RejectedException;
import dev.cairn.cluster.TenantSettings;
import dev.cairn.server.TestNode;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What tenants and keys may ask for in a minute. */
class RateLimitsTest {
  /** Two tokens of prompt, the beginning among them, and four to generate. */
  private static final String BODY = "{\"prompt\":\"a\",\"max_tokens\":4}";

  @TempDir Path directory;

  private static HttpResponse<String> ask(TestNode node, String tenant) {
    return node.post("/v1/completions", BODY, "X-Cairn-Tenant", tenant);
  }

  private static String header(HttpResponse<String> reply, String name) {
    return reply.headers().firstValue(name).orElse("");
  }

  @Test
  @DisplayName(
      "requests a minute: 429 with Retry-After and OpenAI's headers, until some time passed")
  void requests() {
    try (TestNode node = new TestNode("text", "cairn.tenants.a.requests-per-minute = 2")) {
      HttpResponse<String> first = ask(node, "a");
      assertThat(first.statusCode()).isEqualTo(200);
      assertThat(header(first, "x-ratelimit-limit-requests")).isEqualTo("2");
      assertThat(header(first, "x-ratelimit-remaining-requests")).isEqualTo("1");
      assertThat(header(first, "x-ratelimit-reset-requests")).matches("30s|29\\.\\d+s");
      assertThat(header(first, "x-ratelimit-limit-tokens")).isEmpty();
      assertThat(ask(node, "a").statusCode()).isEqualTo(200);
      HttpResponse<String> refused = ask(node, "a");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(Integer.parseInt(header(refused, "Retry-After"))).isBetween(25, 30);
      assertThat(header(refused, "x-ratelimit-remaining-requests")).isEqualTo("0");
      assertThat(refused.body())
          .contains("\"type\":\"requests\"", "\"code\":\"rate_limit_exceeded\"")
          .contains("tenant 'a' may ask for 2 requests a minute at this gateway");
      // Whoever asks for something else, or is somebody else, is not meant.
      assertThat(ask(node, "b").statusCode()).isEqualTo(200);
      assertThat(header(ask(node, "b"), "x-ratelimit-limit-requests")).isEmpty();
      assertThat(node.get("/v1/models", "X-Cairn-Tenant", "a").statusCode()).isEqualTo(200);
      node.skip(TimeUnit.SECONDS.toNanos(30));
      assertThat(ask(node, "a").statusCode()).isEqualTo(200);
      assertThat(ask(node, "a").statusCode()).isEqualTo(429);
      assertThat(node.metrics().scrape())
          .contains("cairn_tenant_refused_total{bound=\"requests\",tenant=\"a\"} 2");
    }
  }

  @Test
  @DisplayName(
      "tokens a minute: a call counts with all it may generate; a large one is taken alone")
  void tokens() {
    try (TestNode node = new TestNode("text", "cairn.tenants.default.tokens-per-minute = 12")) {
      HttpResponse<String> first = ask(node, "a");
      assertThat(header(first, "x-ratelimit-remaining-tokens")).isEqualTo("6");
      assertThat(header(ask(node, "a"), "x-ratelimit-remaining-tokens")).isEqualTo("0");
      HttpResponse<String> refused = ask(node, "a");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.body()).contains("\"type\":\"tokens\"", "asks for 6 more");
      assertThat(Integer.parseInt(header(refused, "Retry-After"))).isBetween(25, 30);
      node.skip(TimeUnit.MINUTES.toNanos(1));
      String large = "{\"prompt\":\"a\",\"max_tokens\":4,\"n\":3}";
      assertThat(node.post("/v1/completions", large, "X-Cairn-Tenant", "a").statusCode())
          .isEqualTo(200);
      // 18 of 12 were taken: 6 in debt, and 6 are needed.
      assertThat(Integer.parseInt(header(ask(node, "a"), "Retry-After"))).isBetween(55, 60);
      assertThat(ask(node, "b").statusCode()).isEqualTo(200);
    }
  }

  @Test
  @DisplayName("a key's own bounds count beside its tenant's, on every route that makes requests")
  void keys() throws IOException {
    Path file = directory.resolve("api.keys");
    String config =
        "cairn.http.keys.file = \"" + file + "\", cairn.tenants.acme.requests-per-minute = 3";
    String secret = "cairn-secret";
    ApiKey.file(file)
        .add(new ApiKey("real", ApiRole.USER, KeyText.hash(secret), "acme", 1, 0, 2.5));
    try (TestNode node = new TestNode("text", config)) {
      String[] key = {"Authorization", "Bearer " + secret};
      HttpResponse<String> first =
          node.post("/v1/responses", "{\"input\":\"a\",\"max_output_tokens\":4}", key);
      assertThat(first.statusCode()).isEqualTo(200);
      assertThat(header(first, "x-ratelimit-limit-requests")).isEqualTo("1");
      assertThat(node.inMemory().view(header(first, "X-Request-Id")).spec().scheduling().weight())
          .isEqualTo(2.5);
      HttpResponse<String> refused = node.post("/v1/completions", BODY, key);
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.body()).contains("key 'real' may ask for 1 requests a minute");
    }
  }

  @Test
  @DisplayName("a call that is wrong, or refused by one bound, uses nothing of any")
  void refusedCallsUseNothing() {
    String config = "cairn.tenants.a { requests-per-minute = 2, tokens-per-minute = 7 }";
    try (TestNode node = new TestNode("text", config)) {
      assertThat(
              node.post("/v1/completions", "{\"max_tokens\":4}", "X-Cairn-Tenant", "a")
                  .statusCode())
          .isEqualTo(400);
      assertThat(header(ask(node, "a"), "x-ratelimit-remaining-requests")).isEqualTo("1");
      assertThat(header(ask(node, "a"), "x-ratelimit-remaining-requests")).isEqualTo("1");
    }
  }

  @Test
  @DisplayName("a tenant with too many that wait gets 429 that says so")
  void queueIsFull() {
    try (TestNode node = new TestNode("text", "cairn.http.retry-after = 3 s")) {
      node.inMemory()
          .refuseWith(
              new RejectedException(RejectedException.Kind.TENANT_QUEUE_FULL, "2 requests wait"));
      HttpResponse<String> refused = ask(node, "a");
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(header(refused, "Retry-After")).isEqualTo("3");
      assertThat(refused.body()).contains("\"code\":\"tenant_queue_full\"", "2 requests wait");
      assertThat(node.metrics().scrape())
          .contains("cairn_tenant_refused_total{bound=\"queue\",tenant=\"a\"} 1");
    }
  }

  @Test
  @DisplayName("no more tenants are remembered than are configured")
  void bounded() {
    TenantSettings settings =
        TenantSettings.from(
            ConfigFactory.parseString("cairn.tenants.default.requests-per-minute = 1")
                .withFallback(ConfigFactory.load()),
            "m");
    RateLimits rates = new RateLimits(settings, 2, () -> 0);
    for (int i = 0; i < 5; i++) {
      Caller caller = new Caller("t" + i, false, Optional.empty());
      assertThat(rates.take(caller, 1).refused()).isEmpty();
      assertThat(rates.take(caller, 1).refused()).isPresent();
    }
    // Four buckets are kept; of t0 nothing is known any more.
    assertThat(rates.take(new Caller("t4", false, Optional.empty()), 1).refused()).isPresent();
    assertThat(rates.take(new Caller("t0", false, Optional.empty()), 1).refused()).isEmpty();
  }

  @Test
  void durationsAreWrittenAsOpenAiDoes() {
    assertThat(RateLimits.duration(0)).isEqualTo("0ms");
    assertThat(RateLimits.duration(19_500_000L)).isEqualTo("20ms");
    assertThat(RateLimits.duration(7_660_000_000L)).isEqualTo("7.66s");
    assertThat(RateLimits.duration(360_000_000_000L)).isEqualTo("6m0s");
    assertThat(RateLimits.seconds(1)).isOne();
    assertThat(RateLimits.seconds(1_000_000_001L)).isEqualTo(2);
  }
}
