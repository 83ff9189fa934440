package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AeronDirectoryTest {
  private static final int NODES = 8;

  @TempDir private Path folder;

  private Path left(String name, Duration ago) throws IOException {
    Path directory = Files.createDirectory(folder.resolve("cairn-aeron-" + name));
    Files.writeString(directory.resolve("loss-report.dat"), "x");
    Files.setLastModifiedTime(directory, FileTime.from(Instant.now().minus(ago)));
    return directory;
  }

  @Test
  @DisplayName("nodes that start together delete what killed ones have left, and all of them start")
  void together() throws Exception {
    Config aeron =
        SimulatedNodes.config("cairn.cluster.aeron.directory = \"" + folder + "\"")
            .getConfig("cairn.cluster.aeron");
    ExecutorService nodes = Executors.newFixedThreadPool(NODES);
    try {
      for (int round = 0; round < 20; round++) {
        List<Path> abandoned = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
          abandoned.add(left(round + "-" + i, Duration.ofMinutes(5)));
        }
        Path starting = left(round + "-starting", Duration.ZERO);
        CyclicBarrier together = new CyclicBarrier(NODES);
        List<Future<Path>> prepared = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
          prepared.add(
              nodes.submit(
                  () -> {
                    together.await();
                    return AeronDirectory.prepare(aeron);
                  }));
        }
        for (Future<Path> each : prepared) {
          assertThat(each.get(60, TimeUnit.SECONDS).getParent()).isEqualTo(folder);
        }
        assertThat(abandoned).noneMatch(Files::exists);
        assertThat(starting).exists();
      }
    } finally {
      nodes.shutdownNow();
    }
  }
}
