package dev.cairn.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.TestNode;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who may call the API, and whose requests it sees. */
class ApiKeysTest {
  private static final String BODY = "{\"prompt\":\"a\",\"max_tokens\":4}";

  @TempDir Path directory;

  private TestNode node(String more) {
    return new TestNode("text", "cairn.http.keys.file = \"" + file() + "\"\n" + more);
  }

  private Path file() {
    return directory.resolve("api.keys");
  }

  private String add(String name, ApiRole role, String tenant) {
    String key = KeyText.fresh(new SecureRandom());
    try {
      ApiKey.file(file()).add(new ApiKey(name, role, KeyText.hash(key), tenant, 0, 0, 0));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return key;
  }

  private static String[] bearer(String key) {
    return new String[] {"Authorization", "Bearer " + key};
  }

  private static String id(HttpResponse<String> reply) {
    assertThat(reply.statusCode()).as(reply.body()).isEqualTo(200);
    return reply.headers().firstValue("X-Request-Id").orElseThrow();
  }

  private static String tenant(TestNode node, HttpResponse<String> reply) {
    return node.inMemory().view(id(reply)).spec().scheduling().tenant();
  }

  @Test
  @DisplayName("without keys everybody on this machine may call, and a header names the tenant")
  void withoutKeys() {
    try (TestNode node = node("cairn.http.keys.tenant-header = X-Team")) {
      assertThat(tenant(node, node.post("/v1/completions", BODY))).isEmpty();
      assertThat(tenant(node, node.post("/v1/completions", BODY, "X-Team", "acme")))
          .isEqualTo("acme");
      // Clients of OpenAI's API always send a key.
      HttpResponse<String> reply =
          node.post("/v1/completions", BODY, "Authorization", "Bearer x", "X-Team", "b");
      assertThat(tenant(node, reply)).isEqualTo("b");
      assertThat(node.get("/v1/requests/" + id(reply), "X-Team", "acme").statusCode())
          .isEqualTo(200);
      HttpResponse<String> wrong = node.post("/v1/completions", BODY, "X-Team", "a b");
      assertThat(wrong.statusCode()).isEqualTo(400);
      assertThat(wrong.body()).contains("X-Team has 3 characters; expected 1 to 64 letters");
    }
  }

  @Test
  @DisplayName("a missing or wrong key gets 401 in OpenAI's form with WWW-Authenticate")
  void missingAndWrong() throws IOException {
    String key = add("ci", ApiRole.USER, "acme");
    try (TestNode node = node("")) {
      for (String[] headers :
          List.of(
              new String[0],
              bearer("wrong"),
              bearer(key.substring(0, key.length() - 1)),
              bearer(key + "x"),
              new String[] {"Authorization", key},
              new String[] {"Authorization", "Basic " + key},
              new String[] {"Authorization", "Bearer " + key, "Authorization", "Bearer " + key})) {
        for (String path : List.of("/v1/models", "/metrics", "/v1/requests/x", "/nothing")) {
          HttpResponse<String> reply = node.get(path, headers);
          assertThat(reply.statusCode()).as("%s %s", path, List.of(headers)).isEqualTo(401);
          assertThat(reply.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
          JsonNode error = new com.fasterxml.jackson.databind.ObjectMapper().readTree(reply.body());
          assertThat(error.at("/error/type").asText()).isEqualTo("invalid_request_error");
          assertThat(error.at("/error/code").asText()).isEqualTo("invalid_api_key");
        }
        assertThat(node.post("/v1/completions", BODY, headers).statusCode()).isEqualTo(401);
      }
      assertThat(node.inMemory().size()).isZero();
      assertThat(node.get("/health/live").statusCode()).isEqualTo(200);
      assertThat(node.get("/health/ready").statusCode()).isEqualTo(200);
      assertThat(tenant(node, node.post("/v1/completions", BODY, bearer(key)))).isEqualTo("acme");
    }
  }

  @Test
  @DisplayName("a viewer looks, a user makes and steers, an admin acts for tenants; else 403")
  void roles() {
    String viewer = add("watch", ApiRole.VIEWER, "acme");
    String user = add("ci", ApiRole.USER, "acme");
    String admin = add("ops", ApiRole.ADMIN, "house");
    try (TestNode node = node("")) {
      String path = "/v1/requests/" + id(node.post("/v1/completions", BODY, bearer(user)));
      assertThat(node.get(path, bearer(viewer)).statusCode()).isEqualTo(200);
      HttpResponse<String> refused = node.post("/v1/completions", BODY, bearer(viewer));
      assertThat(refused.statusCode()).isEqualTo(403);
      assertThat(refused.body()).contains("The key watch has the role viewer; expected user.");
      assertThat(node.post(path + "/cancel", "", bearer(viewer)).statusCode()).isEqualTo(403);
      assertThat(node.post(path + "/cancel", "", bearer(user)).statusCode()).isEqualTo(200);
      assertThat(node.get("/metrics", bearer(user)).statusCode()).isEqualTo(403);
      assertThat(node.get("/metrics", bearer(admin)).statusCode()).isEqualTo(200);
      assertThat(node.get(path, bearer(admin)).statusCode()).isEqualTo(200);
      assertThat(tenant(node, node.post("/v1/completions", BODY, bearer(admin))))
          .isEqualTo("house");
      assertThat(tenant(node, node.post("/v1/completions", BODY, as(admin, "acme"))))
          .isEqualTo("acme");
      assertThat(tenant(node, node.post("/v1/completions", BODY, as(user, "acme"))))
          .isEqualTo("acme");
      HttpResponse<String> other = node.post("/v1/completions", BODY, as(user, "house"));
      assertThat(other.statusCode()).isEqualTo(403);
      assertThat(other.body()).contains("names another tenant than the key; expected acme");
    }
  }

  private static String[] as(String key, String tenant) {
    return new String[] {"Authorization", "Bearer " + key, "X-Cairn-Tenant", tenant};
  }

  @Test
  @DisplayName("requests of one tenant do not exist for another, not even by its idempotency key")
  void tenantsDoNotSeeEachOther() {
    String a = add("a", ApiRole.USER, "a");
    String b = add("b", ApiRole.USER, "b");
    try (TestNode node = node("")) {
      node.inMemory().manual();
      String answer =
          id(
              node.post(
                  "/v1/responses",
                  "{\"input\":\"hi\",\"background\":true}",
                  "Authorization",
                  "Bearer " + a));
      for (String path : List.of("/v1/requests/" + answer, "/v1/responses/" + answer)) {
        assertThat(node.get(path, bearer(a)).statusCode()).as(path).isEqualTo(200);
        HttpResponse<String> hidden = node.get(path, bearer(b));
        assertThat(hidden.statusCode()).as(path).isEqualTo(404);
        assertThat(hidden.body())
            .isEqualTo(
                node.get(path.replace(answer, "absent"), bearer(b))
                    .body()
                    .replace("absent", answer));
        assertThat(node.post(path + "/cancel", "", bearer(b)).statusCode()).isEqualTo(404);
      }
      String path = "/v1/requests/" + answer;
      for (String what : List.of("/pause", "/resume", "/cancel")) {
        assertThat(node.post(path + what, "", bearer(b)).statusCode()).as(what).isEqualTo(404);
      }
      assertThat(node.get(path + "/stream", bearer(b)).statusCode()).isEqualTo(404);
      assertThat(node.inMemory().view(answer).snapshot().finish()).isEmpty();
      HttpResponse<String> continued =
          node.post(
              "/v1/responses",
              "{\"input\":\"hi\",\"previous_response_id\":\"" + answer + "\"}",
              bearer(b));
      assertThat(continued.statusCode()).as(continued.body()).isEqualTo(404);
      String stream = "{\"input\":\"hi\",\"background\":true}";
      String first = id(node.post("/v1/responses", stream, keyed(a)));
      assertThat(id(node.post("/v1/responses", stream, keyed(a)))).isEqualTo(first);
      assertThat(id(node.post("/v1/responses", stream, keyed(b)))).isNotEqualTo(first);
    }
  }

  private static String[] keyed(String key) {
    return new String[] {"Authorization", "Bearer " + key, "Idempotency-Key", "one"};
  }

  @Test
  @DisplayName("keys come and go while the server runs; a bad file leaves the last good keys valid")
  void rereading() throws IOException {
    try (TestNode node = node("")) {
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(200);
      String first = add("one", ApiRole.USER, "a");
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(node.get("/v1/models", bearer(first)).statusCode()).isEqualTo(200);
      String good = Files.readString(file());
      assertThat(node.metrics().scrape()).contains("cairn_api_keys 1", "cairn_api_keys_stale 0");
      Files.writeString(file(), good + "two:user\n");
      assertThat(node.metrics().scrape())
          .contains(
              "cairn_api_keys 1", "cairn_api_keys_stale 1", "cairn_api_keys_failures_total 1");
      assertThat(node.get("/v1/models", bearer(first)).statusCode()).isEqualTo(200);
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(401);
      Files.delete(file());
      assertThat(node.get("/v1/models", bearer(first)).statusCode()).isEqualTo(200);
      assertThat(node.metrics().scrape()).contains("cairn_api_keys_failures_total 2");
      Files.writeString(file(), good);
      String second = add("two", ApiRole.USER, "a");
      assertThat(node.get("/v1/models", bearer(second)).statusCode()).isEqualTo(200);
      assertThat(node.metrics().scrape()).contains("cairn_api_keys 2", "cairn_api_keys_stale 0");
      ApiKey.file(file()).remove("one");
      assertThat(node.get("/v1/models", bearer(first)).statusCode()).isEqualTo(401);
      ApiKey.file(file()).remove("two");
      assertThat(node.get("/v1/models", bearer(second)).statusCode()).isEqualTo(401);
      assertThat(node.get("/v1/models").statusCode()).as("it had keys").isEqualTo(401);
    }
  }

  @Test
  @DisplayName(
      "a port that others reach asks for a key even where there is none, unless told not to")
  void modes() {
    try (TestNode node = node("cairn.http.host = \"0.0.0.0\"")) {
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(node.get("/health/ready").statusCode()).isEqualTo(200);
    }
    try (TestNode node = node("cairn.http.keys.mode = on")) {
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(401);
    }
    String key = add("one", ApiRole.USER, "a");
    try (TestNode node = node("cairn.http.host = \"0.0.0.0\", cairn.http.keys.mode = off")) {
      assertThat(node.get("/v1/models").statusCode()).isEqualTo(200);
      assertThat(tenant(node, node.post("/v1/completions", BODY, bearer(key)))).isEmpty();
    }
    assertThatThrownBy(() -> node("cairn.http.keys.mode = maybe"))
        .hasMessageContaining("cairn.http.keys.mode is \"maybe\", expected auto, on or off");
  }

  @Test
  @DisplayName("a keys file that is wrong is told in a sentence that holds no hash")
  void wrongFiles() throws IOException {
    String hash = KeyText.hash("secret");
    String good = "a:user:" + hash + ":tenant=t";
    for (List<String> each :
        List.of(
            List.of("a:user:" + hash, "line 1 of " + file() + ": it has 3 parts, expected name:"),
            List.of("a:root:" + hash + ":tenant=t", "expected viewer or user or admin"),
            List.of("a:user:" + hash + "0:tenant=t", "the hash has 65 characters, expected 64"),
            List.of("a:user:" + hash + ":tenant=a b", "the tenant is \"a b\", expected 1 to 64"),
            List.of(good + ":weigth=3", "it has weigth, expected tenant, requests-per-minute"),
            List.of(good + ":weight=-3", "weight is \"-3\", expected a number"),
            List.of(good + ":tokens-per-minute=x", "tokens-per-minute is \"x\", expected a number"),
            List.of(good + ":tenant=u", "part 5 is no new NAME=VALUE"))) {
      Files.writeString(file(), each.get(0));
      assertThatThrownBy(() -> new ClientGuard(settings()))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("cairn.http.keys.file: ")
          .hasMessageContaining(each.get(1))
          .hasMessageNotContaining(hash);
    }
    String line = good + ":requests-per-minute=60:tokens-per-minute=90000:weight=2.5";
    Files.writeString(file(), "# comment\n\n" + line + "\n");
    assertThat(ApiKey.file(file()).read())
        .containsExactly(new ApiKey("a", ApiRole.USER, hash, "t", 60, 90_000, 2.5))
        .allSatisfy(key -> assertThat(key.line()).isEqualTo(line));
  }

  private AccessSettings settings() {
    return new AccessSettings("127.0.0.1", AccessSettings.Mode.AUTO, file(), "X-Cairn-Tenant");
  }

  @Test
  @DisplayName("no log holds a key or its hash, and the file holds hashes alone")
  void neverInLogs() throws IOException {
    LoggerContext loggers = (LoggerContext) LoggerFactory.getILoggerFactory();
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.setContext(loggers);
    logged.start();
    ch.qos.logback.classic.Logger root = loggers.getLogger(Logger.ROOT_LOGGER_NAME);
    Level before = root.getLevel();
    root.setLevel(Level.DEBUG);
    root.addAppender(logged);
    String key = add("watch", ApiRole.VIEWER, "acme");
    try (TestNode node = node("")) {
      node.get("/v1/models", bearer(key));
      node.post("/v1/completions", BODY, bearer(key));
      node.post("/v1/completions", BODY, bearer(key + "x"));
    } finally {
      root.detachAppender(logged);
      root.setLevel(before);
    }
    List<String> lines = logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    assertThat(lines).anyMatch(line -> line.contains("watch (viewer of tenant acme) was refused"));
    assertThat(lines).noneMatch(line -> line.contains(key) || line.contains(KeyText.hash(key)));
    assertThat(Files.readString(file(), StandardCharsets.UTF_8))
        .contains(KeyText.hash(key))
        .doesNotContain(key);
  }
}
