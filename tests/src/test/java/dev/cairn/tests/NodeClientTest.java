package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** OpenAI's client for Node, npm's {@code openai}, as its users have it. */
class NodeClientTest {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final int ATTEMPTS = 5;
  private static final String CHAT = "openai-chat.mjs";
  private static final String RESPONSES = "openai-responses.mjs";

  @TempDir static Path directory;
  private static NodePackages packages;
  private static Path model;
  private static ServerProcess server;

  @BeforeAll
  static void start() throws IOException {
    packages = NodePackages.install();
    model = TemplatedModel.write(directory, TemplatedModel.TOOLS);
    server = start(directory.resolve("data"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static ServerProcess start(Path data, String... options) {
    return ServerProcess.at(data).with("--model", model.toString()).with(options).start().await();
  }

  private static NodeProcess script(
      String file, String scenario, int port, Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(environment);
    all.put("CAIRN_URL", "http://127.0.0.1:" + port + "/v1");
    return packages.start(file, List.of(scenario), all);
  }

  private static void passes(
      ServerProcess server, String file, String scenario, Map<String, String> environment) {
    try (NodeProcess script = script(file, scenario, server.address().getPort(), environment)) {
      assertThat(script.await(LIMIT)).contains("passed " + scenario);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"models", "chats", "several", "completions", "structured", "errors"})
  @DisplayName("npm openai: chats and completions, whole and streamed, outputs of a form, errors")
  void chats(String scenario) {
    passes(server, CHAT, scenario, Map.of());
  }

  @Test
  @DisplayName("npm openai: a tool that has to be called is, and its runner runs it")
  void tools() {
    passes(server, CHAT, "tools", Map.of());
    passes(server, RESPONSES, "tools", Map.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"create", "background", "cancel", "remove", "conversation", "structured"})
  @DisplayName(
      "npm openai: responses, streamed, in the background, behind any event, cancelled, deleted")
  void responses(String scenario) {
    passes(server, RESPONSES, scenario, Map.of());
  }

  @Test
  @DisplayName("R16 npm openai: what is aborted ends on the device too where its client wants that")
  void aborts() {
    try (ServerProcess own = start(directory.resolve("aborts"))) {
      passes(own, CHAT, "abort", Map.of());
      Metrics.awaitNothingHeld(own.client(), "the clients left");
    }
  }

  @Test
  @DisplayName("npm openai: keys, roles and rates are errors of its classes, with Retry-After")
  void access() throws IOException {
    Path file = directory.resolve("api.keys");
    ApiKey.file(file).add(key("user", ApiRole.USER));
    ApiKey.file(file).add(key("viewer", ApiRole.VIEWER));
    try (ServerProcess own =
        ServerProcess.at(directory.resolve("access")).set("cairn.http.keys.file", file).start()) {
      passes(
          own.await(),
          CHAT,
          "access",
          Map.of("CAIRN_KEY", "the-user", "CAIRN_VIEWER", "the-viewer"));
    }
  }

  private static ApiKey key(String name, ApiRole role) {
    return new ApiKey(name, role, KeyText.hash("the-" + name), "acme", 1, 0, 0);
  }

  /** On a busy machine a kill may come after the end of its request; then that is done again. */
  private static String killed(String scenario, String when) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return killed(scenario, when, directory.resolve(scenario + attempt));
      } catch (AssertionError e) {
        if (attempt == ATTEMPTS || !e.getMessage().contains("it had ended before the kill")) {
          throw e;
        }
      }
    }
  }

  /** Kills the server of a scenario when that says so, and starts it again. */
  private static String killed(String scenario, String when, Path data) throws IOException {
    try (ServerProcess first = start(data);
        TcpForwarder door = new TcpForwarder("127.0.0.1", first.address().getPort());
        NodeProcess script = script(RESPONSES, scenario, door.port(), Map.of())) {
      script.awaitOutput(when, LIMIT);
      first.kill();
      try (ServerProcess second = start(data)) {
        door.passTo(second.address().getPort());
        return script.await(LIMIT);
      }
    }
  }

  @Test
  @DisplayName(
      "R16 npm openai: its own retry with one idempotency key gets the answer after kill -9")
  void retriesAcrossKill() throws IOException {
    assertThat(killed("retry", "under way")).contains("passed retry");
  }

  @Test
  @DisplayName(
      "R16 L10 npm openai: kill -9 in a stream, and starting_after gives the whole text once")
  void resumesAcrossKill() throws IOException {
    assertThat(killed("resume", "reading ")).contains("passed resume").doesNotContain("breaks 0");
  }
}
