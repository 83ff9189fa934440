package dev.cairn.scheduling;

import static dev.cairn.scheduling.CoreDriver.admission;
import static dev.cairn.scheduling.CoreDriver.prompt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.device.Chunk;
import dev.cairn.device.StepResult;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.CoreDriver.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulingCoreTest {
  @Test
  @DisplayName("R9 a lone request completes while nobody else comes")
  void loneRequestCompletes() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    Request request = driver.admit("a", 5, 10);
    driver.drain();
    assertThat(request.output).hasSize(10);
    assertThat(request.reason()).isEqualTo(FinishReason.LENGTH);
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R3 tokens of several steps come in order, with others joining in between")
  void tokensComeInOrderWithLateJoiners() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    Request first = driver.admit("a", 5, 4);
    driver.plan();
    driver.runOne();
    driver.admit("b", 6, 4);
    driver.plan();
    driver.runOne();
    driver.admit("c", 7, 4);
    driver.drain();
    assertThat(first.output).hasSize(4).containsExactly(boxed(driver.alone(first.admission)));
    for (Request request : driver.requests.values()) {
      assertThat(request.output).containsExactly(boxed(driver.alone(request.admission)));
      assertThat(request.ends).isOne();
    }
  }

  @Test
  @DisplayName("R13 an end-of-sequence token ends with stop, unless it is to be ignored")
  void endOfSequenceStops() {
    CoreDriver driver = new CoreDriver(4, 16, 64, 64, 5);
    Request stops = driver.admit("a", 5, 50);
    Admission goesOn =
        new Admission(
            "b",
            1,
            Standing.alone(Band.INTERACTIVE, "", 0),
            1,
            prompt(1, 5),
            5,
            50,
            Sampling.GREEDY,
            7,
            true,
            -1,
            false,
            "");
    Request ignores = driver.admit(goesOn);
    driver.drain();
    assertThat(stops.reason()).isEqualTo(FinishReason.STOP);
    assertThat(stops.output).endsWith(SimulatedDevice.END).hasSizeLessThan(50);
    assertThat(stops.output).containsExactly(boxed(driver.alone(stops.admission)));
    assertThat(ignores.reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(ignores.output).hasSize(50).contains(SimulatedDevice.END);
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R20 the rows of a step stand in the order of admission")
  void batchOrderIsAdmissionOrder() {
    CoreDriver driver = new CoreDriver(16, 64, 128, 64, 0);
    List<String> ids = List.of("zz", "b", "y", "a", "m", "k", "c");
    ids.forEach(id -> driver.admit(id, 4, 8));
    driver.plan();
    StepPlan prefill = driver.submitted.peekFirst();
    assertThat(prefill.opens()).hasSize(ids.size());
    assertThat(prefill.step().chunks().stream().map(Chunk::slot))
        .containsExactlyElementsOf(prefill.opens().stream().map(StepPlan.Open::slot).toList());
    for (int i = 0; i < ids.size(); i++) {
      assertThat(prefill.opens().get(i).spec().tokens())
          .isEqualTo(prompt(ids.get(i).hashCode(), 4));
    }
    StepPlan decode = driver.submitted.peekLast();
    assertThat(decode.step().chunks().stream().map(Chunk::slot))
        .containsExactlyElementsOf(prefill.step().chunks().stream().map(Chunk::slot).toList());
  }

  @Test
  @DisplayName("an earlier band is served first, whenever it came; within one the older request")
  void bandsComeFirst() {
    assertThat(
            Stream.of(
                    new QueueKey(Band.BATCH, 0, 0, 1, 1),
                    new QueueKey(Band.INTERACTIVE, 0, 0, 9, 4),
                    new QueueKey(Band.SYSTEM, 0, 0, 50, 7),
                    new QueueKey(Band.INTERACTIVE, 0, 0, 9, 2),
                    new QueueKey(Band.PRODUCTION, 0, 0, 40, 6),
                    new QueueKey(Band.INTERACTIVE, 0, 0, 3, 5))
                .sorted()
                .map(QueueKey::sequence))
        .containsExactly(7L, 6L, 5L, 2L, 4L, 1L);
  }

  @Test
  @DisplayName(
      "S1 S4 S5 a priority is remove and reinsert under a new key; a bulk cancel and what is absent"
          + " leave the order of the rest")
  void aPriorityIsAnotherKey() {
    CoreDriver driver = new CoreDriver(1, 16, 64, 64, 0);
    List<String> ids = List.of("a", "b", "c", "d", "e", "f", "g");
    Map<String, Request> requests = new LinkedHashMap<>();
    ids.forEach(id -> requests.put(id, driver.admit(id, 4, 6)));
    driver.plan();
    driver.core.prioritize("nobody", 1, Band.SYSTEM);
    driver.core.prioritize("f", 2, Band.SYSTEM);
    driver.core.prioritize("e", 1, Band.PRODUCTION);
    driver.core.prioritize("g", 1, Band.BATCH);
    driver.core.prioritize("g", 1, Band.INTERACTIVE);
    driver.core.prioritize("b", 1, Band.BATCH);
    driver.core.prioritize("a", 1, Band.BATCH);
    driver.core.prioritize("c", 1, Band.SYSTEM);
    driver.core.prioritize("c", 1, Band.INTERACTIVE);
    List.of("d", "nobody").forEach(id -> driver.core.cancel(id, Integer.MAX_VALUE));
    List<String> ended = new ArrayList<>();
    for (int i = 0; i < 500 && ended.size() < 6; i++) {
      driver.plan();
      if (!driver.submitted.isEmpty()) {
        driver.runOne();
      }
      driver.collect();
      driver.commitAll();
      requests.forEach(
          (id, request) -> {
            if (request.ends == 1 && !ended.contains(id)) {
              ended.add(id);
              assertThat(request.output).containsExactly(boxed(driver.alone(request.admission)));
            }
          });
    }
    // The one that ran goes on; then by band, and within one by the key of the entry.
    assertThat(ended).containsExactly("a", "e", "c", "f", "g", "b");
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R15 cancelling during a step leaves no block once the step has ended")
  void cancelDuringStepLeavesNothing() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    Request request = driver.admit("a", 9, 30);
    driver.plan();
    driver.runOne();
    driver.collect();
    driver.plan();
    assertThat(driver.submitted).isNotEmpty();
    assertThat(driver.core.cancel("a", Integer.MAX_VALUE)).containsExactly("a");
    driver.collect();
    assertThat(request.released).as("released while a step runs").isFalse();
    assertThat(driver.core.stats().kvBlocksUsed()).isPositive();
    while (!driver.submitted.isEmpty()) {
      driver.runOne();
    }
    driver.plan();
    driver.collect();
    assertThat(request.released).isTrue();
    assertThat(driver.submitted).isEmpty();
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R2 a late result of a finished request brings nothing back")
  void lateResultBringsNothingBack() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    driver.admit("a", 5, 3);
    driver.plan();
    StepResult first = driver.runOne();
    driver.drain();
    assertNothingIsLeft(driver);
    long stale = driver.core.stats().staleResults();
    driver.core.complete(first);
    driver.core.committed("a", 1, 3, 0);
    driver.core.release("a", 1);
    assertThat(driver.core.handOvers(0)).isEmpty();
    assertThat(driver.core.plan(driver.now)).isEmpty();
    assertThat(driver.core.stats().staleResults()).isEqualTo(stale + 2);
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R4 an older or equal epoch is dropped and counted, a newer one replaces it")
  void onlyANewerEpochReplaces() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    Admission first = admission("a", prompt(3, 6), 12);
    driver.admit(first);
    driver.plan();
    driver.runOne();
    driver.core.admit(first, driver.now);
    assertThat(driver.core.stats().staleResults()).isOne();
    int[] full = driver.alone(first);
    int[] known = new int[6 + 4];
    System.arraycopy(first.tokens(), 0, known, 0, 6);
    System.arraycopy(full, 0, known, 6, 4);
    Request again = driver.requests.get("a");
    again.epoch = 2;
    again.output.clear();
    for (int i = 0; i < 4; i++) {
      again.output.add(full[i]);
    }
    driver.core.admit(
        new Admission(
            "a",
            2,
            Standing.alone(Band.INTERACTIVE, "", 0),
            1000,
            known,
            6,
            12,
            Sampling.GREEDY,
            7,
            false,
            -1,
            false,
            ""),
        driver.now);
    driver.drain();
    assertThat(again.output).containsExactly(boxed(full));
    assertThat(again.ends).isOne();
    assertNothingIsLeft(driver);
  }

  @Test
  @DisplayName("R19 a request whose numbers are not finite fails alone")
  void oneFailingRowLeavesTheOthers() {
    CoreDriver driver = new CoreDriver(8, 32, 64, 64, 0);
    Request good = driver.admit("good", 6, 12);
    int[] poisoned = prompt(5, 6);
    poisoned[3] = SimulatedDevice.POISON;
    Request bad = driver.admit(admission("bad", poisoned, 12));
    Request other = driver.admit("other", 7, 12);
    driver.drain();
    assertThat(bad.reason()).isEqualTo(FinishReason.ERROR);
    assertThat(bad.end.orElseThrow().detail()).contains("not finite");
    assertThat(bad.output).isEmpty();
    assertThat(good.output).containsExactly(boxed(driver.alone(good.admission)));
    assertThat(other.output).containsExactly(boxed(driver.alone(other.admission)));
    assertNothingIsLeft(driver);
  }

  @Test
  void aSequenceWaitsForItsCommitsWhenItsWindowIsFull() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 128, 0);
    Request request = driver.admit("a", 5, 100);
    for (int i = 0; i < 60; i++) {
      driver.plan();
      if (!driver.submitted.isEmpty()) {
        driver.runOne();
      }
      driver.collect();
    }
    assertThat(driver.submitted).isEmpty();
    assertThat(driver.uncommitted).as("one commit in flight").hasSize(1);
    driver.commitAll();
    driver.collect();
    assertThat(request.output).as("the tail, in one piece").hasSize(driver.limits.minWindow());
    driver.drain();
    assertThat(request.output).containsExactly(boxed(driver.alone(request.admission)));
  }

  @Test
  void firstTokensAndEndsDoNotWaitForTheirTurn() {
    CoreDriver driver = new CoreDriver(16, 64, 128, 64, 0, 1, 2, true);
    for (int i = 0; i < 10; i++) {
      driver.admit("r" + i, 3, 40);
    }
    driver.plan();
    driver.runOne();
    driver.collect();
    assertThat(driver.uncommitted).as("all first tokens").hasSize(10);
    driver.commitAll();
    driver.plan();
    driver.runOne();
    driver.plan();
    driver.collect();
    assertThat(driver.uncommitted).as("as many as a step may hand over").hasSize(2);
    driver.drain();
    driver.requests.values().forEach(r -> assertThat(r.output).hasSize(40));
  }

  @Test
  void nothingToGenerateEndsAtOnce() {
    CoreDriver driver = new CoreDriver(4, 16, 32, 64, 0);
    Request nothing = driver.admit("a", 5, 0);
    driver.plan();
    assertThat(driver.submitted).isEmpty();
    driver.drain();
    assertThat(nothing.reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(nothing.output).isEmpty();
    assertNothingIsLeft(driver);
  }

  @Test
  void theLogprobsOfAPromptComeOnceAndCompleteThoughItWasCutAndPreempted() {
    CoreDriver driver = new CoreDriver(2, 4, 17, 64, 0);
    int[] tokens = prompt(9, 30);
    Admission scored =
        new Admission(
            "b",
            1,
            Standing.alone(Band.INTERACTIVE, "", 0),
            2000,
            tokens,
            30,
            2,
            Sampling.GREEDY,
            7,
            false,
            0,
            true,
            "");
    driver.admit("a", 29, 30);
    driver.admit(scored);
    List<Handover> seen = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      driver.plan();
      if (!driver.submitted.isEmpty()) {
        driver.runOne();
      }
      driver.collect();
      driver.uncommitted.stream().filter(h -> h.requestId().equals("b")).forEach(seen::add);
      driver.commitAll();
    }
    assertThat(seen.get(0).promptLogprobs()).hasSize(29);
    for (int i = 0; i < 29; i++) {
      assertThat(seen.get(0).promptLogprobs().get(i).topTokens()[0]).isEqualTo(tokens[i + 1]);
    }
    assertThat(seen.stream().skip(1)).allMatch(h -> h.promptLogprobs().isEmpty());
    assertThat(driver.core.stats().preemptions()).isPositive();
  }

  @Test
  void aLostDeviceNamesWhatItHeldAndKeepsWhatWaits() {
    CoreDriver driver = new CoreDriver(1, 16, 32, 64, 0);
    driver.admit("held", 5, 20);
    Request waits = driver.admit("waits", 5, 20);
    driver.plan();
    driver.runOne();
    driver.plan();
    List<SchedulingCore.Released> lost = driver.core.deviceLost();
    assertThat(lost).containsExactly(new SchedulingCore.Released("held", 1));
    driver.submitted.clear();
    driver.device.freeSlot(0);
    driver.drain();
    assertThat(waits.output).containsExactly(boxed(driver.alone(waits.admission)));
    assertNothingIsLeft(driver);
  }

  @Test
  void boundsThatCannotWorkAreRefused() {
    assertThatThrownBy(() -> new SchedulingLimits(4, 16, 3, 4, 64, 2, 8, 8, 32, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("kv-blocks is 3, expected at least 16");
    assertThatThrownBy(() -> new SchedulingLimits(32, 16, 64, 4, 64, 2, 8, 8, 32, true))
        .hasMessage("max-batch-tokens is 16, expected at least 32");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  @DisplayName("R6 R10 R14 L3 random loads: every output is what it is alone, and nothing is left")
  void everyOutputIsWhatItIsAlone(int stepsInFlight) {
    long base = Long.getLong("cairn.seed", System.nanoTime());
    for (int round = 0; round < 150; round++) {
      long seed = base + round;
      try {
        randomLoad(new Random(seed), stepsInFlight);
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("replay with -Dcairn.seed=" + seed, e);
      }
    }
  }

  private static void randomLoad(Random random, int stepsInFlight) {
    int slots = 1 + random.nextInt(6);
    int context = 16 + random.nextInt(48);
    int leastBlocks = (context + CoreDriver.BLOCK - 1) / CoreDriver.BLOCK;
    CoreDriver driver =
        new CoreDriver(
            slots,
            slots + random.nextInt(20),
            leastBlocks + random.nextInt(10),
            context,
            random.nextBoolean() ? 0 : 20,
            stepsInFlight,
            1 + random.nextInt(4),
            random.nextInt(4) > 0);
    // Few beginnings and two salts: many sequences share blocks, some must not.
    int beginnings = 1 + random.nextInt(4);
    int count = 1 + random.nextInt(20);
    int admitted = 0;
    List<String> cancelled = new ArrayList<>();
    for (int tick = 0; tick < 400; tick++) {
      if (admitted < count && random.nextInt(4) == 0) {
        int length = 1 + random.nextInt(context - 1);
        String id = "r" + admitted++;
        driver.admit(
            new Admission(
                id,
                1,
                Standing.alone(Band.INTERACTIVE, "", 0),
                random.nextInt(5),
                alike(beginnings, length, random),
                length,
                random.nextInt(40),
                Sampling.GREEDY,
                random.nextLong(),
                random.nextBoolean(),
                -1,
                random.nextInt(10) == 0,
                random.nextInt(3) == 0 ? "other" : ""));
        if (random.nextInt(6) == 0) {
          cancelled.add(id);
        }
      }
      if (!cancelled.isEmpty() && random.nextInt(10) == 0) {
        driver.core.cancel(cancelled.get(random.nextInt(cancelled.size())), Integer.MAX_VALUE);
      }
      driver.plan();
      if (!driver.submitted.isEmpty() && random.nextInt(3) > 0) {
        driver.runOne();
      }
      driver.collect();
      if (!driver.uncommitted.isEmpty() && random.nextInt(3) == 0) {
        driver.commit(random.nextInt(driver.uncommitted.size()));
      }
    }
    driver.drain();
    for (Request request : driver.requests.values()) {
      int[] alone = driver.alone(request.admission);
      if (request.released) {
        assertThat(unboxed(request.output)).isEqualTo(Arrays.copyOf(alone, request.output.size()));
      } else {
        assertThat(request.end).as(request.admission.requestId()).isPresent();
        assertThat(unboxed(request.output)).isEqualTo(alone);
        assertThat(request.ends).isOne();
      }
    }
    assertThat(driver.core.stats().staleResults())
        .isLessThanOrEqualTo(cancelled.size() * 2L + driver.readmissions);
    assertNothingIsLeft(driver);
  }

  /** One of a few beginnings, then tokens of its own from somewhere on. */
  private static int[] alike(int beginnings, int length, Random random) {
    int[] tokens = CoreDriver.prompt(random.nextInt(beginnings), length);
    int common = random.nextInt(length + 1);
    System.arraycopy(
        CoreDriver.prompt(random.nextInt(), length), common, tokens, common, length - common);
    return tokens;
  }

  private static void assertNothingIsLeft(CoreDriver driver) {
    SchedulingStats stats = driver.core.stats();
    assertThat(
            List.of(
                stats.queued(),
                stats.running(),
                stats.entries(),
                stats.slotsInUse(),
                stats.kvBlocksUsed(),
                stats.stepsInFlight()))
        .as("queued, running, entries, slots, blocks, steps")
        .containsOnly(0);
    Optional<StepPlan> plan = driver.core.plan(driver.now);
    assertThat(plan).isEmpty();
    driver.core.takeFrees().forEach(driver.device::freeSlot);
    assertThat(driver.device.stats().openSlots()).isZero();
  }

  private static Integer[] boxed(int[] tokens) {
    return Arrays.stream(tokens).boxed().toArray(Integer[]::new);
  }

  private static int[] unboxed(List<Integer> tokens) {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }
}
