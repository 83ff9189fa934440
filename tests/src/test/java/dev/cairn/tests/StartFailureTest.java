package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that cannot start. */
class StartFailureTest {
  @TempDir Path directory;

  @Test
  @DisplayName("an error of the JVM in the middle of the start ends the process, and shows itself")
  void errorOfTheJvm() throws Exception {
    Path said = directory.resolve("said");
    // Aeron reaches into the JDK, which this JVM has no option to permit.
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    "-Dcairn.cluster.transport=aeron-udp",
                    "-Dcairn.node.port=0",
                    "dev.cairn.server.cli.Main",
                    "serve",
                    "--port",
                    "0",
                    "--admin-port",
                    "0",
                    "--data-dir",
                    directory.resolve("data").toString()))
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try {
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("it has ended").isTrue();
      assertThat(process.exitValue()).isEqualTo(1);
      assertThat(Files.readString(said)).contains("InaccessibleObjectException");
    } finally {
      process.destroyForcibly();
    }
  }
}
