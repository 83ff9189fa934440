package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.DataDirectoryException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
  private final Map<String, Long> acknowledged = new HashMap<>();

  @Test
  @DisplayName("L8 after SIGKILL at any moment every acknowledged event is there, whole, in order")
  void killed() throws IOException, InterruptedException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("CrashTest.killed: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < ROUNDS; round++) {
      Process child = start(List.of());
      try (BufferedReader output = child.inputReader()) {
        assertThat(output.readLine()).isEqualTo("ready");
        assertThatThrownBy(() -> DataDirectory.open(directory))
            .isInstanceOf(DataDirectoryException.class)
            .hasMessageContaining("in use by process " + child.pid() + " on ");
        follow(child, output, 1 + random.nextInt(2000));
      } finally {
        end(child);
      }
      assertAllThere("seed " + seed + ", round " + round);
    }
  }

  @Test
  @DisplayName(
      "L4 an fdatasync that fails acknowledges nothing from then on and loses nothing before")
  void syncFails() throws IOException, InterruptedException {
    List<String> strace = List.of("strace", "-f", "-qq", "-e", "trace=fdatasync");
    assumeTrue(works(strace), "strace cannot trace a process here");
    List<String> inject = new ArrayList<>(strace);
    inject.addAll(List.of("-e", "inject=fdatasync:error=EIO:when=40"));

    Process child = start(inject);
    String last;
    try (BufferedReader output = child.inputReader()) {
      assertThat(output.readLine()).isEqualTo("ready");
      last = follow(child, output, Integer.MAX_VALUE);
      assertThat(child.waitFor()).isEqualTo(CrashChild.FAILED);
    } finally {
      end(child);
    }
    assertThat(last).startsWith("failed").contains("JournalFailedException").contains("fdatasync");
    assertAllThere("after EIO");
  }

  private void assertAllThere(String when) {
    assertThat(acknowledged).isNotEmpty();
    try (JournalNode node = JournalNode.start(directory)) {
      for (Map.Entry<String, Long> each : acknowledged.entrySet()) {
        JournalNode.Replay replay = node.replay(each.getKey());
        assertThat(replay.highest()).as(when).isGreaterThanOrEqualTo(each.getValue());
        List<Object> expected = new ArrayList<>();
        for (long n = 1; n <= replay.highest(); n++) {
          expected.add(CrashChild.payload(each.getKey(), n));
        }
        assertThat(replay.payloads()).as(when).isEqualTo(expected);
      }
    }
  }

  private Process start(List<String> before) throws IOException {
    List<String> command = new ArrayList<>(before);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            CrashChild.class.getName(),
            directory.toString(),
            Integer.toString(IDS)));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
  }

  /** Notes acknowledgements, kills after some of them, and returns the last line. */
  private String follow(Process child, BufferedReader output, int killAfter) throws IOException {
    String last = "";
    String line = output.readLine();
    for (int n = 1; line != null; n++) {
      last = line;
      String[] words = line.split(" ", 2);
      if (words.length == 2 && words[1].matches("[0-9]+")) {
        acknowledged.merge(words[0], Long.parseLong(words[1]), Math::max);
      }
      if (n == killAfter) {
        // Process.destroyForcibly would close the pipe and lose what is still in it.
        child.toHandle().destroyForcibly();
      }
      line = output.readLine();
    }
    return last;
  }

  private static void end(Process child) throws InterruptedException {
    child.toHandle().descendants().forEach(ProcessHandle::destroyForcibly);
    child.destroyForcibly();
    assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
  }

  private static boolean works(List<String> strace) throws InterruptedException {
    List<String> command = new ArrayList<>(strace);
    command.add("true");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException absent) {
      return false;
    }
  }
}
