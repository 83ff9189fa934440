package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.Band;
import dev.cairn.scheduling.CoreDriver.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Label;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/**
 * Random traces of what can happen to a scheduler. An action is a number: what it does follows from
 * its remainders, so that a trace that fails shrinks to a few small numbers.
 */
class TracePropertyTest {
  private static final List<String> TENANTS = List.of("a", "b", "c");
  private static final int MAX_RUNNING = 4;
  private static final int CAP = 2;

  @Property(tries = 400)
  @Label(
      "S4 S5 S6 S9 S12 S13 S14 random traces: every plan is feasible, caps hold, no block is lost,"
          + " every output is what it is alone")
  void anythingMayHappen(
      @ForAll @Size(max = 120) List<@IntRange(max = 1_000_000) Integer> actions,
      @ForAll @IntRange(min = 17, max = 60) int blocks,
      @ForAll @IntRange(min = MAX_RUNNING, max = MAX_RUNNING + 3) int slots) {
    Trace trace = new Trace(blocks, slots);
    for (int action : actions) {
      trace.act(action);
      trace.check();
    }
    trace.end();
  }

  /** A scheduler, and what its owners know. */
  private static final class Trace {
    final CoreDriver driver;
    final List<Requested> submitted = new ArrayList<>();
    final Map<String, Boolean> held = new HashMap<>();

    Trace(int blocks, int slots) {
      SchedulingLimits limits =
          new SchedulingLimits(slots, 24, blocks, CoreDriver.BLOCK, 64, 2, 2, 8, 16, true);
      driver =
          new CoreDriver(
              limits,
              Policies.tenants(
                  MAX_RUNNING,
                  Map.of(
                      "a", Policies.atMost(CAP), "b", new TenantPolicy(2, 9, Band.PRODUCTION, 40))),
              0);
    }

    void act(int number) {
      int what = number % 16;
      int which = number / 16;
      switch (what) {
        case 0, 1, 2, 3 -> submit(which);
        case 4 -> cancel(which);
        case 5 -> prioritize(which);
        case 6 -> toggleHold(TENANTS.get(which % TENANTS.size()));
        case 7 -> {
          if (which % 4 == 0) {
            driver
                .loseDevice()
                .forEach(lost -> driver.readmit(driver.requests.get(lost.requestId())));
          }
        }
        case 8 -> driver.now += which;
        case 9 -> commit(which);
        default -> step();
      }
    }

    private void submit(int which) {
      Random random = new Random(which);
      String id = "r" + submitted.size();
      Requested next =
          Requested.of(id)
              .tenant(TENANTS.get(random.nextInt(TENANTS.size())))
              .at(random.nextInt(6))
              .band(Band.values()[random.nextInt(Band.values().length)])
              .tokens(1 + random.nextInt(30), 1 + random.nextInt(24));
      if (!submitted.isEmpty() && random.nextInt(3) == 0) {
        next = next.below(submitted.get(random.nextInt(submitted.size())), random.nextInt(6));
      }
      if (random.nextInt(5) == 0) {
        next = next.session("s" + random.nextInt(2));
      } else if (random.nextInt(4) == 0) {
        next = next.group("g" + submitted.size() / 4, 2);
      }
      submitted.add(next);
      driver.admit(random.nextBoolean() ? next.admission() : Drafted.of(next, random));
    }

    private void cancel(int which) {
      if (!submitted.isEmpty()) {
        driver.core.cancel("r" + which % submitted.size(), Integer.MAX_VALUE);
      }
    }

    private void prioritize(int which) {
      if (!submitted.isEmpty()) {
        Band band = Band.values()[which % Band.values().length];
        String id = "r" + which % submitted.size();
        driver.core.prioritize(id, driver.requests.get(id).epoch, band);
      }
    }

    private void toggleHold(String tenant) {
      if (held.merge(tenant, true, (was, now) -> !was)) {
        driver.core.holdTenant(tenant);
      } else {
        driver.core.letTenantGo(tenant);
      }
    }

