package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.admin.AdminKey;
import dev.cairn.server.admin.AdminRole;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The dashboard in Debian's Chromium, as {@code dashboard-streams.mjs} and {@code
 * dashboard-page.mjs} drive it. Each scenario fails where a page asks another host for anything or
 * writes an error to its console.
 */
class DashboardTest {
  private static final String STREAMS = "dashboard-streams.mjs";
  private static final String PAGE = "dashboard-page.mjs";
  private static final Duration LIMIT = Duration.ofMinutes(6);

  @TempDir Path directory;
  private static NodePackages packages;

  @BeforeAll
  static void install() {
    packages = NodePackages.install();
  }

  /** The device computes the same bits without vector instructions, but takes its time. */
  private ServerProcess.Launch slow() {
    return ServerProcess.at(directory.resolve("data"))
        .set("cairn.device.instruction-set", "scalar")
        .set("cairn.dashboard.refresh", "250ms");
  }

  private static NodeProcess script(String file, String scenario, int port) {
    return packages.start(
        file, List.of(scenario), Map.of("CAIRN_URL", "http://127.0.0.1:" + port + "/"));
  }

  private static String passes(String file, String scenario, ServerProcess server) {
    try (NodeProcess script = script(file, scenario, server.address().getPort())) {
      String output = script.await(LIMIT);
      assertThat(output).contains("passed " + scenario);
      return output;
    }
  }

  private String passes(String file, String scenario, ServerProcess.Launch launch) {
    try (ServerProcess server = launch.start().await()) {
      return passes(file, scenario, server);
    }
  }

  @Test
  @DisplayName("dashboard: the playground streams what the API says, as text and as chat")
  void streams() {
    passes(STREAMS, "streams", slow());
  }

  @Test
  @DisplayName("H1 dashboard: a reload in the middle of a stream, and the text is whole and once")
  void reload() {
    System.out.println("dashboard: " + passes(STREAMS, "reload", slow()).replace('\n', ' '));
  }

  @Test
  @DisplayName(
      "L10 R16 dashboard: kill -9 and restart in the middle, and the text is whole and once")
  void restart() throws IOException {
    ServerProcess server = slow().start().await();
    try (TcpForwarder door = new TcpForwarder("127.0.0.1", server.address().getPort());
        NodeProcess script = script(STREAMS, "restart", door.port())) {
      script.awaitOutput("please kill\n", LIMIT);
      server.kill();
      script.type("killed");
      script.awaitOutput("please start\n", LIMIT);
      server = slow().start().await();
      door.passTo(server.address().getPort());
      script.type("started");
      script.awaitOutput("please kill and start\n", LIMIT);
      server.kill();
      server = slow().start().await();
      door.passTo(server.address().getPort());
      script.type("started");
      String output = script.await(LIMIT);
      assertThat(output).contains("passed restart");
      System.out.println("dashboard: " + output.replace('\n', ' '));
    } finally {
      server.close();
    }
  }

  @Test
  @DisplayName("R16 dashboard: a run whose answer was lost is asked for again and is the same one")
  void lostAnswer() {
    passes(STREAMS, "lost answer", slow());
  }

  @Test
  @DisplayName("dashboard: buttons pause, resume and cancel what the API then says they did")
  void buttons() throws IOException {
    try (ServerProcess server = slow().set("cairn.dashboard.max-rows", 3).start().await()) {
      pauseDevice(server);
      passes(PAGE, "buttons", server);
    }
  }

  private void pauseDevice(ServerProcess server) throws IOException {
    String key = KeyText.fresh(new SecureRandom());
    AdminKey.file(directory.resolve("data").resolve("admin.keys"))
        .add(AdminKey.of("ops", AdminRole.ADMIN, key));
    assertThat(server.admin(key).post("/admin/devices/cpu-0/pause", Map.of()).status())
        .isEqualTo(200);
  }

  @Test
  @DisplayName(
      "dashboard: light, dark and remembered; no width from 320 pixels on scrolls sideways")
  void looks() throws IOException {
    try (ServerProcess server = slow().start().await()) {
      pauseDevice(server);
      passes(PAGE, "looks", server);
    }
  }

  @Test
  @DisplayName("dashboard: markup in prompts, outputs and names is shown and does nothing")
  void hostile() throws IOException {
    try (ServerProcess server = slow().start().await()) {
      pauseDevice(server);
      passes(PAGE, "hostile", server);
    }
  }

  @Test
  @DisplayName("dashboard: where keys are on it asks for one, which no address and no disk gets")
  void keys() throws IOException {
    Path file = directory.resolve("api.keys");
    ApiKey.file(file)
        .add(new ApiKey("user", ApiRole.USER, KeyText.hash("the-user"), "acme", 0, 0, 0));
    ApiKey.file(file)
        .add(new ApiKey("admin", ApiRole.ADMIN, KeyText.hash("the-admin"), "acme", 0, 0, 0));
    passes(PAGE, "keys", slow().set("cairn.http.keys.file", file));
  }

  @Test
  @DisplayName("dashboard: one look at a time, and none while nobody sees the page")
  void polls() {
    passes(PAGE, "polls", slow());
  }
}
