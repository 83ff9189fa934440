package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.device.Chunk;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.CoreDriver.Request;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class GuideTest {
  /** Counts up by one from any multiple of ten, five times; says so when it is asked to think. */
  private static final class Counting implements Guide {
    final List<Integer> drawn = new ArrayList<>();
    boolean thinks;
    boolean isShortened;
    String stuck = "";

    @Override
    public Next next() {
      if (!stuck.isEmpty()) {
        return new Stuck(stuck);
      }
      if (drawn.size() == 5) {
        return new AtEnd();
      }
      BitSet allowed = new BitSet();
      if (drawn.isEmpty()) {
        for (int i = 10; i < 900; i += 10) {
          allowed.set(i);
        }
      } else {
        allowed.set(drawn.get(drawn.size() - 1) + 1);
      }
      return thinks ? new Working() : new Allowed(allowed.toLongArray());
    }

    @Override
    public void drew(int token) {
      drawn.add(token);
    }

    @Override
    public boolean isShortened() {
      return isShortened;
    }
  }

  private final List<Counting> guides = new ArrayList<>();
  private final CoreDriver driver =
      new CoreDriver(
          Cairns.limits(8, 100),
          SchedulingPolicy.of(8),
          0,
          (admission, most) -> {
            Counting guide = new Counting();
            for (int i = admission.promptLength(); i < admission.tokens().length; i++) {
              guide.drew(admission.tokens()[i]);
            }
            guides.add(guide);
            return guide;
          });

  private Request held(String id, int maxTokens) {
    Admission free = CoreDriver.admission(id, CoreDriver.prompt(id.hashCode(), 9), maxTokens);
    return driver.admit(
        new Admission(
            id,
            1,
            free.standing(),
            1000,
            free.tokens(),
            free.promptLength(),
            maxTokens,
            Sampling.GREEDY.with(Map.of(), "root ::= any"),
            7,
            true,
            -1,
            false,
            ""));
  }

  private static void assertCounts(Request request, int tokens) {
    assertThat(request.output).hasSize(tokens);
    for (int i = 0; i < tokens; i++) {
      assertThat(request.output.get(i)).isEqualTo(request.output.get(0) + i);
    }
    assertThat(request.output.get(0) % 10).isZero();
  }

  @Test
  @DisplayName("a sequence draws what its guide allows, and ends where nothing can follow")
  void followsItsGuide() {
    Request held = held("held", 20);
    Request free = driver.admit("free", 9, 20);
    driver.drain();
    assertCounts(held, 5);
    assertThat(held.reason()).isEqualTo(FinishReason.STOP);
    assertThat(free.output).hasSize(20);
    assertThat(free.output.stream().mapToInt(t -> t).toArray())
        .isEqualTo(driver.alone(free.admission));
    assertThat(driver.core.stats().entries()).isZero();
  }

  @Test
  @DisplayName("an output that was shortened to fit ends with length, as one that is cut")
  void lengthIsTold() {
    Request shortened = held("shortened", 20);
    Request cut = held("cut", 3);
    guides.get(0).isShortened = true;
    driver.drain();
    assertThat(shortened.reason()).isEqualTo(FinishReason.LENGTH);
    assertCounts(cut, 3);
    assertThat(cut.reason()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  @DisplayName("while a guide thinks its row waits, and the others are in every step")
  void othersDoNotWait() {
    Request held = held("held", 20);
    Request free = driver.admit("free", 9, 20);
    driver.plan();
    driver.runOne();
    guides.get(0).thinks = true;
    int before = free.output.size();
    for (int i = 0; i < 6; i++) {
      driver.plan();
      driver.runOne();
      driver.collect();
      driver.commitAll();
    }
    assertThat(free.output.size() - before).isEqualTo(7);
    assertThat(held.output).hasSize(1);
    guides.get(0).thinks = false;
    driver.drain();
    assertCounts(held, 5);
  }

  @Test
  @DisplayName("a long prompt is computed while its guide thinks, up to where a token is drawn")
  void promptIsComputedMeanwhile() {
    Request held = held("held", 20);
    guides.get(0).thinks = true;
    driver.plan();
    driver.runOne();
    driver.plan();
    assertThat(driver.submitted).isEmpty();
    guides.get(0).thinks = false;
    driver.plan();
    assertThat(driver.submitted).hasSize(1);
    Chunk chunk = driver.submitted.peekFirst().step().chunks().get(0);
    assertThat(chunk.count()).isEqualTo(1);
    assertThat(chunk.start()).isEqualTo(8);
    driver.drain();
    assertCounts(held, 5);
  }

  @Test
  @DisplayName("where a guide leads nowhere the request ends with the reason, waiting or running")
  void stuckEnds() {
    Request held = held("held", 20);
    guides.get(0).stuck = "the grammar is too wide";
    driver.drain();
    assertThat(held.reason()).isEqualTo(FinishReason.ERROR);
    assertThat(held.end.orElseThrow().detail()).isEqualTo("the grammar is too wide");
    Request later = held("later", 20);
    driver.plan();
    driver.runOne();
    guides.get(1).stuck = "no way on";
    driver.drain();
    assertThat(later.reason()).isEqualTo(FinishReason.ERROR);
    assertThat(driver.core.stats().slotsInUse()).isZero();
  }

  @Test
  @DisplayName("L8 after the device is lost a sequence goes on where its guide stood")
  void goesOnAfterLoss() {
    Request undisturbed = held("held", 20);
    driver.drain();
    Request held = held("held", 20);
    for (int i = 0; i < 3; i++) {
      driver.plan();
      driver.runOne();
      driver.collect();
      driver.commitAll();
    }
    driver.loseDevice();
    driver.uncommitted.clear();
    driver.readmit(held);
    driver.drain();
    assertThat(held.output).isEqualTo(undisturbed.output);
  }
}
