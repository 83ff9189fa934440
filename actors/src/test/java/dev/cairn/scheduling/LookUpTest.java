package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.device.Chunk;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.LookUp;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Drafts in the core, with a device whose output can be guessed now and then. */
class LookUpTest {
  private static final int[] WORDS = {1, 2, 3, 1, 2, 3, 1, 2};
  private final List<Chunk> chunks = new ArrayList<>();

  private static SchedulingPolicy policy(LookUpPolicy lookUp) {
    SchedulingPolicy p = SchedulingPolicy.of(4);
    return new SchedulingPolicy(
        p.maxRunning(),
        p.agingNanos(),
        p.agingEvery(),
        p.lookAhead(),
        p.maxBypasses(),
        p.latencyFactor(),
        p.minChunk(),
        p.budgetWindowNanos(),
        p.groupPatienceNanos(),
        p.maxIdleTenants(),
        p.preemptForShare(),
        lookUp,
        p.tenants(),
        p.others());
  }

  private static CoreDriver driver(LookUpPolicy lookUp, int blocks, int endEvery) {
    SchedulingLimits limits =
        new SchedulingLimits(4, 32, blocks, CoreDriver.BLOCK, 64, 2, 8, 32, 64, true);
    return new CoreDriver(limits, policy(lookUp), endEvery);
  }

  private static Admission guessable(String id, long seed, int maxTokens, LookUp lookUp) {
    Admission admission = CoreDriver.admission(id, WORDS, maxTokens);
    return Drafted.of(admission, WORDS, seed, false, 2, lookUp);
  }

  private void run(CoreDriver driver) {
    for (int quiet = 0; quiet < 2; quiet++) {
      driver.plan();
      while (!driver.submitted.isEmpty()) {
        quiet = 0;
        chunks.addAll(driver.submitted.peekFirst().step().chunks());
        driver.runOne();
        driver.collect();
        driver.commitAll();
        driver.plan();
      }
    }
  }

  private static void assertAlone(CoreDriver driver, CoreDriver.Request request) {
    assertThat(request.output)
        .containsExactlyElementsOf(IntStream.of(driver.alone(request.admission)).boxed().toList());
  }

  @Test
  @DisplayName("Drafts bring tokens in fewer steps and change none of them, nor where they end")
  void draftsChangeNoToken() {
    for (long seed = -1; seed > -30; seed--) {
      CoreDriver drafted = driver(LookUpPolicy.ASKED, 64, 25);
      CoreDriver.Request request = drafted.admit(guessable("r", seed, 40, LookUp.ON));
      run(drafted);
      assertAlone(drafted, request);
      boolean isFull = request.output.size() == 40;
      assertThat(request.reason()).isEqualTo(isFull ? FinishReason.LENGTH : FinishReason.STOP);
      assertThat(drafted.core.available()).isEqualTo(64);
    }
    long drafts = chunks.stream().filter(chunk -> chunk.draft().length > 0).count();
    assertThat(drafts).isGreaterThan(50);
  }

  @Test
  @DisplayName("Max tokens in the middle of a draft is kept to the token")
  void maxTokensIsExact() {
    for (int most = 1; most <= 40; most++) {
      CoreDriver driver = driver(LookUpPolicy.ASKED, 64, 0);
      CoreDriver.Request request = driver.admit(guessable("r", -5, most, LookUp.ON));
      run(driver);
      assertThat(request.output).hasSize(most);
      assertThat(request.ends).isEqualTo(1);
      assertAlone(driver, request);
    }
  }

  @Test
  @DisplayName("L13 each key of cairn.scheduling.look-up bounds what is drafted")
  void eachKeyHasItsEffect() {
    assertThat(longestDraft(new LookUpPolicy(false, 8, 1, 2, 16), LookUp.AS_CONFIGURED)).isZero();
    assertThat(longestDraft(new LookUpPolicy(true, 8, 1, 2, 16), LookUp.AS_CONFIGURED))
        .isPositive();
    assertThat(longestDraft(new LookUpPolicy(true, 8, 1, 2, 16), LookUp.OFF)).isZero();
    assertThat(longestDraft(new LookUpPolicy(true, 0, 1, 2, 16), LookUp.ON)).isZero();
    assertThat(longestDraft(new LookUpPolicy(true, 3, 1, 2, 16), LookUp.ON)).isEqualTo(3);
    assertThat(longestDraft(new LookUpPolicy(true, 8, 1, 2, 5), LookUp.ON)).isEqualTo(4);
    assertThat(longestDraft(new LookUpPolicy(true, 8, 60, 60, 16), LookUp.ON)).isZero();
  }

