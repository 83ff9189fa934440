package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device in a process of its own, {@code serve --isolate-device}. */
class IsolatedDeviceTest {
  private static final int ROUNDS = Integer.getInteger("cairn.crash.isolated-rounds", 3);
  private static final int KINDS = 8;
  private static final int TOKENS = 120;
  private static final List<String> NO_CORE_FILE =
      List.of("sh", "-c", "ulimit -c 0; exec \"$0\" \"$@\"");

  @TempDir Path directory;
  private Optional<ServerProcess> running = Optional.empty();

  @AfterEach
  void end() {
    running.ifPresent(ServerProcess::close);
  }

  private ServerProcess serve(ServerProcess.Launch launch) {
    ServerProcess server = launch.with("--isolate-device").under(NO_CORE_FILE).start().await();
    running = Optional.of(server);
    return server;
  }

  private static ProcessHandle device(ServerProcess server) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < deadline) {
      Optional<ProcessHandle> child =
          ProcessHandle.of(server.pid()).flatMap(own -> own.children().findFirst());
      if (child.isPresent()) {
        return child.get();
      }
      Thread.onSpinWait();
    }
    throw new AssertionError("the server has no device process; it said " + server.errors());
  }

  @Test
  @DisplayName(
      "L8 L10 a SIGSEGV in the isolated device cuts off no stream, and all have their bytes")
  void theDeviceFaults() {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("IsolatedDeviceTest: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    Load load = new Load(KINDS, TOKENS).uninterrupted(directory.resolve("quiet"));
    long faults = 0;
    long longestMillis = 0;
    for (int round = 0; round < ROUNDS; round++) {
      String when = "round " + round + ", seed " + seed;
      // Each process of the device meets the fault at this step. With one much earlier, eight
      // requests that are computed anew each time would get few tokens a process.
      int step = 60 + random.nextInt(40);
      Path errors = directory.resolve("hs_err_%p.log");
      try (ServerProcess server =
          serve(
              ServerProcess.at(directory.resolve("round-" + round))
                  .environment("CAIRN_TEST_SEGV_AT_STEP", step)
                  // On a slow disk little is committed before the next process faults: neither the
                  // requests nor the server may give up, nor wait longer each time.
                  .set("cairn.requests.max-device-losses", 1000)
                  .set("cairn.isolation.max-attempts", 1000)
                  .set("cairn.isolation.max-backoff", "200ms")
                  .jvm("-XX:ErrorFile=" + errors))) {
        List<ClientStream> streams = new ArrayList<>();
        for (int i = 0; i < KINDS; i++) {
          streams.add(load.stream(i, "isolated"));
        }
        longestMillis = Math.max(longestMillis, follow(server, streams));
        load.assertAsUninterrupted(streams, when);
        assertThat(streams).as(when).allMatch(each -> each.refusals() == 0);
        long ended =
            server.errors().stream().filter(line -> line.contains("process ended")).count();
        assertThat(ended).as("faults at step %s, %s", step, when).isPositive();
        assertThat(server.errors())
            .as("what the device said, %s", when)
            .anyMatch(line -> line.startsWith("device: ") && line.contains("SIGSEGV"));
        assertThat(server.isAlive()).isTrue();
        faults += ended;
      }
    }
    System.out.printf(
        "IsolatedDeviceTest: %d rounds, %d faults, no stream cut off, the longest silence %d ms%n",
        ROUNDS, faults, longestMillis);
    assertThat(longestMillis).as("milliseconds for streams to go on").isLessThan(60_000);
  }

  /** Follows streams over one connection each; returns the longest time without any event. */
  private static long follow(ServerProcess server, List<ClientStream> streams) {
    AtomicLong last = new AtomicLong(System.nanoTime());
    AtomicLong longest = new AtomicLong();
    Load.follow(
        server,
        streams,
        () -> {
          long now = System.nanoTime();
          long before = last.getAndSet(now);
          longest.accumulateAndGet(now - before, Math::max);
        });
    return TimeUnit.NANOSECONDS.toMillis(longest.get());
  }

  @Test
  @DisplayName("SIGKILL of the server leaves no device process behind")
  void theServerIsKilled() throws Exception {
    ServerProcess server = serve(ServerProcess.at(directory));
    ProcessHandle device = device(server);
    CompletableFuture<ProcessHandle> gone = device.onExit();
    server.kill();
    gone.get(60, TimeUnit.SECONDS);
    assertThat(device.isAlive()).isFalse();
  }

  @Test
  @DisplayName("SIGTERM stops both processes in order")
  void bothStop() throws Exception {
    ServerProcess server = serve(ServerProcess.at(directory));
    ProcessHandle device = device(server);
    CompletableFuture<ProcessHandle> gone = device.onExit();
    assertThat(server.terminate()).as("exit status; it said %s", server.errors()).isZero();
    gone.get(60, TimeUnit.SECONDS);
    assertThat(server.errors())
        .noneMatch(line -> line.contains("process ended") || line.contains("is killed"));
  }

  @Test
  @DisplayName("S17 a device that cannot start is given up, and readiness says why")
  void theDeviceCannotStart() {
    ServerProcess server =
        serve(
            ServerProcess.at(directory)
                .set("cairn.device.backend", "abacus")
                .set("cairn.isolation.max-attempts", 2)
                .set("cairn.device.max-open-attempts", 1));
    String ready = server.client().getText("/health/ready");
    assertThat(ready)
        .contains("not ready")
        .contains("started 2 times and is given up")
        .contains("abacus");
    assertThat(server.isAlive()).isTrue();
  }

  @Test
  @DisplayName("doctor says whether the device opens in a process of its own, and why not")
  void doctor() throws Exception {
    String dir = directory.toString();
    assertThat(said("doctor", "--json", "--isolate-device", "--data-dir", dir))
        .contains("\"device_process\":{\"available\":true}");
    assertThat(
            said("doctor", "--json", "--isolate-device", "--data-dir", dir, "--backend", "abacus"))
        .contains("\"device_process\":{\"available\":false")
        .contains("abacus");
  }

  private static String said(String... arguments) throws Exception {
    Process process = ServerProcess.cairn(List.of(arguments));
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return out;
  }
}
