package dev.cairn.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.actors.DeviceReading;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.journal.JournalStats;
import dev.cairn.persistence.journal.JournalStorage;
import dev.cairn.scheduling.PendingReason;
import dev.cairn.scheduling.SchedulingStats;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class CairnMetricsTest {
  private final CairnMetrics metrics = new CairnMetrics();

  @Test
  @DisplayName("R12 three requests show as three in every metric that they touch")
  void threeRequests() {
    for (int i = 0; i < 3; i++) {
      metrics.accepted(10);
      metrics.firstToken(TimeUnit.MILLISECONDS.toNanos(20));
      metrics.tokensCommitted(1);
      metrics.tokensCommitted(4);
      metrics.interToken(TimeUnit.MILLISECONDS.toNanos(2), 4);
      metrics.finished(FinishReason.STOP);
    }
    assertShows(
        "cairn_requests_total{state=\"accepted\"} 3.0",
        "cairn_requests_total{state=\"stop\"} 3.0",
        "cairn_requests_total{state=\"error\"} 0.0",
        "cairn_prompt_tokens_total 30.0",
        "cairn_tokens_committed_total 15.0",
        "cairn_time_to_first_token_seconds_count 3",
        "cairn_time_to_first_token_seconds_sum 0.06",
        "cairn_inter_token_seconds_count 12");
  }

  @Test
  @DisplayName("R12 steps, the journal, failures and the scheduler show")
  void everythingElse() {
    metrics.stepCompleted(4, 100, TimeUnit.MILLISECONDS.toNanos(5));
    metrics.deviceIdle(TimeUnit.SECONDS.toNanos(2));
    metrics.journalCommit(7, TimeUnit.MILLISECONDS.toNanos(1));
    metrics.staleResult();
    metrics.relayed(3, 200);
    metrics.relayed(0, 50);
    metrics.contradiction();
    metrics.prefixCacheHit(64);
    metrics.drafted(8, 5);
    metrics.deviceError();
    metrics.garbledAnswer();
    metrics.garbledAnswer();
    metrics.userError();
    metrics.journal(
        () ->
            new JournalStats(
                1, 2, 3, 4, 5, 6, 7, 12, false, new JournalStorage(8, 9, 10, 11), Optional.empty()),
        "fsync");
    metrics.held(() -> Map.of("readers", 9L));
    metrics.scheduler(new SchedulingStats(1, 2, 3, 4, 5, 60, 1, 32, 6, 0, 15, 0));
    assertShows(
        "cairn_step_seconds_sum 0.005",
        "cairn_step_rows_sum 4.0",
        "cairn_step_tokens_total 100.0",
        "cairn_device_idle_seconds_total 2.0",
        "cairn_journal_commit_seconds_sum 0.001",
        "cairn_journal_commit_events_sum 7.0",
        "cairn_journal_durability{mode=\"fsync\"} 1.0",
        "cairn_journal_bytes 8.0",
        "cairn_journal_finished_requests 9.0",
        "cairn_journal_finished_bytes 10.0",
        "cairn_journal_expired_requests_total 11.0",
        "cairn_journal_failed_writes_total 12.0",
        "cairn_stale_results_total 1.0",
        "cairn_relay_messages_total 2.0",
        "cairn_relay_bytes_total 250.0",
        "cairn_relay_contradictions_total 1.0",
        "cairn_device_errors_total 1.0",
        "cairn_garbled_answers_total 2.0",
        "cairn_user_errors_total 1.0",
        "cairn_held{kind=\"readers\"} 9.0",
        "cairn_requests_queued 1.0",
        "cairn_requests_running 2.0",
        "cairn_device_slots_used 4.0",
        "cairn_kv_blocks{state=\"used\"} 5.0",
        "cairn_kv_blocks{state=\"free\"} 40.0",
        "cairn_kv_blocks{state=\"cached\"} 15.0",
        "cairn_prefix_cache_hit_tokens_total 64.0",
        "cairn_look_up_drafted_tokens_total 8.0",
        "cairn_look_up_held_tokens_total 5.0",
        "cairn_commit_window_tokens 32.0",
        "cairn_preemptions_total 6.0");
  }

  private static DeviceReading reading(String device, int running, long steps) {
    return new DeviceReading(
        device,
        new SchedulingStats(1, running, 3, 4, 5, 60, 1, 32, 6, 0, 15, 0),
        Map.of(PendingReason.Code.MEMORY, 1),
        steps,
        steps * 4,
        steps * 10,
        steps * 500_000_000);
  }

  @Test
  @DisplayName("each device has metrics of its own, whose totals outlive its scheduler")
  void devices() {
    metrics.device(reading("cpu-0", 2, 6));
    metrics.device(reading("hip-0", 7, 1));
    metrics.device(reading("cpu-0", 3, 8));
    // It failed and began anew.
    metrics.device(reading("cpu-0", 3, 2));
    assertShows(
        "cairn_device_requests{device=\"cpu-0\",state=\"running\"} 3.0",
        "cairn_device_requests{device=\"hip-0\",state=\"running\"} 7.0",
        "cairn_device_requests{device=\"cpu-0\",state=\"queued\"} 1.0",
        "cairn_device_waiting{device=\"cpu-0\",reason=\"memory\"} 1.0",
        "cairn_device_waiting{device=\"cpu-0\",reason=\"queued\"} 0.0",
        "cairn_device_kv_blocks{device=\"cpu-0\",state=\"used\"} 5.0",
        "cairn_device_kv_blocks{device=\"cpu-0\",state=\"free\"} 40.0",
        "cairn_device_kv_blocks{device=\"cpu-0\",state=\"cached\"} 15.0",
        "cairn_device_steps_total{device=\"cpu-0\"} 10.0",
        "cairn_device_rows_total{device=\"cpu-0\"} 40.0",
        "cairn_device_tokens_total{device=\"cpu-0\"} 100.0",
        "cairn_device_busy_seconds_total{device=\"cpu-0\"} 5.0",
        "cairn_device_steps_total{device=\"hip-0\"} 1.0");
  }

  @Test
  @DisplayName("every metric has a help text, and two nodes count apart")
  void help() {
    Set<String> described = new HashSet<>();
    Set<String> typed = new HashSet<>();
    metrics
        .scrape()
        .lines()
        .forEach(
            line -> {
              String[] words = line.split(" ", 4);
              if (line.startsWith("# HELP") && words.length == 4 && !words[3].isBlank()) {
                described.add(words[2]);
              } else if (line.startsWith("# TYPE")) {
                typed.add(words[2]);
              }
            });
    assertThat(described).isEqualTo(typed).hasSizeGreaterThan(15);
    metrics.userError();
    assertThat(new CairnMetrics().scrape()).contains("cairn_user_errors_total 0.0");
  }

  private void assertShows(String... lines) {
    assertThat(Arrays.asList(metrics.scrape().split("\n"))).contains(lines);
  }
}