    private void commit(int which) {
      if (!driver.uncommitted.isEmpty()) {
        driver.commit(which % driver.uncommitted.size());
      }
    }

    private void step() {
      driver.plan();
      if (!driver.submitted.isEmpty()) {
        driver.runOne();
      }
      driver.collect();
    }

    void check() {
      SchedulingStats stats = driver.core.stats();
      assertThat(stats.running()).isLessThanOrEqualTo(MAX_RUNNING);
      assertThat(stats.slotsInUse()).isLessThanOrEqualTo(driver.limits.maxSlots());
      assertThat(driver.core.available()).isBetween(0, driver.limits.kvBlocks());
      int running = 0;
      for (TenantStats tenant : driver.core.tenants()) {
        running += tenant.running();
        if (tenant.tenant().equals("a")) {
          assertThat(tenant.running()).as("cap of a").isLessThanOrEqualTo(CAP);
        }
      }
      assertThat(running).isEqualTo(stats.running());
      assertThat(driver.core.outstandingTokens()).isNotNegative();
      for (Request request : driver.requests.values()) {
        driver.core.pendingReason(request.admission.requestId(), driver.now);
      }
    }

    /** All is well from now on: what can end does. */
    void end() {
      held.forEach((tenant, isHeld) -> driver.core.letTenantGo(tenant));
      driver.drain();
      driver.now += 2_000_000_000L;
      driver.drain();
      for (Request request : driver.requests.values()) {
        checkEnd(request);
      }
      cancelWhatWaitsForItsGroup();
      driver.drain();
      SchedulingStats stats = driver.core.stats();
      assertThat(List.of(stats.entries(), stats.running(), stats.queued(), stats.slotsInUse()))
          .containsOnly(0);
      assertThat(driver.core.available()).as("capacity").isEqualTo(driver.limits.kvBlocks());
      assertThat(driver.core.sessions()).as("sessions").isZero();
      assertThat(driver.core.outstandingTokens()).isZero();
    }

    private void checkEnd(Request request) {
      int[] alone = driver.alone(request.admission);
      assertThat(request.output.stream().mapToInt(Integer::intValue).toArray())
          .isEqualTo(Arrays.copyOf(alone, request.output.size()));
      boolean waitsForGroup =
          driver
              .core
              .pendingReason(request.admission.requestId(), driver.now)
              .filter(why -> why.code() == PendingReason.Code.GROUP_INCOMPLETE)
              .isPresent();
      assertThat(request.released || waitsForGroup || request.end.isPresent())
          .as("end of %s: %s", request.admission.requestId(), request.admission.standing())
          .isTrue();
    }

    private void cancelWhatWaitsForItsGroup() {
      submitted.forEach(each -> driver.core.cancel(each.id(), Integer.MAX_VALUE));
      driver.collect();
    }
  }

  @Property(tries = 300)
  @Label("S1 S3 S8 S10 S13 random traces: what starts is what the order law says")
  void whatStartsIsNext(
      @ForAll @Size(min = 5, max = 60) List<@IntRange(max = 100_000) Integer> numbers) {
    SchedulingLimits limits =
        new SchedulingLimits(64, 64, 400, CoreDriver.BLOCK, 64, 1, 64, 8, 16, true);
    SchedulingPolicy policy = Policies.strict(3, Map.of("a", Policies.atMost(CAP)));
    CoreDriver driver = new CoreDriver(limits, policy, 0);
    Map<String, QueueKey> waiting = new HashMap<>();
    Map<String, Requested> all = new HashMap<>();
    List<Requested> trees = new ArrayList<>();
    for (int number : numbers) {
      Random random = new Random(number);
      if (number % 3 > 0) {
        Requested next =
            Requested.of("r" + all.size())
                .tenant(random.nextBoolean() ? "a" : "b")
                .at(random.nextInt(4))
                .band(Band.values()[random.nextInt(4)])
                .tokens(1 + random.nextInt(6), 1 + random.nextInt(6));
        if (!trees.isEmpty() && random.nextBoolean()) {
          next = next.below(trees.get(random.nextInt(trees.size())), random.nextInt(4));
        }
        trees.add(next);
        waiting.put(next.id(), keyOf(next, all.size()));
        all.put(next.id(), next);
        driver.admit(next.admission());
      } else {
        Map<String, Integer> running = new HashMap<>();
        driver.core.tenants().forEach(t -> running.put(t.tenant(), t.running()));
        driver.plan();
        // What was preempted starts again unseen.
        driver.core.tenants().forEach(t -> running.merge(t.tenant(), t.running(), Math::max));
        if (!driver.submitted.isEmpty()) {
          checkStarts(driver, waiting, all, running);
          driver.runOne();
        }
        driver.collect();
        driver.commitAll();
      }
    }
    driver.drain();
    assertThat(driver.core.stats().entries()).isZero();
  }

