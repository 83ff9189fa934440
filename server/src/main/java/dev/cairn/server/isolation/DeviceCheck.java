package dev.cairn.server.isolation;

import com.typesafe.config.Config;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Whether the device can be opened in a process of its own, and if not, why. */
public final class DeviceCheck {
  private DeviceCheck() {}

  /**
   * Starts such a process, lets it open the device and end.
   *
   * @param config the server's configuration
   * @return why it cannot; empty where it can
   */
  public static Optional<String> run(Config config, Path model) throws InterruptedException {
    DeviceJob job = DeviceJob.of(model, config, "127.0.0.1:1", "tcp", "check");
    long most = config.getDuration("cairn.node.start-timeout").toMillis();
    try {
      Process process =
          ChildJvm.start(
              ChildJvm.command(
                  List.of(), DeviceProcess.MAIN, List.of(DeviceProcess.COMMAND, "--check")),
              job.line());
      process.onExit().orTimeout(most, TimeUnit.MILLISECONDS).exceptionally(late -> kill(process));
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      return status == 0
          ? Optional.empty()
          : Optional.of("it ended with exit status " + status + reason(said));
    } catch (IOException e) {
      return Optional.of("it cannot be started: " + e.getMessage());
    }
  }

  private static Process kill(Process process) {
    return process.destroyForcibly();
  }

  private static String reason(String said) {
    return said.lines()
        .filter(line -> line.startsWith("cairn: "))
        .reduce((first, last) -> last)
        .map(line -> ": " + line.substring("cairn: ".length()))
        .orElse("");
  }
}
