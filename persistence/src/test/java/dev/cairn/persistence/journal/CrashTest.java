package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.DataDirectoryException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrashTest {
  private static final int ROUNDS = 5;
  private static final int IDS = 6;
  @TempDir Path directory;

  @Test
  @DisplayName(
      "L8 after SIGKILL at any moment every acknowledged event is there, whole and in order")
  void killed() throws IOException, InterruptedException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("CrashTest.killed: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    Map<String, Long> acknowledged = new HashMap<>();
    for (int round = 0; round < ROUNDS; round++) {
      runAndKill(1 + random.nextInt(2000), acknowledged);

      assertThat(acknowledged).hasSize(IDS);
      try (JournalNode node = JournalNode.start(directory)) {
        for (Map.Entry<String, Long> each : acknowledged.entrySet()) {
          JournalNode.Replay replay = node.replay(each.getKey());
          assertThat(replay.highest())
              .as("seed %d, round %d, %s", seed, round, each.getKey())
              .isGreaterThanOrEqualTo(each.getValue());
          assertThat(replay.events()).hasSize((int) replay.highest());
          for (int n = 0; n < replay.events().size(); n++) {
            assertThat(replay.payloads().get(n))
                .isEqualTo(CrashChild.payload(each.getKey(), n + 1));
          }
        }
      }
    }
  }

  private void runAndKill(int events, Map<String, Long> acknowledged)
      throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:TieredStopAtLevel=1",
                    "-Xmx256m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    CrashChild.class.getName(),
                    directory.toString(),
                    Integer.toString(IDS)))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (BufferedReader output = child.inputReader()) {
      assertThat(output.readLine()).isEqualTo("ready");
      assertThatThrownBy(() -> DataDirectory.open(directory))
          .isInstanceOf(DataDirectoryException.class)
          .hasMessageContaining("in use by process " + child.pid() + " on ");
      String line = output.readLine();
      for (int n = 1; line != null; n++) {
        String[] words = line.split(" ");
        if (words.length == 2 && !words[1].isEmpty()) {
          acknowledged.merge(words[0], Long.parseLong(words[1]), Math::max);
        }
        if (n == events) {
          child.destroyForcibly();
        }
        line = output.readLine();
      }
    } finally {
      child.destroyForcibly();
      assertThat(child.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
  }
}
