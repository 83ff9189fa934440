package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.Band;
import dev.cairn.scheduling.PendingReason.Code;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What tenants may have: shares, caps, budgets, bands, holds. */
class ShareTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  @DisplayName("weights 3:1 under saturation give 3:1 of device time, within 5 % over 60 s")
  void sharesFollowWeights() {
    SchedulingPolicy policy =
        Policies.tenants(16, Map.of("a", Policies.weight(3), "b", Policies.weight(1)));
    FairnessRun run = new FairnessRun(policy, 11);
    run.backlog("a", 30, 20, 60);
    run.backlog("b", 30, 5, 120);
    run.until(60 * SECOND);
    double ratio = run.served("a") / run.served("b");
    assertThat(ratio).isBetween(3 * 0.95, 3 * 1.05);
  }

  @Test
  @DisplayName("a weight that comes with requests is their tenant's from then on, within 5 %")
  void requestsBringWeights() {
    FairnessRun run = new FairnessRun(SchedulingPolicy.of(16), 13);
    run.weigh("a", 3);
    run.backlog("a", 30, 20, 60);
    run.backlog("b", 30, 5, 120);
    run.until(60 * SECOND);
    assertThat(run.served("a") / run.served("b")).isBetween(3 * 0.95, 3 * 1.05);
    double a = run.served("a");
    double b = run.served("b");
    run.weigh("a", 0.5);
    run.until(120 * SECOND);
    assertThat((run.served("a") - a) / (run.served("b") - b)).isBetween(0.5 * 0.94, 0.5 * 1.06);
  }

  @Test
  @DisplayName(
      "a flood of 10,000 requests moves another tenant's p99 to the first token by 20 % at most")
  void floodsDoNotMoveOthers() {
    SchedulingPolicy policy = SchedulingPolicy.of(32);
    long quiet = p99OfSmallTenant(policy, 64);
    long flooded = p99OfSmallTenant(policy, 10_000);
    System.out.printf(
        "p99 to first token: %d us, in a flood %d us%n", quiet / 1000, flooded / 1000);
    assertThat(flooded).isLessThanOrEqualTo(quiet * 120 / 100);
  }

  /** A tenant asks now and then while another one keeps the device busy, with so many waiting. */
  private static long p99OfSmallTenant(SchedulingPolicy policy, int others) {
    FairnessRun run = new FairnessRun(policy, 12);
    run.backlog("busy", others, 40, 100);
    run.arrivals("small", 50_000_000L, 20, 10);
    run.until(30 * SECOND);
    return run.firstTokenP99("small");
  }

  @Test
  @DisplayName("S13 the cap of a tenant holds on every way in: new, preempted, after a loss")
  void capsHoldOnEveryWay() {
    SchedulingPolicy policy = Policies.tenants(8, Map.of("a", Policies.atMost(2)));
    Cairns cairns = new Cairns(new CoreDriver(Cairns.limits(12, 16), policy, 0));
    for (int i = 0; i < 6; i++) {
      cairns.submit(Requested.of("a" + i).tenant("a").at(i).tokens(9, 20));
    }
    cairns.submit(Requested.of("before").at(0).band(Band.PRODUCTION).tokens(9, 30));
    cairns.step();
    assertThat(cairns.whyWaits("a5")).isEqualTo(Code.TENANT_LIMIT);
    assertCapHolds(cairns, 20);
    cairns
        .driver
        .loseDevice()
        .forEach(lost -> cairns.driver.readmit(cairns.driver.requests.get(lost.requestId())));
    while (cairns.driver.core.stats().entries() > 0) {
      assertCapHolds(cairns, 1);
    }
    cairns.assertWhole();
  }

  private static void assertCapHolds(Cairns cairns, int steps) {
    for (int i = 0; i < steps; i++) {
      cairns.plan();
      TenantStats a =
          cairns.driver.core.tenants().stream()
              .filter(t -> t.tenant().equals("a"))
              .findFirst()
              .orElseThrow();
      assertThat(a.running()).isLessThanOrEqualTo(2);
      cairns.step();
    }
  }

  @Test
  @DisplayName(
      "S16 a spent budget shows the band that is served instead, and why; it ends with its window")
  void spentBudgetsAreVisible() {
    TenantPolicy small = new TenantPolicy(1, 8, Band.SYSTEM, 20);
    Cairns cairns = Cairns.running(1, Policies.tenants(1, Map.of("a", small)));
    cairns.submit(Requested.of("spends").tenant("a").at(1).tokens(30, 4));
    cairns.step();
    cairns.submit(Requested.of("waits").tenant("a").at(2).tokens(30, 4));
    cairns.submit(Requested.of("other").tenant("b").at(3));
    PendingReason reason =
        cairns.driver.core.pendingReason("waits", cairns.driver.now).orElseThrow();
    assertThat(reason.band()).isEqualTo(Band.BATCH);
    assertThat(reason.text())
        .contains("served in band batch instead of interactive")
        .contains("of 20 tokens of this window");
    cairns.drain();
    assertThat(cairns.started).containsExactly("spends", "other", "waits");
    cairns.submit(Requested.of("running").tenant("b").at(4).tokens(5, 9));
    cairns.plan();
    cairns.submit(Requested.of("later").tenant("a").at(5));
    cairns.driver.now += SECOND;
    cairns.plan();
    assertThat(cairns.driver.core.pendingReason("later", cairns.driver.now).orElseThrow().band())
        .isEqualTo(Band.INTERACTIVE);
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("S16 a band that a tenant may not use shows the one that is served instead, and why")
  void forbiddenBandsAreVisible() {
    TenantPolicy modest = new TenantPolicy(1, 8, Band.INTERACTIVE, 0);
    Cairns cairns = Cairns.running(1, Policies.tenants(1, Map.of("a", modest)));
    cairns.submit(Requested.of("runs").at(1).tokens(5, 20));
    cairns.step();
    cairns.submit(Requested.of("asks").tenant("a").at(2).band(Band.SYSTEM));
    PendingReason reason =
        cairns.driver.core.pendingReason("asks", cairns.driver.now).orElseThrow();
    assertThat(reason.band()).isEqualTo(Band.INTERACTIVE);
    assertThat(reason.text()).contains("instead of system").contains("at most interactive");
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName(
      "L1 a tenant that is held stops within one step, keeps its output, and goes on alike")
  void heldTenantsStop() {
    Cairns cairns = Cairns.running(8);
    for (int i = 0; i < 4; i++) {
      cairns.submit(Requested.of("a" + i).tenant("a").at(i).tokens(9, 20));
    }
    cairns.submit(Requested.of("b").tenant("b").at(9).tokens(9, 20));
    cairns.step();
    cairns.driver.core.holdTenant("a");
    while (!cairns.driver.submitted.isEmpty()) {
      cairns.driver.runOne();
    }
    cairns.plan();
    assertThat(cairns.driver.core.stats().running()).isOne();
    assertThat(cairns.whyWaits("a2")).isEqualTo(Code.TENANT_PAUSED);
    cairns.submit(Requested.of("new").tenant("a").at(10));
    cairns.drain();
    assertThat(cairns.driver.requests.get("b").end).isPresent();
    assertThat(cairns.started).doesNotContain("new");
    cairns.driver.core.letTenantGo("a");
    cairns.drain();
    assertThat(cairns.driver.requests.values()).allMatch(r -> r.output.size() >= 6);
    cairns.assertWhole();
  }

  @Test
  @DisplayName(
      "L1 blocks of a held tenant are given to others that need them, and it goes on alike")
  void heldTenantsGiveTheirBlocks() {
    Cairns cairns = new Cairns(new CoreDriver(Cairns.limits(12, 16), SchedulingPolicy.of(8), 0));
    for (int i = 0; i < 2; i++) {
      cairns.submit(Requested.of("a" + i).tenant("a").at(i).tokens(12, 12));
    }
    cairns.step();
    cairns.step();
    cairns.driver.core.holdTenant("a");
    cairns.drain();
    assertThat(cairns.driver.core.isHalted()).isTrue();
    assertThat(cairns.driver.core.heldTenants()).containsExactly("a");
    assertThat(cairns.driver.core.stats().kvBlocksUsed()).isZero();
    assertThat(cairns.driver.core.stats().kvBlocksCached()).isPositive();
    // All there are: what is cached of the held tenant has to go.
    for (int i = 0; i < 3; i++) {
      cairns.submit(Requested.of("b" + i).tenant("b").at(9 + i).tokens(40, 20));
    }
    cairns.drain();
    assertThat(cairns.driver.requests.get("b2").end).isPresent();
    assertThat(cairns.driver.requests.get("a0").end).isEmpty();
    cairns.driver.core.letTenantGo("a");
    cairns.drain();
    assertThat(cairns.driver.requests.values()).allMatch(r -> r.end.isPresent());
    cairns.assertWhole();
  }

  @Test
  @DisplayName("L1 a device that is held plans no step")
  void heldDevicesStop() {
    Cairns cairns = Cairns.running(8);
    cairns.submit(Requested.of("a").tokens(9, 20));
    cairns.step();
    cairns.driver.core.hold(true);
    cairns.drain();
    long then = cairns.driver.now;
    cairns.submit(Requested.of("b"));
    cairns.drain();
    assertThat(cairns.driver.now).isEqualTo(then);
    assertThat(cairns.whyWaits("b")).isEqualTo(Code.DEVICE_PAUSED);
    cairns.driver.core.hold(false);
    cairns.drain();
    cairns.assertWhole();
  }

  @Test
  @DisplayName("tenants without work are remembered up to a bound")
  void idleTenantsAreForgotten() {
    Cairns cairns = Cairns.running(4, Policies.tenants(4, Map.of()));
    for (int i = 0; i < 100; i++) {
      cairns.submit(Requested.of("r" + i).tenant("t" + i));
      cairns.drain();
    }
    assertThat(cairns.driver.core.tenants()).hasSize(8);
    cairns.assertWhole();
  }

  @Test
  @DisplayName("what each tenant is charged is the device's time, all of it")
  void chargesAddUp() {
    Cairns cairns = Cairns.running(4);
    Map<String, Integer> sizes = new HashMap<>(Map.of("a", 30, "b", 9));
    sizes.forEach(
        (tenant, size) -> cairns.submit(Requested.of(tenant).tenant(tenant).tokens(size, 12)));
    cairns.drain();
    long served = cairns.driver.core.tenants().stream().mapToLong(TenantStats::servedNanos).sum();
    assertThat(served).isBetween(cairns.driver.now - 1000 * 40, cairns.driver.now);
  }
}
