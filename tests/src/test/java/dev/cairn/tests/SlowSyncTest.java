package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk whose syncs take 50 to 500 ms. */
class SlowSyncTest {
  private static final int SECONDS = Integer.getInteger("cairn.crash.slow-seconds", 15);
  private static final List<Integer> DELAYS_MILLIS = List.of(50, 500);
  private static final int KINDS = 16;
  private static final double MIB = 1 << 20;
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+([0-9]+) kB");

  @TempDir Path directory;

  /** What one server did while its streams ran. */
  private record Run(
      double tokensPerCommit, double eventsPerCommit, double residentMib, double latestMib) {}

  @Test
  @DisplayName("R17 on a slow disk streams go on in larger commits, and memory stays bounded")
  void aSlowDisk() throws IOException {
    Load load = new Load(KINDS, 120).uninterrupted(directory.resolve("quiet"));
    // Whatever the disk below takes for a sync, this one does without.
    Run fast =
        run(
            load,
            ServerProcess.at(directory.resolve("fast")).set("cairn.journal.durability", "os"),
            1);
    System.out.println("SlowSyncTest: without syncs " + fast);
    for (int millis : DELAYS_MILLIS) {
      Path trace = directory.resolve("trace-" + millis);
      ServerProcess.Launch launch =
          ServerProcess.at(directory.resolve("slow-" + millis))
              .under(Tracer.syncs("delay_enter=" + millis * 1000, trace));
      Run slow = run(load, launch, SECONDS / DELAYS_MILLIS.size());
      System.out.println("SlowSyncTest: syncs of " + millis + " ms " + slow);
      assertThat(slow.tokensPerCommit())
          .as("tokens in a commit, syncs of %s ms", millis)
          .isGreaterThan(2 * fast.tokensPerCommit());
      assertThat(slow.latestMib() - slow.residentMib())
          .as("MiB that the server grew by after its first streams, syncs of %s ms", millis)
          .isLessThan(200);
    }
  }

  private static Run run(Load load, ServerProcess.Launch launch, int seconds) throws IOException {
    try (ServerProcess server = launch.start().await()) {
      ApiClient client = server.client();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
      double first = 0;
      for (int wave = 0; wave == 0 || System.nanoTime() < end; wave++) {
        List<ClientStream> streams = new ArrayList<>();
        for (int i = 0; i < KINDS; i++) {
          streams.add(load.stream(i, "wave-" + wave));
        }
        Load.follow(server, streams, () -> {});
        load.assertAsUninterrupted(streams, "wave " + wave);
        Metrics.of(client).held().forEach((kind, held) -> assertBounded(kind, held));
        first = wave == 0 ? residentMib(server) : first;
      }
      Metrics metrics = Metrics.of(client);
      double commits = metrics.value("cairn_journal_commit_seconds_count");
      return new Run(
          metrics.value("cairn_tokens_committed_total") / commits,
          metrics.value("cairn_journal_commit_events_sum") / commits,
          first,
          residentMib(server));
    }
  }

  /** The streams of a wave have ended; what lingers for readers is of that wave and the last. */
  private static void assertBounded(String kind, double held) {
    if (!kind.equals("kv-blocks")) {
      assertThat(held).as("held: %s", kind).isLessThanOrEqualTo(20 * KINDS);
    }
  }

  private static double residentMib(ServerProcess server) throws IOException {
    Matcher matcher =
        RESIDENT.matcher(Files.readString(Path.of("/proc", "" + server.pid(), "status")));
    assertThat(matcher.find()).isTrue();
    return Long.parseLong(matcher.group(1)) * 1024 / MIB;
  }
}
