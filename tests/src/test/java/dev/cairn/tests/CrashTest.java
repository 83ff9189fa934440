package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL while streams run: every stream goes on where it stood, to the byte. */
class CrashTest {
  private static final int STREAMS = 16;
  private static final int ROUNDS = Integer.getInteger("cairn.crash.rounds", 20);

  @TempDir Path directory;

  @Test
  @DisplayName("L8 L10 R16 after kill -9 at any moment every stream resumes to the same bytes")
  void everyStreamResumesToTheSameBytes() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    Load load = new Load(STREAMS, 150).uninterrupted(directory.resolve("quiet"));
    int resumed = 0;
    List<Long> readyMillis = new ArrayList<>();
    Path data = directory.resolve("crashing");
    ServerProcess server = ServerProcess.start(data).await();
    try {
      for (int round = 0; round < ROUNDS; round++) {
        int afterEvents = 1 + random.nextInt(STREAMS * 40);
        CountDownLatch seen = new CountDownLatch(afterEvents);
        ServerProcess victim = server;
        Thread killer = new Thread(() -> killWhen(seen, victim, load.usualNanos()), "killer");
        killer.start();
        List<ClientStream> streams = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
          streams.add(load.stream(i, "round-" + round));
        }
        Load.follow(server, streams, seen::countDown);
        killer.join();
        server = ServerProcess.start(data).await();
        readyMillis.add(server.readyMillis());
        resumed += (int) streams.stream().filter(each -> !each.complete()).count();
        Load.follow(server, streams, () -> {});
        load.assertAsUninterrupted(
            streams, "round " + round + "; replay with -Dcairn.seed=" + seed);
      }
    } finally {
      server.close();
    }
    System.out.printf(
        "crash test: %d rounds, %d streams resumed, ready again after %d to %d ms%n",
        ROUNDS,
        resumed,
        readyMillis.stream().min(Long::compare).orElse(0L),
        readyMillis.stream().max(Long::compare).orElse(0L));
    assertThat(resumed).as("streams that a kill interrupted").isGreaterThan(ROUNDS);
  }

  private static void killWhen(CountDownLatch seen, ServerProcess victim, long mostNanos) {
    try {
      // A run may end before so many events came, for events carry several tokens on a slow disk:
      // then the kill hits a quiet server, which has to keep what it has as well.
      if (!seen.await(2 * mostNanos, TimeUnit.NANOSECONDS)) {
        System.out.println("crash test: this round's kill came after the streams had ended");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    victim.kill();
  }
}
