package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGTERM and a new start for one node after the other, while clients go on working. */
class RollingRestartTest {
  private static final int NODES = 3;
  private static final int STREAMS = 6;
  private static final int ROUNDS = Integer.getInteger("cairn.cluster.rolling-rounds", 1);

  @TempDir Path directory;

  @Test
  @DisplayName("a rolling restart loses nothing, repeats nothing, and refuses with 503 alone")
  void oneNodeAfterTheOther() throws Exception {
    Load load = new Load(STREAMS, 200).uninterrupted(directory.resolve("quiet"));
    ExecutorService threads = Executors.newSingleThreadExecutor();
    int stops = 0;
    long slowestStopMillis = 0;
    try (TestDatabase database = TestDatabase.create();
        TestCluster cluster =
            new TestCluster(
                directory, NODES, TestCluster.sideBySide(NODES, database.url()), each -> each)) {
      cluster.start();
      AtomicBoolean enough = new AtomicBoolean();
      CompletableFuture<Served> work =
          CompletableFuture.supplyAsync(() -> serveUntil(enough, load, cluster), threads);
      for (int round = 0; round < ROUNDS; round++) {
        for (int node = 0; node < NODES; node++) {
          long begun = System.nanoTime();
          int status = cluster.node(node).terminate();
          slowestStopMillis =
              Math.max(slowestStopMillis, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
          assertThat(status)
              .as("exit code of node %s; it said %s", node, cluster.node(node).errors())
              .isZero();
          stops++;
          cluster.begin(node).await();
        }
      }
      enough.set(true);
      Served served = work.join();
      database.assertOneWriterAtATime();
      System.out.printf(
          "RollingRestartTest: %d stops, the slowest %d ms; %d streams as uninterrupted, %d times"
              + " 503 with Retry-After%n",
          stops, slowestStopMillis, served.streams(), served.refusals());
      assertThat(served.streams()).isGreaterThan(STREAMS);
    } finally {
      threads.shutdownNow();
    }
  }

  private record Served(int streams, int refusals) {}

  /** Streams without a break; whatever is refused in any other way than with 503 fails. */
  private static Served serveUntil(AtomicBoolean enough, Load load, TestCluster cluster) {
    int run = 0;
    int refusals = 0;
    do {
      List<ClientStream> streams = new ArrayList<>();
      for (int i = 0; i < STREAMS; i++) {
        streams.add(load.stream(i, "run-" + run));
      }
      try (RoamingClients clients = new RoamingClients(cluster).follow(streams, () -> {})) {
        clients.join();
        refusals += clients.refusals();
      }
      load.assertAsUninterrupted(streams, "run " + run);
      run++;
    } while (!enough.get());
    return new Served(run * STREAMS, refusals);
  }
}