  private static QueueKey keyOf(Requested requested, int sequence) {
    return new QueueKey(
        requested.band(), requested.depth(), requested.rootAt(), requested.at(), sequence);
  }

  /**
   * Nothing that waits and might have started has a smaller key in its tenant, or an earlier band.
   */
  private static void checkStarts(
      CoreDriver driver,
      Map<String, QueueKey> waiting,
      Map<String, Requested> all,
      Map<String, Integer> running) {
    for (StepPlan.Open open : driver.submitted.peekLast().opens()) {
      String id =
          driver.requests.values().stream()
              .filter(r -> r.slotSpecTokens == open.spec().tokens())
              .map(r -> r.admission.requestId())
              .findFirst()
              .orElseThrow();
      QueueKey key = waiting.remove(id);
      String tenant = all.get(id).tenant();
      waiting.forEach(
          (other, otherKey) -> {
            String otherTenant = all.get(other).tenant();
            boolean might = !otherTenant.equals("a") || running.getOrDefault(otherTenant, 0) < CAP;
            if (tenant.equals(otherTenant)) {
              assertThat(key).as("%s before %s", id, other).isLessThan(otherKey);
            } else if (might) {
              assertThat(key.band()).isLessThanOrEqualTo(otherKey.band());
            }
          });
    }
  }

  @Property(tries = 60)
  @Label("S11 random trees: whoever is overdue starts within the bound of aging")
  void nobodyStarves(
      @ForAll @IntRange(min = 1, max = 6) int every,
      @ForAll @IntRange(min = 1, max = 4) int running,
      @ForAll @IntRange(max = 100) int agingMillis,
      @ForAll long seed) {
    Random random = new Random(seed);
    Cairns cairns =
        Cairns.running(running, Policies.aging(running, agingMillis * 1_000_000L, every));
    List<Requested> tree = new ArrayList<>(List.of(Requested.of("root").at(0)));
    cairns.submit(tree.get(0));
    int before = random.nextInt(4);
    for (int i = 0; i < before; i++) {
      cairns.submit(Requested.of("before" + i).at(1));
    }
    cairns.submit(Requested.of("waits").at(2));
    int overdueStarts = -1;
    for (int spawned = 0; !cairns.started.contains("waits"); spawned++) {
      assertThat(spawned).as("spawned").isLessThan(5000);
      for (int i = 0; i < running; i++) {
        Requested parent = tree.get(random.nextInt(tree.size()));
        Requested child =
            Requested.of("child" + tree.size()).below(parent, 3 + spawned).tokens(3, 2);
        tree.add(child);
        cairns.submit(child);
      }
      cairns.step();
      if (overdueStarts < 0 && cairns.driver.now > agingMillis * 1_000_000L) {
        overdueStarts = cairns.started.size();
      }
    }
    if (overdueStarts >= 0) {
      int sinceOverdue = cairns.started.indexOf("waits") - overdueStarts;
      assertThat(sinceOverdue).isLessThanOrEqualTo(every * (before + 2) + running);
    }
  }
}
