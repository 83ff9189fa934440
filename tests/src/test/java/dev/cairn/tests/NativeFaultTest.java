package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A SIGSEGV inside the native library takes the whole process with it. */
class NativeFaultTest {
  private static final int ROUNDS = Integer.getInteger("cairn.crash.native-rounds", 20);
  private static final int KINDS = 8;

  /** 128 and SIGABRT, with which the JVM ends after it has written its report. */
  private static final int ABORTED = 134;

  private static final List<String> NO_CORE_FILE =
      List.of("sh", "-c", "ulimit -c 0; exec \"$0\" \"$@\"");

  @TempDir Path directory;

  @Test
  @DisplayName("L8 L10 after a SIGSEGV in the device every stream goes on to the same bytes")
  void theDeviceFaults() throws IOException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("NativeFaultTest: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    Load load = new Load(KINDS, 60).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("crashing");
    List<ClientStream> streams = new ArrayList<>();
    int cutOff = 0;
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < KINDS; i++) {
        streams.add(load.stream(streams.size(), "native"));
      }
      int step = 1 + random.nextInt(60);
      ServerProcess victim = faulting(data, step, round).start();
      // What the last fault has left may reach the step before the server serves.
      if (victim.serves()) {
        Load.follow(victim, streams, () -> {});
      }
      assertThat(victim.awaitExit()).as("exit status, step %s", step).isEqualTo(ABORTED);
      assertThat(report(round)).content().contains("SIGSEGV").contains("libcairn");
      load.assertPrefixes(streams, "round " + round + ", seed " + seed);
      cutOff += (int) streams.stream().filter(each -> !each.complete()).count();
    }
    try (ServerProcess server = ServerProcess.start(data).await()) {
      Load.follow(server, streams, () -> {});
    }
    load.assertAsUninterrupted(streams, "seed " + seed);
    System.out.printf("NativeFaultTest: %d faults, %d streams cut off%n", ROUNDS, cutOff);
    assertThat(cutOff).isPositive();
  }

  private Path report(int round) {
    return directory.resolve("hs_err_" + round + ".log");
  }

  private ServerProcess.Launch faulting(Path data, int step, int round) throws IOException {
    Files.deleteIfExists(report(round));
    return ServerProcess.at(data)
        .environment("CAIRN_TEST_SEGV_AT_STEP", step)
        .under(NO_CORE_FILE)
        .jvm("-XX:ErrorFile=" + report(round));
  }
}
