package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeadLoopsTest {
  @TempDir Path directory;

  @Test
  @DisplayName(
      "S17 a retention that a failure ended is told to whoever listens, before or after it")
  void retention() throws Exception {
    JournalSettings settings =
        JournalSettings.of(
            ConfigFactory.parseMap(
                    Map.of(
                        "cairn.journal.directory",
                        directory.toString(),
                        "cairn.journal.retention.interval",
                        "10 ms",
                        "cairn.journal.retention.time",
                        "1 day"))
                .withFallback(ConfigFactory.load()));
    CompletableFuture<String> early = new CompletableFuture<>();
    CompletableFuture<String> late = new CompletableFuture<>();
    CompletableFuture<Void> listening = new CompletableFuture<>();
    try (OpenJournal journal =
        OpenJournal.open(
            settings,
            () -> {
              listening.join();
              throw new IllegalStateException("the clock broke");
            })) {
      journal.onDeadLoop(early::complete);
      assertThat(early).isNotDone();
      listening.complete(null);
      assertThat(early.get(60, TimeUnit.SECONDS)).isEqualTo("the journal's retention");
      journal.onDeadLoop(late::complete);
      assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo("the journal's retention");
    }
  }
}
