package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Scripts in Node as other tests use them. */
class NodePackagesTest {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @Test
  @DisplayName("A script finds its packages, reads lines and says what it printed")
  void runs() {
    try (NodeProcess script =
        NodePackages.install().start("packages.mjs", List.of("first"), Map.of("CAIRN_X", "y"))) {
      script.awaitOutput("started first y", LIMIT);
      script.type("go on");
      assertThat(script.await(LIMIT)).contains("read go on", "openai function", "playwright ok");
    }
  }

  @Test
  @DisplayName("A script that fails, or does not end, fails its test with what it printed")
  void fails() {
    NodePackages packages = NodePackages.install();
    assertThatThrownBy(() -> packages.run(LIMIT, "packages.mjs", "fail"))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("ended with 1")
        .hasMessageContaining("asked to fail");
    assertThatThrownBy(() -> packages.run(Duration.ofMillis(500), "packages.mjs", "wait"))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("did not end within");
  }

  @Test
  @DisplayName("A missing command says what to install")
  void missing() {
    assertThatThrownBy(
            () -> NodeProcess.start(List.of("no-such-node"), Path.of("target"), Map.of()))
        .hasMessageContaining("apt-get install -y --no-install-recommends nodejs npm");
  }

  @Test
  @DisplayName(
      "The lock file names no host, so that packages come from where the machine gets them")
  void noHosts() throws Exception {
    assertThat(Files.readString(Path.of("src/test/node/package-lock.json")))
        .doesNotContain("resolved", "://")
        .contains("integrity");
  }
}
