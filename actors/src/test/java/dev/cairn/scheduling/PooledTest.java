package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.Pooling;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.LookUp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Prompts of which one vector is wanted, among others that generate. */
class PooledTest {
  private static final int BLOCK = CoreDriver.BLOCK;
  private final Map<String, float[]> vectors = new HashMap<>();

  private static Admission pooled(String id, int epoch, int[] tokens, Band band, Pooling pooling) {
    return Admission.pooled(id, epoch, Standing.alone(band, "", 0), 1000, tokens, "", pooling);
  }

  private static Admission pooled(String id, int[] tokens, Pooling pooling) {
    return pooled(id, 1, tokens, Band.INTERACTIVE, pooling);
  }

  /** Goes on until nothing is left; remembers what was pooled. */
  private void drain(CoreDriver driver) {
    for (int quiet = 0; quiet < 2; ) {
      driver.plan();
      boolean worked = !driver.submitted.isEmpty();
      if (worked) {
        driver.runOne();
      }
      quiet = worked ? 0 : quiet + 1;
      take(driver);
    }
  }

  private void take(CoreDriver driver) {
    driver.collect();
    for (Handover handover : driver.uncommitted) {
      if (handover.pooled().length > 0) {
        assertThat(handover.tokens()).isEmpty();
        assertThat(handover.end().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(vectors.put(handover.requestId(), handover.pooled())).isNull();
      }
    }
    driver.commitAll();
  }

  private static void assertNothingIsLeft(CoreDriver driver) {
    assertThat(driver.core.stats().entries()).isZero();
    assertThat(driver.core.stats().slotsInUse()).isZero();
    assertThat(driver.core.available()).isEqualTo(driver.limits.kvBlocks());
    assertThat(driver.core.outstandingTokens()).isZero();
    assertThat(driver.device.stats().openSlots()).isZero();
  }

  @Test
  @DisplayName("I4 vectors are those of each prompt alone, whatever shares the steps")
  void amongOthers() {
    Random random = new Random(11);
    CoreDriver driver = new CoreDriver(6, 16, 60, 128, 20);
    Map<String, int[]> prompts = new HashMap<>();
    for (int i = 0; i < 30; i++) {
      String id = "e" + i;
      prompts.put(id, CoreDriver.prompt(random.nextInt(5), 1 + random.nextInt(70)));
      driver.admit(pooled(id, prompts.get(id), i % 2 == 0 ? Pooling.MEAN : Pooling.LAST));
      driver.admit("r" + i, 1 + random.nextInt(30), random.nextInt(20));
    }
    drain(driver);
    for (int i = 0; i < 30; i++) {
      Pooling pooling = i % 2 == 0 ? Pooling.MEAN : Pooling.LAST;
      assertThat(vectors.get("e" + i))
          .as("e" + i)
          .isEqualTo(SimulatedDevice.expectedPooled(prompts.get("e" + i), pooling));
      CoreDriver.Request request = driver.requests.get("r" + i);
      assertThat(request.output.stream().mapToInt(t -> t).toArray())
          .isEqualTo(driver.alone(request.admission));
    }
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("I4 the last state is computed behind cached blocks, a mean from the first token on")
  void prefixCache() {
    int[] prompt = CoreDriver.prompt(3, 10 * BLOCK);
    CoreDriver driver = new CoreDriver(2, 64, 40, 128, 0);
    driver.admit(pooled("first", prompt, Pooling.MEAN));
    drain(driver);
    assertThat(driver.core.stats().prefixHitTokens()).isZero();
    driver.admit(pooled("last", prompt, Pooling.LAST));
    drain(driver);
    // The last position is computed always.
    assertThat(driver.core.stats().prefixHitTokens()).isEqualTo(9 * BLOCK);
    driver.admit(pooled("mean", prompt, Pooling.MEAN));
    drain(driver);
    assertThat(driver.core.stats().prefixHitTokens()).isEqualTo(9 * BLOCK);
    assertThat(vectors.get("last")).isEqualTo(SimulatedDevice.expectedPooled(prompt, Pooling.LAST));
    assertThat(vectors.get("mean"))
        .isEqualTo(vectors.get("first"))
        .isEqualTo(SimulatedDevice.expectedPooled(prompt, Pooling.MEAN));
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("I4 a prompt that had to yield in the middle pools the same")
  void preemption() {
    for (Pooling pooling : List.of(Pooling.MEAN, Pooling.LAST)) {
      CoreDriver driver = new CoreDriver(2, 8, 16, 64, 0);
      int[] prompt = CoreDriver.prompt(5, 50);
      driver.admit(pooled("low" + pooling, 1, prompt, Band.BATCH, pooling));
      driver.plan();
      driver.runOne();
      take(driver);
      driver.admit(pooled("high" + pooling, 1, prompt, Band.SYSTEM, pooling));
      drain(driver);
      assertThat(driver.core.stats().preemptions()).isPositive();
      float[] expected = SimulatedDevice.expectedPooled(prompt, pooling);
      assertThat(vectors.get("low" + pooling)).isEqualTo(expected);
      assertThat(vectors.get("high" + pooling)).isEqualTo(expected);
      assertNothingIsLeft(driver);
    }
  }

  @Test
  @DisplayName("I6 what is released or cancelled before its end leaves nothing")
  void released() {
    CoreDriver driver = new CoreDriver(2, 8, 16, 64, 0);
    driver.admit(pooled("a", CoreDriver.prompt(1, 30), Pooling.MEAN));
    driver.admit(pooled("b", CoreDriver.prompt(2, 30), Pooling.MEAN));
    driver.admit(pooled("c", CoreDriver.prompt(3, 30), Pooling.MEAN));
    driver.plan();
    driver.core.release("a", 1);
    driver.core.release("c", 1);
    assertThat(driver.core.cancel("b", 1)).containsExactly("b");
    drain(driver);
    assertThat(vectors).isEmpty();
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("I4 what the device lost is pooled anew in another epoch")
  void lostDevice() {
    CoreDriver driver = new CoreDriver(2, 8, 16, 64, 0);
    int[] prompt = CoreDriver.prompt(4, 30);
    driver.admit(pooled("a", prompt, Pooling.MEAN));
    driver.plan();
    driver.runOne();
    assertThat(driver.loseDevice()).containsExactly(new SchedulingCore.Released("a", 1));
    driver.requests.remove("a");
    CoreDriver.Request again = driver.admit(pooled("a", 2, prompt, Band.INTERACTIVE, Pooling.MEAN));
    assertThat(again.epoch).isEqualTo(2);
    drain(driver);
    assertThat(vectors.get("a")).isEqualTo(SimulatedDevice.expectedPooled(prompt, Pooling.MEAN));
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R19 a prompt whose numbers are not finite ends with an error and no vector")
  void notFinite() {
    CoreDriver driver = new CoreDriver(2, 8, 16, 64, 0);
    int[] bad = CoreDriver.prompt(4, 20);
    bad[9] = SimulatedDevice.POISON;
    CoreDriver.Request request = driver.admit(pooled("bad", bad, Pooling.MEAN));
    drain(driver);
    assertThat(request.reason()).isEqualTo(FinishReason.ERROR);
    assertThat(vectors).isEmpty();
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("what owners of vectors take to answer does not change the window of commits")
  void window() {
    CoreDriver driver = new CoreDriver(2, 64, 40, 128, 0);
    int before = driver.core.stats().window();
    for (int i = 0; i < 20; i++) {
      driver.admit(pooled("e" + i, CoreDriver.prompt(i, 8), Pooling.LAST));
      driver.plan();
      driver.runOne();
      driver.collect();
      driver.now += 1_000_000_000;
      driver.commitAll();
    }
    assertThat(driver.core.stats().window()).isEqualTo(before);
    driver.admit("r", 8, 4);
    driver.plan();
    driver.runOne();
    driver.collect();
    driver.now += 1_000_000_000;
    driver.commitAll();
    assertThat(driver.core.stats().window()).isGreaterThan(before);
  }

  @Test
  @DisplayName("an admission that is pooled generates nothing")
  void admissions() {
    assertThatThrownBy(
            () ->
                new Admission(
                    "a",
                    1,
                    Standing.alone(Band.BATCH, "", 0),
                    0,
                    new int[] {1},
                    1,
                    4,
                    Sampling.GREEDY,
                    0,
                    false,
                    -1,
                    false,
                    "",
                    LookUp.OFF,
                    Pooling.MEAN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected no tokens to generate");
  }
}
