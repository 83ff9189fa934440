package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NewestFilter;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.persistence.Band;
import dev.cairn.request.Snapshot;
import dev.cairn.server.TestNode;
import dev.cairn.server.admin.DashboardRoutes;
import dev.cairn.server.admin.DashboardSettings;
import dev.cairn.server.admin.Overview;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard's files, and what it is told; tests of the page itself are in the module tests. */
class DashboardTest {
  private static final Path FILES = Path.of("src/main/resources/dev/cairn/server/dashboard");
  private static final String BODY = "{\"prompt\":\"a\",\"max_tokens\":4}";

  @TempDir Path directory;

  private static JsonNode state(TestNode node, String query, String... headers) {
    HttpResponse<String> reply = node.get("/dashboard/state" + query, headers);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    assertThat(reply.headers().firstValue("Cache-Control")).hasValue("no-store");
    return Sse.json(reply.body());
  }

  private static String create(TestNode node, String... headers) {
    HttpResponse<String> reply = node.post("/v1/responses", background(), headers);
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return node.inMemory().ids().get(node.inMemory().size() - 1);
  }

  private static String background() {
    return "{\"input\":\"a\",\"max_output_tokens\":4,\"background\":true}";
  }

  @Test
  @DisplayName("every file is served under a strict policy, and not again to who has it")
  void files() throws IOException {
    try (TestNode node = new TestNode("text", "");
        Stream<Path> files = Files.list(FILES)) {
      List<String> paths =
          files
              .map(file -> file.getFileName().toString())
              .map(name -> name.equals("index.html") ? "/" : "/dashboard/" + name)
              .toList();
      assertThat(paths).hasSizeGreaterThan(8).contains("/");
      for (String path : paths) {
        HttpResponse<String> reply = node.get(path);
        assertThat(reply.statusCode()).as(path).isEqualTo(200);
        assertThat(reply.body()).isNotEmpty();
        assertThat(reply.headers().firstValue("Content-Security-Policy").orElseThrow())
            .contains("default-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for")
            .doesNotContain("unsafe", "http:", "https:", "*");
        assertThat(reply.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
        assertThat(reply.headers().firstValue("Cache-Control")).hasValue("no-cache");
        String tag = reply.headers().firstValue("ETag").orElseThrow();
        assertThat(tag).matches("\"[0-9a-f]{32}\"");
        for (String has : List.of(tag, "W/" + tag, "\"other\", " + tag, "*")) {
          HttpResponse<String> again = node.get(path, "If-None-Match", has);
          assertThat(again.statusCode()).as(has).isEqualTo(304);
          assertThat(again.body()).isEmpty();
          assertThat(again.headers().firstValue("ETag")).hasValue(tag);
        }
        assertThat(node.get(path, "If-None-Match", "\"other\"").statusCode()).isEqualTo(200);
      }
      assertThat(node.get("/dashboard/none.js").statusCode()).isEqualTo(404);
      assertThat(node.get("/dashboard/..%2fapp.js").statusCode()).isEqualTo(404);
      assertThat(node.post("/", "").statusCode()).isEqualTo(405);
    }
  }

  @Test
  @DisplayName("no file names another host, and none turns text into markup or code")
  void sources() throws IOException {
    try (Stream<Path> files = Files.list(FILES)) {
      for (Path file : files.toList()) {
        String text = Files.readString(file).replace("http://www.w3.org/2000/svg", "");
        assertThat(text)
            .as(file.toString())
            .doesNotContain("//www", "http://", "https://", "@import", "innerHTML", "outerHTML")
            .doesNotContain("insertAdjacentHTML", "document.write", "eval(", "new Function")
            .doesNotContain(" style=", " onclick=", "javascript:");
      }
    }
  }

  @Test
  @DisplayName("the page asks for no key; what it shows does, and is the tenant's own")
  void keys() throws IOException {
    Path file = directory.resolve("api.keys");
    for (ApiRole role : List.of(ApiRole.VIEWER, ApiRole.ADMIN)) {
      String name = role.text();
      ApiKey.file(file).add(new ApiKey(name, role, KeyText.hash("the-" + name), "acme", 0, 0, 0));
    }
    ApiKey.file(file)
        .add(new ApiKey("other", ApiRole.USER, KeyText.hash("the-other"), "globex", 0, 0, 0));
    try (TestNode node = new TestNode("text", "cairn.http.keys.file = \"" + file + "\"")) {
      node.inMemory().manual();
      String[] admin = {"Authorization", "Bearer the-admin"};
      String mine = create(node, admin);
      String theirs = create(node, "Authorization", "Bearer the-other");
      assertThat(node.get("/").statusCode()).isEqualTo(200);
      assertThat(node.get("/dashboard/app.js").statusCode()).isEqualTo(200);
      assertThat(node.get("/dashboard/state").statusCode()).isEqualTo(401);

      JsonNode viewer = state(node, "", "Authorization", "Bearer the-viewer");
      assertThat(viewer.get("tenant").asText()).isEqualTo("acme");
      assertThat(viewer.at("/requests/data").findValuesAsText("id")).containsExactly(mine);
      assertThat(viewer.at("/requests/counts/accepted").asInt()).isEqualTo(1);
      for (String shared : List.of("nodes", "devices", "journals", "unanswered")) {
        assertThat(viewer.get(shared)).as(shared).isEmpty();
      }
      JsonNode all = state(node, "", admin);
      assertThat(all.get("tenant").isNull()).isTrue();
      assertThat(all.at("/requests/data").findValuesAsText("id"))
          .containsExactlyInAnyOrder(theirs, mine);
      for (String shared : List.of("nodes", "devices", "journals", "unanswered")) {
        assertThat(all.get(shared)).as(shared).hasSize(1);
      }
      assertThat(all.at("/devices/0/paused").asBoolean()).isTrue();
      assertThat(all.at("/devices/0/kv_tokens_used").asInt()).isEqualTo(96);
    }
  }

  @Test
  @DisplayName("without keys a name that is not this machine's is refused, unless keys are off")
  void otherNames() throws IOException {
    try (TestNode node = new TestNode("text", "")) {
      assertThat(raw(node, "/dashboard/state", "evil.example")).startsWith("HTTP/1.1 403");
      assertThat(raw(node, "/dashboard/state", "localhost:1")).startsWith("HTTP/1.1 200");
      assertThat(raw(node, "/", "evil.example")).startsWith("HTTP/1.1 200");
    }
    try (TestNode node = new TestNode("text", "cairn.http.keys.mode = off")) {
      assertThat(raw(node, "/dashboard/state", "api.example")).startsWith("HTTP/1.1 200");
    }
  }

  /** The beginning of the reply to a request with a Host that clients do not send. */
  private static String raw(TestNode node, String path, String host) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", node.server().address().getPort())) {
      socket.setSoTimeout(60_000);
      OutputStream out = socket.getOutputStream();
      String head = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
      out.write(head.getBytes(StandardCharsets.US_ASCII));
      out.flush();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  @DisplayName(
      "so many rows as max-rows says, of the state that was asked for, and a count of more")
  void rows() {
    String settings = "cairn.dashboard { max-rows = 2, refresh = 7 s }";
    try (TestNode node = new TestNode("text", settings)) {
      node.inMemory().manual();
      List<String> ids = Stream.generate(() -> create(node)).limit(5).toList();
      JsonNode live = state(node, "");
      assertThat(live.get("refresh_ms").asInt()).isEqualTo(7000);
      assertThat(live.at("/requests/data")).hasSize(2);
      assertThat(live.at("/requests/more").asInt()).isEqualTo(3);
      JsonNode row = live.at("/requests/data/0");
      assertThat(row.at("/pending_reason/code").asText()).isEqualTo("no_device");
      assertThat(row.get("age_ms").asLong()).isBetween(0L, 60_000L);
      assertThat(row.has("text")).isFalse();

      assertThat(node.post("/v1/requests/" + ids.get(0) + "/pause", "").statusCode())
          .isEqualTo(200);
      assertThat(node.post("/v1/requests/" + ids.get(1) + "/cancel", "").statusCode())
          .isEqualTo(200);
      JsonNode paused = state(node, "?state=paused");
      assertThat(paused.at("/requests/data").findValuesAsText("id")).containsExactly(ids.get(0));
      assertThat(paused.at("/requests/more").asInt()).isZero();
      JsonNode counts = paused.at("/requests/counts");
      assertThat(counts.get("accepted").asInt()).isEqualTo(3);
      assertThat(counts.get("paused").asInt()).isEqualTo(1);
      assertThat(counts.get("finished").asInt()).isEqualTo(1);
      JsonNode ended = state(node, "?state=finished");
      assertThat(ended.at("/requests/data/0/finish_reason").asText()).isEqualTo("cancelled");
      assertThat(ended.at("/requests/data/0/pending_reason").isNull()).isTrue();

      for (String wrong : List.of("?state=gone", "?limit=5", "?state=paused&state=paused")) {
        assertThat(node.get("/dashboard/state" + wrong).statusCode()).as(wrong).isEqualTo(400);
      }
    }
  }

  @Test
  @DisplayName("a dashboard that is switched off is not there; one without rows is refused")
  void switches() {
    try (TestNode node = new TestNode("text", "cairn.dashboard.enabled = off")) {
      for (String path : List.of("/", "/dashboard/app.js", "/dashboard/state")) {
        assertThat(node.get(path).statusCode()).as(path).isEqualTo(404);
      }
      assertThat(node.post("/v1/completions", BODY).statusCode()).isEqualTo(200);
    }
    for (int rows : List.of(0, 1001)) {
      assertThatThrownBy(() -> settings("cairn.dashboard.max-rows = " + rows))
          .hasMessage("cairn.dashboard.max-rows is " + rows + ", expected 1 to 1000");
    }
  }

  private static DashboardSettings settings(String text) {
    return DashboardSettings.from(
        ConfigFactory.parseString(text).withFallback(ConfigFactory.load()));
  }

  /** A request that never says why it waits. */
  private static final class Silent implements Overview {
    private static final RequestRow ROW =
        new RequestRow(
            "r",
            "n",
            "m",
            Snapshot.State.ASSIGNED,
            Band.BATCH,
            "",
            "",
            "d",
            1,
            2,
            3,
            4,
            5,
            Optional.empty());

    @Override
    public CompletionStage<Gathered<NodeAdmin.NewestPage>> newest(NewestFilter filter) {
      return CompletableFuture.completedFuture(
          new Gathered<>(List.of(filter.page(Stream.of(ROW))), List.of()));
    }

    @Override
    public CompletionStage<Gathered<NodeReport>> nodes() {
      return CompletableFuture.completedFuture(new Gathered<>(List.of(), List.of()));
    }

    @Override
    public CompletionStage<Optional<Requests.Waiting>> whyWaiting(String requestId) {
      return new CompletableFuture<>();
    }
  }

  @Test
  @DisplayName("a request that does not say why it waits is shown without, after gather-timeout")
  void silence() throws Exception {
    Router router = new Router();
    DashboardSettings settings = settings("cairn.dashboard.gather-timeout = 50 ms");
    new DashboardRoutes(new Silent(), settings, "m", () -> 12, Runnable::run).addTo(router);
    HttpEntity.Strict body =
        (HttpEntity.Strict)
            router
                .route(HttpRequest.GET("/dashboard/state"), Caller.UNNAMED, new ClientConnection())
                .toCompletableFuture()
                .get(60, TimeUnit.SECONDS)
                .entity();
    JsonNode row = Sse.json(body.getData().utf8String()).at("/requests/data/0");
    assertThat(row.get("age_ms").asInt()).isEqualTo(7);
    assertThat(row.get("pending_reason").isNull()).isTrue();
  }
}
