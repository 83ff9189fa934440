package dev.cairn.scheduling;

import static dev.cairn.scheduling.CoreDriver.BLOCK;
import static dev.cairn.scheduling.CoreDriver.admission;
import static dev.cairn.scheduling.CoreDriver.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.scheduling.CoreDriver.Request;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PrefixCacheTest {
  private static CoreDriver driver(boolean prefixCache) {
    return new CoreDriver(4, 64, 40, 64, 0, 2, 8, prefixCache);
  }

  private static long hits(CoreDriver driver) {
    return driver.core.stats().prefixHitTokens();
  }

  private static int[] concat(int[] head, int[] tail) {
    return IntStream.concat(Arrays.stream(head), Arrays.stream(tail)).toArray();
  }

  private static void assertIsWhatItIsAlone(CoreDriver driver, Request request) {
    assertThat(request.output.stream().mapToInt(Integer::intValue).toArray())
        .isEqualTo(driver.alone(request.admission));
  }

  @Test
  @DisplayName("a repeated prompt computes its last block alone and yields the same tokens")
  void repeatedPrompt() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 5 * BLOCK);
    Request first = driver.admit(admission("a", tokens, 6));
    driver.drain();
    long processed = driver.device.stats().tokensProcessed();
    Request second = driver.admit(admission("b", tokens, 6));
    driver.drain();

    assertThat(hits(driver)).isEqualTo(4 * BLOCK);
    assertThat(driver.device.stats().tokensProcessed() - processed)
        .isEqualTo(processed - 4 * BLOCK);
    assertThat(second.output).isEqualTo(first.output);
    assertIsWhatItIsAlone(driver, second);
    assertThat(driver.core.stats().kvBlocksUsed()).isZero();
    assertThat(driver.core.stats().kvBlocksCached()).isPositive();
  }

  @Test
  @DisplayName("the next turn of a conversation finds the blocks of the answer too")
  void nextTurn() {
    CoreDriver driver = driver(true);
    Request first = driver.admit(admission("a", prompt(3, 10), 14));
    driver.drain();
    int[] said = first.output.stream().mapToInt(Integer::intValue).toArray();
    int[] turn = concat(concat(first.admission.tokens(), said), prompt(8, 5));
    Request second = driver.admit(admission("b", turn, 6));
    driver.drain();

    // The last token of the answer was drawn and never computed.
    assertThat(hits(driver)).isEqualTo((10 + 14 - 1) / BLOCK * BLOCK);
    assertIsWhatItIsAlone(driver, second);
  }

  @Test
  @DisplayName("a sequence shares blocks with one that still runs, once they are computed")
  void sharesWithRunning() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 4 * BLOCK + 1);
    driver.admit(admission("a", tokens, 20));
    driver.admit(admission("twin", tokens, 20));
    driver.plan();
    assertThat(hits(driver)).as("nothing is computed yet").isZero();
    driver.runOne();
    driver.admit(admission("late", tokens, 20));
    driver.plan();
    assertThat(hits(driver)).isEqualTo(4 * BLOCK);
    int used = driver.core.stats().kvBlocksUsed();
    assertThat(used).as("two of their own, and one that shares").isLessThan(3 * 5);
    driver.drain();
    driver.requests.values().forEach(request -> assertIsWhatItIsAlone(driver, request));
    assertThat(driver.core.stats().kvBlocksUsed()).isZero();
  }

  @Test
  @DisplayName("requests of different salts share nothing")
  void saltSeparates() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 5 * BLOCK);
    driver.admit(admission("a", tokens, 2, "one"));
    driver.drain();
    driver.admit(admission("b", tokens, 2, "other"));
    driver.drain();
    assertThat(hits(driver)).isZero();
    driver.admit(admission("c", tokens, 2, "one"));
    driver.drain();
    assertThat(hits(driver)).isEqualTo(4 * BLOCK);
  }

  @Test
  @DisplayName(
      "a prompt that differs in its first token shares nothing, in its last token the rest")
  void onlyEqualBeginnings() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 5 * BLOCK);
    driver.admit(admission("a", tokens, 2));
    driver.drain();
    int[] other = tokens.clone();
    other[0]++;
    driver.admit(admission("b", other, 2));
    driver.drain();
    assertThat(hits(driver)).isZero();
    int[] late = tokens.clone();
    late[tokens.length - 1]++;
    Request last = driver.admit(admission("c", late, 2));
    driver.drain();
    assertThat(hits(driver)).isEqualTo(4 * BLOCK);
    assertIsWhatItIsAlone(driver, last);
  }

  @Test
  @DisplayName("a prompt that is to be scored is computed whole, and others may share it")
  void scoredPrompts() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 5 * BLOCK);
    for (String id : new String[] {"a", "b"}) {
      driver.admit(
          new Admission(
              id,
              1,
              Standing.alone(Band.INTERACTIVE, "", 0),
              1000,
              tokens,
              tokens.length,
              1,
              Sampling.GREEDY,
              7,
              false,
              0,
              true,
              ""));
      driver.drain();
    }
    assertThat(hits(driver)).isZero();
    driver.admit(admission("c", tokens, 1));
    driver.drain();
    assertThat(hits(driver)).isEqualTo(4 * BLOCK);
  }

  @Test
  @DisplayName("cached blocks are room for others: a full cache refuses nobody")
  void cacheIsRoom() {
    CoreDriver driver = driver(true);
    for (int i = 0; i < 20; i++) {
      Request request = driver.admit("r" + i, 50, 10);
      driver.drain();
      assertIsWhatItIsAlone(driver, request);
    }
    SchedulingStats stats = driver.core.stats();
    assertThat(stats.kvBlocksCached()).isBetween(30, stats.kvBlocksTotal());
    assertThat(stats.preemptions()).isZero();
  }

  @Test
  @DisplayName("what was generated before a preemption is found again")
  void preemptedSequencesFindTheirBlocks() {
    CoreDriver driver = new CoreDriver(2, 16, 17, 64, 0);
    driver.admit("a", 20, 40);
    driver.admit("b", 20, 40);
    driver.drain();
    assertThat(driver.core.stats().preemptions()).isPositive();
    driver.requests.values().forEach(request -> assertIsWhatItIsAlone(driver, request));
    assertThat(hits(driver)).isPositive();
  }

  @Test
  @DisplayName("a lost device empties the cache")
  void deviceLossEmptiesTheCache() {
    CoreDriver driver = driver(true);
    int[] tokens = prompt(3, 5 * BLOCK);
    driver.admit(admission("a", tokens, 2));
    driver.drain();
    assertThat(driver.core.stats().kvBlocksCached()).isPositive();
    driver.core.deviceLost();
    assertThat(driver.core.stats().kvBlocksCached()).isZero();
    driver.admit(admission("b", tokens, 2));
    driver.drain();
    assertThat(hits(driver)).isZero();
  }

  @Test
  @DisplayName("I10 without the prefix cache nothing is shared or kept")
  void off() {
    CoreDriver driver = driver(false);
    int[] tokens = prompt(3, 5 * BLOCK);
    for (String id : new String[] {"a", "b"}) {
      Request request = driver.admit(admission(id, tokens, 6));
      driver.drain();
      assertIsWhatItIsAlone(driver, request);
    }
    assertThat(hits(driver)).isZero();
    assertThat(driver.core.stats().kvBlocksCached()).isZero();
  }

  @Test
  @DisplayName("names depend on the salt, and on every token before")
  void names() {
    int[] tokens = prompt(1, 3 * BLOCK + 2);
    PrefixChain chain = new PrefixChain("s", BLOCK, tokens);
    PrefixChain grown = new PrefixChain("s", BLOCK, Arrays.copyOf(tokens, 3));
    Arrays.stream(tokens).skip(3).forEach(grown::add);

    assertThat(chain.size()).isEqualTo(3);
    int[] changed = tokens.clone();
    changed[BLOCK]++;
    PrefixChain other = new PrefixChain("s", BLOCK, changed);
    PrefixChain salted = new PrefixChain("t", BLOCK, tokens);
    for (int i = 0; i < 3; i++) {
      assertThat(grown.get(i)).isEqualTo(chain.get(i));
      assertThat(salted.get(i)).isNotEqualTo(chain.get(i));
      assertThat(other.get(i).equals(chain.get(i))).isEqualTo(i == 0);
    }
  }
}
