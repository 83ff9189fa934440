package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGTERM while streams run. */
class GracefulStopTest {
  private static final int ROUNDS = Integer.getInteger("cairn.crash.stop-rounds", 20);
  private static final int KINDS = 8;

  @TempDir Path directory;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private Optional<ServerProcess> running = Optional.empty();

  @AfterEach
  void end() {
    running.ifPresent(ServerProcess::close);
    threads.shutdownNow();
  }

  @Test
  @DisplayName("L8 R16 SIGTERM under load ends with 0 within 10 seconds, and no stream is lost")
  void stopsUnderLoad() throws InterruptedException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("GracefulStopTest: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    Load load = new Load(KINDS, 200).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("stopping");
    List<ClientStream> streams = new ArrayList<>();
    long slowestMillis = 0;
    int cutOff = 0;
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < KINDS; i++) {
        streams.add(load.stream(streams.size(), "stop"));
      }
      // The first round takes the usual grace; the others do not wait that long for streams.
      ServerProcess.Launch launch = ServerProcess.at(data);
      if (round > 0) {
        launch.set("cairn.http.stop-timeout", "200ms");
      }
      ServerProcess victim = launch.start().await();
      running = Optional.of(victim);
      Semaphore events = new Semaphore(0);
      CompletableFuture<Void> clients =
          CompletableFuture.runAsync(() -> Load.follow(victim, streams, events::release), threads)
              // Events carry several tokens on a slow disk: a run may end before so many came.
              .whenComplete((done, failure) -> events.release(KINDS * 8));
      int afterEvents = 1 + random.nextInt(KINDS * 4);
      assertThat(events.tryAcquire(afterEvents, 60, TimeUnit.SECONDS)).isTrue();
      long begun = System.nanoTime();
      int status = victim.terminate();
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
      slowestMillis = Math.max(slowestMillis, millis);
      assertThat(status).as("exit status; it said %s", victim.errors()).isZero();
      assertThat(millis).as("milliseconds to stop").isLessThan(10_000);
      clients.join();
      load.assertPrefixes(streams, "round " + round + ", seed " + seed);
      cutOff += (int) streams.stream().filter(each -> !each.complete()).count();
    }
    try (ServerProcess server = ServerProcess.start(data).await()) {
      Load.follow(server, streams, () -> {});
    }
    load.assertAsUninterrupted(streams, "seed " + seed);
    System.out.printf(
        "GracefulStopTest: %d stops, the slowest %d ms, %d streams cut off%n",
        ROUNDS, slowestMillis, cutOff);
    assertThat(cutOff).isPositive();
  }
}
