package dev.cairn.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.Constraints;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PlacementPolicyTest {
  private static final OptionalDouble UNKNOWN = OptionalDouble.empty();
  private static final RequestSpec SPEC =
      RequestSpec.of("r", "m", "print", new int[100]).maxTokens(50).seed(1).build();

  private final PlacementPolicy policy = new PlacementPolicy(0.1, 0.5);

  /** A device, told step by step; well, empty and of an unknown rate unless told otherwise. */
  private static final class Sketch {
    final String name;
    String model = "print";
    String numerics = "cpu-1";
    String backend = "cpu";
    int maxContext = 512;
    long kvTokens = 4096;
    long queued;
    int waiting;
    int freeSlots = 8;
    OptionalDouble rate = UNKNOWN;
    OptionalDouble roundTrip = UNKNOWN;
    boolean draining;
    boolean paused;
    boolean answers = true;
    Candidate.Assigned assigned = Candidate.Assigned.NONE;
    int shared;
    long coolingNanos;

    Sketch(String name) {
      this.name = name;
    }

    Sketch queued(long tokens) {
      queued = tokens;
      return this;
    }

    Sketch rate(double tokensPerSecond) {
      rate = OptionalDouble.of(tokensPerSecond);
      return this;
    }

    Sketch roundTrip(double seconds) {
      roundTrip = OptionalDouble.of(seconds);
      return this;
    }

    Sketch shared(int tokens) {
      shared = tokens;
      return this;
    }

    Sketch waiting(int requests) {
      waiting = requests;
      return this;
    }

    Sketch numerics(String version) {
      numerics = version;
      return this;
    }

    Sketch cooling() {
      coolingNanos = 1_000_000;
      return this;
    }

    Candidate<String> candidate() {
      return new Candidate<>(
          new DeviceStatus(
              name,
              new DeviceStatus.Served(model, "Q8_0", "llama"),
              numerics,
              backend,
              maxContext,
              kvTokens,
              new DeviceStatus.Load(queued, waiting, 1, freeSlots, kvTokens, rate),
              draining,
              paused),
          roundTrip,
          answers,
          assigned,
          shared,
          coolingNanos,
          name);
    }
  }

  private static Sketch device(String name) {
    return new Sketch(name);
  }

  private Ranking<String> rank(Need need, String preferred, Sketch... devices) {
    return policy.rank(need, Arrays.stream(devices).map(Sketch::candidate).toList(), preferred, "");
  }

  private String best(String preferred, Sketch... devices) {
    return rank(Need.of(SPEC), preferred, devices).best().orElseThrow().scheduler();
  }

  private static List<String> reasons(Ranking<String> ranking) {
    return ranking.devices().stream().map(Ranking.Judged::reason).toList();
  }

  @Test
  void theShorterQueueWins() {
    Sketch a = device("a").queued(900).rate(1000).roundTrip(0.001);
    Sketch b = device("b").queued(300).rate(1000).roundTrip(0.001);
    assertThat(best("", a, b)).isEqualTo("b");
    assertThat(best("", a.rate(9000), b)).isEqualTo("a");
  }

  @Test
  @DisplayName("H5 a slow way to a device changes the choice")
  void theRoundTripCounts() {
    Sketch near = device("near").queued(200).rate(1000).roundTrip(0.001);
    Sketch far = device("far").rate(1000).roundTrip(0.1);
    assertThat(best("", near, far)).isEqualTo("far");
    assertThat(best("", near, far.roundTrip(0.9))).isEqualTo("near");
  }

  @Test
  @DisplayName("H13 what is unknown of a device counts as usual, not as best")
  void unknownIsEqual() {
    Sketch known = device("known").queued(100).rate(1000).roundTrip(0.05);
    assertThat(best("", known, device("unknown").queued(150))).isEqualTo("known");
    assertThat(best("", known, device("idle"))).isEqualTo("idle");
  }

  @Test
  @DisplayName("H11 a device that failed is left alone while it cools down, if there is another")
  void coolingDevicesComeLast() {
    Sketch failed = device("failed").rate(1000).cooling();
    assertThat(best("", failed, device("busy").queued(100_000).rate(1000))).isEqualTo("busy");
    assertThat(best("", failed)).isEqualTo("failed");
  }

  @Test
  void aSmallAdvantageDoesNotChangeTheChoice() {
    Sketch last = device("last").queued(105).rate(1000);
    Sketch other = device("other").queued(100).rate(1000);
    assertThat(best("last", last, other)).isEqualTo("last");
    assertThat(best("", last, other)).isEqualTo("other");
  }

  @Test
  void aCachedPromptAttracts() {
    Sketch cached = device("cached").queued(50).rate(1000).shared(96);
    assertThat(best("", device("cold").rate(1000), cached)).isEqualTo("cached");
  }

  @Test
  @DisplayName("a request leaves the device that has its beginning only for one that starts it now")
  void spillover() {
    Sketch home = device("home").queued(1000).waiting(3).rate(1000).shared(96);
    Sketch other = device("other").queued(700).rate(1000);
    assertThat(best("", home, other)).isEqualTo("other");
    assertThat(best("", home, other.waiting(1))).isEqualTo("home");
    assertThat(reasons(rank(Need.of(SPEC), "", home, other)).get(1))
        .contains("cannot start it now");
    other.waiting = 0;
    other.freeSlots = 0;
    assertThat(best("", home, other)).isEqualTo("home");
    other.freeSlots = 2;
    other.assigned = Candidate.Assigned.NONE.and(5).and(5);
    assertThat(best("", home, other)).as("its slots were given away since").isEqualTo("home");
    assertThat(best("", home, other.queued(300))).as("faster by far").isEqualTo("other");
    PlacementPolicy ready = new PlacementPolicy(0.1, 1);
    other.queued(700);
    assertThat(
            ready
                .rank(Need.of(SPEC), List.of(home.candidate(), other.candidate()), "", "")
                .best()
                .orElseThrow()
                .scheduler())
        .isEqualTo("other");
  }

  @Test
  @DisplayName(
      "L7 turns of a session go to its device, however busy, and not where they cannot run")
  void sessionsStayTogether() {
    RequestSpec turn = SPEC.toBuilder().scheduling(Scheduling.DEFAULT.withSession("chat")).build();
    Sketch busy = device("busy").queued(1_000_000).rate(10);
    Sketch idle = device("idle").rate(1e6);
    List<Candidate<String>> both = List.of(busy.candidate(), idle.candidate());
    Ranking<String> ranking = policy.rank(Need.of(turn), both, "idle", "busy");
    assertThat(ranking.best().orElseThrow().scheduler()).isEqualTo("busy");
    assertThat(reasons(ranking).get(0)).contains("the others of its session or group are there");
    busy.draining = true;
    List<Candidate<String>> drained = List.of(busy.candidate(), idle.candidate());
    assertThat(policy.rank(Need.of(turn), drained, "", "busy").best().orElseThrow().scheduler())
        .isEqualTo("idle");
    assertThat(best("", device("busy").queued(1_000_000).rate(10), idle)).isEqualTo("idle");
  }

  @Test
  @DisplayName("the numerics version that computed the tokens so far is kept where it can be")
  void ownNumericsComeFirst() {
    Need need = new Need(SPEC, 7, "cpu-1", "", false);
    Sketch busy = device("busy").queued(100_000).rate(10).cooling();
    Sketch idle = device("idle").numerics("gpu-3").rate(1e6);
    assertThat(rank(need, "", busy, idle).best().orElseThrow().scheduler()).isEqualTo("busy");
    Ranking<String> alone = rank(need, "", idle);
    assertThat(alone.best().orElseThrow().scheduler()).isEqualTo("idle");
    assertThat(reasons(alone).get(0)).contains("numerics gpu-3 and not cpu-1");
    assertThat(rank(Need.of(SPEC), "", busy, idle).best().orElseThrow().scheduler())
        .isEqualTo("idle");
    Ranking<String> exact = rank(new Need(SPEC, 7, "cpu-1", "", true), "", idle);
    assertThat(exact.best()).isEmpty();
    assertThat(reasons(exact)).containsExactly("its numerics are gpu-3, the request's cpu-1");
  }

  @Test
  void everyConstraintIsMetOrNamed() {
    Sketch device = device("x");
    for (Constraints met :
        List.of(
            Constraints.NONE,
            new Constraints("cpu", "Q8_0", "llama", 4096),
            new Constraints("", "Q8_0", "", 1))) {
      assertThat(rank(Need.of(constrained(met)), "", device).best()).as("%s", met).isPresent();
    }
    assertUnmet(new Constraints("hip", "", "", 0), "its back end is cpu, not hip");
    assertUnmet(new Constraints("", "Q4_0", "", 0), "its weights are Q8_0, not Q4_0");
    assertUnmet(new Constraints("", "", "qwen3", 0), "its architecture is llama, not qwen3");
    assertUnmet(
        new Constraints("", "", "", 4097), "its KV store holds 4096 tokens, asked for 4097");
  }

  private static RequestSpec constrained(Constraints constraints) {
    return SPEC.toBuilder().constraints(constraints).build();
  }

  private void assertUnmet(Constraints constraints, String reason) {
    Ranking<String> ranking = rank(Need.of(constrained(constraints)), "", device("x"));
    assertThat(ranking.best()).isEmpty();
    assertThat(ranking.longest()).isEmpty();
    assertThat(reasons(ranking)).containsExactly(reason);
  }

  @Test
  void everyDeviceThatCannotIsNamedWithItsReason() {
    Sketch other = device("other");
    other.model = "p2";
    Sketch small = device("small");
    small.maxContext = 64;
    Sketch silent = device("silent");
    silent.answers = false;
    Sketch drained = device("drained");
    drained.draining = true;
    Need need = new Need(SPEC, 0, "", "left", false);
    Ranking<String> ranking = rank(need, "", other, small, silent, drained, device("left"));
    assertThat(ranking.best()).isEmpty();
    assertThat(reasons(ranking))
        .containsExactlyInAnyOrder(
            "it serves another model file",
            "the request has 100 tokens, it takes 64",
            "it does not answer",
            "it is being drained",
            "the request is to leave it");
    assertThat(ranking.longest()).hasValue(64);
    assertThat(ranking.verdicts(2)).hasSize(2).allMatch(v -> v.seconds().isEmpty());
  }

  @Test
  @DisplayName("a paused device is taken only where there is no other, and it says so")
  void pausedDevicesComeLast() {
    Sketch paused = device("paused");
    paused.paused = true;
    assertThat(best("paused", paused, device("busy").queued(1_000_000_000))).isEqualTo("busy");
    Ranking<String> alone = rank(Need.of(SPEC), "", paused);
    assertThat(alone.best().orElseThrow().scheduler()).isEqualTo("paused");
    assertThat(reasons(alone)).first().asString().endsWith(", is paused");
  }

  @Test
  void sharesThatMakeNoSenseAreRefusedByName() {
    assertThatThrownBy(() -> new PlacementPolicy(1, 0.5))
        .hasMessageContaining("cairn.placement.hysteresis is 1.0");
    assertThatThrownBy(() -> new PlacementPolicy(0.1, 0))
        .hasMessageContaining("cairn.placement.spillover is 0.0");
  }
}
