package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.PendingReason.Code;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Groups, and making room for what is before others. */
class GroupTest {
  @Test
  @DisplayName("S8 a group starts when all of it is here and fits, and not before")
  void groupsStartWhole() {
    Cairns cairns = Cairns.running(4);
    for (int i = 0; i < 3; i++) {
      cairns.submit(Requested.of("single" + i).at(i).tokens(5, 12));
    }
    cairns.step();
    cairns.submit(Requested.of("g1").at(10).group("g", 3));
    cairns.submit(Requested.of("g2").at(10).group("g", 3));
    assertThat(cairns.whyWaits("g1")).isEqualTo(Code.GROUP_INCOMPLETE);
    cairns.step();
    cairns.submit(Requested.of("g3").at(10).group("g", 3));
    cairns.step();
    assertThat(cairns.whyWaits("g2")).isEqualTo(Code.DEVICE_FULL);
    assertThat(cairns.started).doesNotContain("g1", "g2", "g3");
    while (!cairns.started.contains("g1")) {
      cairns.step();
    }
    assertThat(cairns.started).contains("g1", "g2", "g3");
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S8 of two groups the deeper one starts first")
  void deeperGroupsStartFirst() {
    Cairns cairns = Cairns.running(2);
    cairns.submit(Requested.of("x").at(0).tokens(5, 9));
    cairns.submit(Requested.of("y").at(0).tokens(5, 9));
    cairns.plan();
    Requested root = Requested.of("root").at(5);
    cairns.submit(Requested.of("s1").at(1).group("shallow", 2));
    cairns.submit(Requested.of("s2").at(1).group("shallow", 2));
    cairns.submit(Requested.of("d1").below(root, 9).group("deep", 2));
    cairns.submit(Requested.of("d2").below(root, 9).group("deep", 2));
    cairns.drain();
    assertThat(cairns.started).containsExactly("x", "y", "d1", "d2", "s1", "s2");
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S8 members of a group with one prompt share its blocks, and write only their own")
  void membersShareThePrompt() {
    Cairns cairns = Cairns.running(4);
    int[] prompt = CoreDriver.prompt(77, 26);
    for (int i = 0; i < 4; i++) {
      cairns.submit(Requested.of("g" + i).group("g", 4).prompt(prompt));
    }
    int most = 0;
    while (cairns.driver.core.stats().entries() > 0) {
      cairns.step();
      most = Math.max(most, cairns.driver.core.stats().kvBlocksUsed());
    }
    // 6 full blocks of the prompt once, and at most 3 of each member's own.
    assertThat(most).isLessThanOrEqualTo(6 + 4 * 3);
    assertThat(cairns.driver.core.stats().prefixHitTokens()).isEqualTo(3 * 24);
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S8 a group that can never fit ends with an error that says so")
  void impossibleGroupsEnd() {
    Cairns cairns = Cairns.running(2);
    for (int i = 0; i < 3; i++) {
      cairns.submit(Requested.of("g" + i).group("g", 3));
    }
    cairns.drain();
    for (CoreDriver.Request request : cairns.driver.requests.values()) {
      assertThat(request.reason()).isEqualTo(FinishReason.ERROR);
      assertThat(request.end.orElseThrow().detail()).contains("larger than the device");
    }
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S14 a group falls together, whoever falls first, and capacity is whole afterwards")
  void groupsFallTogether() {
    Cairns cairns = Cairns.running(6);
    for (int i = 0; i < 4; i++) {
      cairns.submit(Requested.of("g" + i).group("g", 4).tokens(9, 30));
    }
    cairns.submit(Requested.of("other").tokens(9, 12));
    cairns.step();
    cairns.step();
    assertThat(cairns.driver.core.cancel("g2", Integer.MAX_VALUE))
        .containsExactlyInAnyOrder("g0", "g1", "g2", "g3");
    cairns.drain();
    for (int i = 0; i < 4; i++) {
      assertThat(cairns.driver.requests.get("g" + i).released).isTrue();
    }
    assertThat(cairns.driver.requests.get("other").end).isPresent();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S14 when a member fails the others end with an error that names it")
  void groupsFailTogether() {
    Cairns cairns = Cairns.running(4);
    int[] poisoned = CoreDriver.prompt(3, 9);
    poisoned[4] = SimulatedDevice.POISON;
    cairns.submit(Requested.of("good").group("g", 2).tokens(40, 20));
    cairns.submit(Requested.of("bad").group("g", 2).prompt(poisoned));
    cairns.drain();
    assertThat(cairns.driver.requests.get("good").reason()).isEqualTo(FinishReason.ERROR);
    assertThat(cairns.driver.requests.get("good").end.orElseThrow().detail())
        .contains("request bad of its group");
    assertThat(cairns.driver.core.stats().kvBlocksUsed()).isZero();
    assertThat(cairns.driver.core.available()).isEqualTo(cairns.driver.limits.kvBlocks());
  }

  @Test
  @DisplayName(
      "S8 members that come back after a loss do not wait for ever for those that had ended")
  void returnedMembersGoOn() {
    Cairns cairns = Cairns.running(4);
    cairns.submit(Requested.of("long").group("g", 2).tokens(40, 4).epoch(2));
    cairns.step();
    assertThat(cairns.whyWaits("long")).isEqualTo(Code.GROUP_INCOMPLETE);
    cairns.driver.now += 1_000_000_000L;
    cairns.driver.requests.get("long").epoch = 2;
    cairns.drain();
    assertThat(cairns.driver.requests.get("long").end).isEmpty();
    cairns.driver.now += 10_000_000_000L;
    cairns.drain();
    assertThat(cairns.driver.requests.get("long").reason()).isEqualTo(FinishReason.LENGTH);
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S12 more urgent work takes the place of the last one, which goes on alike later")
  void urgentWorkPreempts() {
    Cairns cairns = Cairns.running(2);
    cairns.submit(Requested.of("batch1").at(1).band(Band.BATCH).tokens(9, 20));
    cairns.submit(Requested.of("batch2").at(2).band(Band.BATCH).tokens(9, 20));
    cairns.step();
    cairns.submit(Requested.of("urgent").at(3).band(Band.PRODUCTION).tokens(9, 5));
    while (!cairns.started.contains("urgent")) {
      cairns.step();
    }
    assertThat(cairns.driver.core.stats().preemptions()).isOne();
    assertThat(cairns.whyWaits("batch2")).isEqualTo(Code.PREEMPTED);
    cairns.drain();
    assertThat(cairns.driver.core.stats().preemptions()).isOne();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S12 nothing is preempted for what would not fit then either")
  void nothingYieldsInVain() {
    SchedulingPolicy policy = SchedulingPolicy.of(4);
    Cairns cairns = new Cairns(new CoreDriver(Cairns.limits(8, 16), policy, 0));
    cairns.submit(Requested.of("first").at(1).band(Band.PRODUCTION).tokens(40, 8));
    cairns.submit(Requested.of("batch").at(2).band(Band.BATCH).tokens(8, 8));
    cairns.step();
    cairns.submit(Requested.of("large").at(3).tokens(40, 4));
    for (int i = 0; i < 4; i++) {
      cairns.step();
    }
    assertThat(cairns.driver.core.stats().preemptions()).isZero();
    assertThat(cairns.whyWaits("large")).isIn(Code.MEMORY, Code.QUEUED);
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName(
      "S12 a tenant below its share takes a place of one above its own, and no more than that")
  void sharesPreempt() {
    Cairns cairns = Cairns.running(4);
    for (int i = 0; i < 8; i++) {
      cairns.submit(Requested.of("many" + i).tenant("many").at(i).tokens(5, 30));
    }
    cairns.step();
    for (int i = 0; i < 4; i++) {
      cairns.submit(Requested.of("few" + i).tenant("few").at(100 + i).tokens(5, 30));
    }
    for (int i = 0; i < 6; i++) {
      cairns.step();
    }
    assertThat(cairns.started).contains("few0", "few1").doesNotContain("few2", "few3");
    assertThat(cairns.driver.core.stats().preemptions()).isEqualTo(2);
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("L13 preempt-for-share off: a place is waited for")
  void sharesWaitWhereTheyMayNotPreempt() {
    Cairns cairns = Cairns.running(2, Policies.withoutShares(2));
    cairns.submit(Requested.of("many0").tenant("many").tokens(5, 30));
    cairns.submit(Requested.of("many1").tenant("many").tokens(5, 30));
    cairns.step();
    cairns.submit(Requested.of("few").tenant("few").at(100));
    for (int i = 0; i < 6; i++) {
      cairns.step();
    }
    assertThat(cairns.started).doesNotContain("few");
    assertThat(cairns.driver.core.stats().preemptions()).isZero();
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("L13 look-ahead and max-bypasses: what does not fit is passed so often and no more")
  void bypassesAreBounded() {
    assertThat(startedBeforeTheLargeOne(Policies.bypasses(4, 3, 5))).isEqualTo(5);
    assertThat(startedBeforeTheLargeOne(Policies.bypasses(4, 3, 2))).isEqualTo(2);
    assertThat(startedBeforeTheLargeOne(Policies.bypasses(4, 0, 5))).isZero();
  }

  /** A long sequence holds memory; small ones may pass a large one that waits for it. */
  private static int startedBeforeTheLargeOne(SchedulingPolicy policy) {
    Cairns cairns = new Cairns(new CoreDriver(Cairns.limits(8, 17), policy, 0));
    cairns.submit(Requested.of("holds").at(1).tokens(30, 30));
    cairns.step();
    cairns.submit(Requested.of("large").at(2).tokens(40, 2));
    for (int i = 0; i < 12; i++) {
      cairns.submit(Requested.of("small" + i).at(3 + i).tokens(2, 2));
    }
    cairns.drain();
    cairns.assertWhole();
    List<String> started = cairns.started;
    return started.indexOf("large") - 1;
  }
}
