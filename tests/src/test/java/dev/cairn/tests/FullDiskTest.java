package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cairn.tests.ApiClient.Reply;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk of its own, which another program fills to the last byte. */
class FullDiskTest {
  private static final int KINDS = 8;
  private static final int DISK_MIB = 192;
  private static final int RESERVE_MIB = 64;

  @TempDir Path directory;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void endThreads() {
    threads.shutdownNow();
  }

  @Test
  @DisplayName(
      "L11 on a full disk new requests get 507 and running ones wait; they go on when there is room")
  void aFullDisk() throws Exception {
    Load load = new Load(KINDS, 400).uninterrupted(directory.resolve("quiet"));
    Path disk = Files.createDirectory(directory.resolve("disk"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=" + DISK_MIB + "m", "tmpfs", disk.toString()) == 0,
        "no file system can be mounted here");
    try {
      fillAndFree(load, disk);
    } finally {
      assertThat(run("umount", "--lazy", disk.toString())).isZero();
    }
  }

  private void fillAndFree(Load load, Path disk) throws IOException, InterruptedException {
    ServerProcess.Launch launch =
        ServerProcess.at(disk.resolve("data"))
            .set("cairn.journal.min-free-bytes", RESERVE_MIB + "MiB")
            .set("cairn.journal.free-space-interval", "50ms");
    try (ServerProcess server = launch.start().await()) {
      ApiClient client = server.client();
      List<ClientStream> streams = new ArrayList<>();
      for (int i = 0; i < KINDS; i++) {
        streams.add(load.stream(i, "full"));
      }
      Semaphore events = new Semaphore(0);
      CompletableFuture<Void> following =
          CompletableFuture.runAsync(() -> Load.follow(server, streams, events::release), threads);
      assertThat(events.tryAcquire(KINDS, 60, TimeUnit.SECONDS)).isTrue();
      Path filler = disk.resolve("filler");
      fill(filler, disk.toFile().getUsableSpace() - RESERVE_MIB * (1L << 20) + (1 << 20));
      awaitStatus(client, 507);
      fill(filler, Long.MAX_VALUE);
      assertThat(disk.toFile().getUsableSpace()).isZero();

      Reply refused = submit(client);
      assertThat(refused.status()).isEqualTo(507);
      assertThat(refused.body().at("/error/message").asText())
          .isEqualTo("the disk of the journal is full");
      double committed = Metrics.of(client).value("cairn_tokens_committed_total");
      assertThat(following).as("running streams wait").isNotDone();
      for (int i = 0; i < 20; i++) {
        assertThat(submit(client).status()).isEqualTo(507);
      }
      assertThat(Metrics.of(client).value("cairn_tokens_committed_total")).isEqualTo(committed);
      assertThat(following).isNotDone();
      assertThat(server.isAlive()).isTrue();

      Files.delete(filler);
      following.join();
      load.assertAsUninterrupted(streams, "after the disk was full");
      awaitStatus(client, 200);
      assertThat(server.terminate()).isZero();
    }
  }

  private static Reply submit(ApiClient client) {
    return client.post("/v1/completions", Map.of("prompt", "A fox", "max_tokens", 1));
  }

  private static void awaitStatus(ApiClient client, int status) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    for (Reply reply = submit(client); reply.status() != status; reply = submit(client)) {
      assertThat(System.nanoTime()).as("still %s", reply).isLessThan(deadline);
    }
  }

  /** Writes zeros to the end of a file, as many as wanted or as there is room for. */
  private static void fill(Path file, long bytes) {
    byte[] zeros = new byte[1 << 16];
    try (OutputStream out =
        Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (long left = bytes; left > 0; left -= zeros.length) {
        out.write(zeros);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }
}
