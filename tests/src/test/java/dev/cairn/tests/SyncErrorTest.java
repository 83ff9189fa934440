package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sync that fails: the n-th one of the first thread of the server that comes so far. */
class SyncErrorTest {
  /** Up to where every n is tried; above, and up to 50, a few. */
  private static final int EVERY = Integer.getInteger("cairn.crash.sync-errors", 4);

  private static final List<Integer> SPREAD = List.of(7, 12, 20, 29, 38, 50);
  private static final int KINDS = 6;
  private static final int MAX_WAVES = 40;

  /** The journal failed: the exit status that the command line names for it. */
  private static final int JOURNAL_FAILED = 3;

  /** The server did not come up. */
  private static final int FAILED = 1;

  @TempDir Path directory;

  @Test
  @DisplayName(
      "L4 a sync that fails shows nobody anything that is not durable, and ends the server with a"
          + " status of its own")
  void aSyncFails() throws IOException {
    Load load = new Load(KINDS, 60).uninterrupted(directory.resolve("quiet"));
    TreeMap<Integer, Integer> statuses = new TreeMap<>();
    for (int n = 1; n <= 50; n++) {
      if (n <= EVERY || SPREAD.contains(n)) {
        statuses.put(n, failing(load, n));
      }
    }
    System.out.println("SyncErrorTest: exit status by failed sync: " + statuses);
    assertThat(statuses.values()).contains(JOURNAL_FAILED);
    assertThat(statuses.get(50)).isEqualTo(JOURNAL_FAILED);
  }

  /** Lets the n-th sync fail and returns the exit status of the server that met it. */
  private int failing(Load load, int n) throws IOException {
    Path data = directory.resolve("sync-" + n);
    Path trace = directory.resolve("trace-" + n);
    List<ClientStream> streams = new ArrayList<>();
    ServerProcess victim =
        ServerProcess.at(data).under(Tracer.syncs("error=EIO:when=" + n, trace)).start();
    boolean served = victim.serves();
    if (served) {
      for (int wave = 0; wave < MAX_WAVES && victim.isAlive(); wave++) {
        for (int i = 0; i < KINDS; i++) {
          streams.add(load.stream(streams.size(), "sync"));
        }
        Load.follow(victim, streams, () -> {});
      }
    }
    int status = victim.awaitExit();
    String when = "sync " + n + " failed";
    assertThat(trace).as(when).content().contains("EIO");
    assertThat(status).as("%s; it said %s", when, victim.errors()).isIn(FAILED, JOURNAL_FAILED);
    if (served) {
      assertThat(status).as(when).isEqualTo(JOURNAL_FAILED);
    }
    load.assertPrefixes(streams, when);
    try (ServerProcess server = ServerProcess.start(data).await()) {
      // Who was told an id resumes by it, which asks for all that was acknowledged.
      Load.follow(server, streams, () -> {});
      load.assertAsUninterrupted(streams, "restarted after " + when);
      assertThat(server.client().get("/health/ready").status()).isEqualTo(200);
    }
    Files.delete(trace);
    return status;
  }
}