  private int longestDraft(LookUpPolicy policy, LookUp wanted) {
    chunks.clear();
    CoreDriver driver = driver(policy, 64, 0);
    driver.admit(guessable("r", -3, 40, wanted));
    run(driver);
    return chunks.stream().mapToInt(chunk -> chunk.draft().length).max().orElseThrow();
  }

  @Test
  @DisplayName("A device that verifies no drafts gets none")
  void withoutVerificationNothingIsDrafted() {
    CoreDriver driver = driver(LookUpPolicy.ASKED, 64, 0);
    driver.core.mayDraft(false);
    CoreDriver.Request request = driver.admit(guessable("r", -3, 40, LookUp.ON));
    run(driver);
    assertThat(driver.drafted).isZero();
    assertAlone(driver, request);
  }

  @Test
  @DisplayName("Sequences that are not drafted keep two steps in flight beside one that is")
  void othersAreNotHeldUp() {
    CoreDriver driver = driver(LookUpPolicy.ASKED, 64, 0);
    CoreDriver.Request other = driver.admit(guessable("other", 7, 30, LookUp.ON));
    CoreDriver.Request drafted = driver.admit(guessable("drafted", -3, 50, LookUp.ON));
    int steps = 0;
    driver.plan();
    while (other.end.isEmpty()) {
      driver.runOne();
      driver.plan();
      driver.collect();
      driver.commitAll();
      steps++;
    }
    assertThat(driver.held).isPositive();
    assertThat(steps).as("steps for 30 tokens").isLessThanOrEqualTo(34);
    driver.drain();
    assertAlone(driver, other);
    assertAlone(driver, drafted);
  }

  @Test
  @DisplayName("Drafts make nobody yield, and who is preempted in the middle of one loses nothing")
  void blocksRunShort() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 60; round++) {
      CoreDriver driver = driver(LookUpPolicy.ASKED, 18 + random.nextInt(10), 0);
      List<CoreDriver.Request> requests = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        requests.add(driver.admit(guessable("r" + i, -1 - random.nextInt(50), 40, LookUp.ON)));
      }
      for (int i = 0; i < random.nextInt(60); i++) {
        driver.plan();
        driver.runOne();
        driver.collect();
        driver.commitAll();
      }
      if (random.nextBoolean()) {
        driver.loseDevice().forEach(lost -> driver.readmit(driver.requests.get(lost.requestId())));
      }
      driver.drain();
      requests.forEach(request -> assertAlone(driver, request));
      assertThat(driver.core.available()).as("seed %d", seed).isEqualTo(driver.limits.kvBlocks());
    }
  }

  @Test
  @DisplayName("A cancel in the middle of a draft lets go of all that it held")
  void cancelInTheMiddle() {
    CoreDriver driver = driver(LookUpPolicy.ASKED, 64, 0);
    CoreDriver.Request request = driver.admit(guessable("r", -3, 50, LookUp.ON));
    while (driver.submitted.stream()
        .flatMap(plan -> plan.step().chunks().stream())
        .allMatch(chunk -> chunk.draft().length == 0)) {
      if (!driver.submitted.isEmpty()) {
        driver.runOne();
      }
      driver.plan();
    }
    driver.core.cancel("r", 1);
    driver.drain();
    assertThat(request.released).isTrue();
    assertThat(driver.core.available()).isEqualTo(64);
    assertThat(driver.core.stats().slotsInUse()).isZero();
  }

  @Test
  @DisplayName("A draft's rows are paid for by its tenant, its tokens counted as they hold")
  void draftsArePaidFor() {
    CoreDriver driver = driver(LookUpPolicy.ASKED, 64, 0);
    CoreDriver.Request request = driver.admit(guessable("r", -3, 40, LookUp.ON));
    run(driver);
    TenantStats tenant = driver.core.tenants().get(0);
    assertThat(driver.drafted).isGreaterThan(driver.held);
    assertThat(tenant.spentTokens()).isEqualTo(WORDS.length + request.output.size() - 1L);
  }
}
