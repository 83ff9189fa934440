package dev.cairn.server.isolation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private static final Duration SHORT = Duration.ofSeconds(1);

  private final Backoff backoff =
      new Backoff(Duration.ofMillis(100), Duration.ofMillis(350), Duration.ofSeconds(30));

  @Test
  @DisplayName(
      "the pause doubles up to the maximum and begins anew after a process that ran for a while")
  void pauses() {
    assertThat(backoff.ended(SHORT, true)).hasMillis(100);
    assertThat(backoff.ended(SHORT, true)).hasMillis(200);
    assertThat(backoff.ended(SHORT, true)).hasMillis(350);
    assertThat(backoff.ended(SHORT, true)).hasMillis(350);
    assertThat(backoff.ended(Duration.ofSeconds(30), true)).hasMillis(100);
    assertThat(backoff.ended(SHORT, true)).hasMillis(200);
  }

  @Test
  @DisplayName("starts that came to nothing are counted in a row")
  void failedStarts() {
    backoff.ended(SHORT, false);
    backoff.ended(SHORT, false);
    assertThat(backoff.failedStarts()).isEqualTo(2);
    backoff.ended(SHORT, true);
    assertThat(backoff.failedStarts()).isZero();
    backoff.ended(SHORT, false);
    assertThat(backoff.failedStarts()).isEqualTo(1);
  }
}
