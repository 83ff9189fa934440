package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SequenceClockTest {
  private final SequenceClock clock = new SequenceClock(100);

  @Test
  @DisplayName("the first hand-over says how long the wait, the prefill and the tokens since took")
  void first() {
    clock.started(130);
    assertThat(clock.handedOver(false, 140)).isEmpty();
    clock.drew(150);
    clock.drew(155);
    assertThat(clock.handedOver(false, 160)).contains(new Handover.Timing(30, 20, 10));
    assertThat(clock.handedOver(true, 170)).as("nothing new").isEmpty();
  }

  @Test
  @DisplayName("a sequence that made room waits and computes again")
  void preempted() {
    clock.started(100);
    clock.drew(110);
    assertThat(clock.handedOver(false, 110)).contains(new Handover.Timing(0, 10, 0));
    clock.stopped(120);
    assertThat(clock.handedOver(false, 125)).as("of before").isEmpty();
    clock.started(150);
    clock.drew(155);
    assertThat(clock.handedOver(false, 155)).contains(new Handover.Timing(30, 5, 0));
  }

  @Test
  @DisplayName("what ends with its prompt has a prefill, and what never ran has nothing")
  void endsEarly() {
    assertThat(clock.handedOver(true, 105)).isEmpty();
    clock.started(110);
    assertThat(clock.handedOver(true, 130)).contains(new Handover.Timing(10, 20, 0));
  }
}
