package dev.cairn.placement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.RequestSpec;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PlacementPolicyTest {
  private static final OptionalDouble UNKNOWN = OptionalDouble.empty();

  private final PlacementPolicy policy = new PlacementPolicy(0.1);

  private static RequestSpec spec() {
    return RequestSpec.of("r", "m", "print", new int[100]).maxTokens(50).seed(1).build();
  }

  private static Candidate<String> device(
      String name, long queued, OptionalDouble rate, OptionalDouble roundTrip) {
    return new Candidate<>(
        new DeviceStatus(name, "print", "cpu-1", "cpu", 512, 4096, queued, rate, false),
        roundTrip,
        true,
        0,
        0,
        0,
        name);
  }

  private String best(List<Candidate<String>> devices, String preferred) {
    return policy.rank(spec(), 0, devices, preferred).best().orElseThrow().scheduler();
  }

  @Test
  void theShorterQueueWins() {
    OptionalDouble rate = OptionalDouble.of(1000);
    OptionalDouble near = OptionalDouble.of(0.001);
    assertThat(best(List.of(device("a", 900, rate, near), device("b", 300, rate, near)), ""))
        .isEqualTo("b");
    assertThat(
            best(
                List.of(
                    device("a", 900, OptionalDouble.of(9000), near), device("b", 300, rate, near)),
                ""))
        .isEqualTo("a");
  }

  @Test
  @DisplayName("H5 a slow way to a device changes the choice")
  void theRoundTripCounts() {
    OptionalDouble rate = OptionalDouble.of(1000);
    Candidate<String> near = device("near", 200, rate, OptionalDouble.of(0.001));
    Candidate<String> far = device("far", 0, rate, OptionalDouble.of(0.1));
    assertThat(best(List.of(near, far), "")).isEqualTo("far");
    Candidate<String> farther = device("far", 0, rate, OptionalDouble.of(0.9));
    assertThat(best(List.of(near, farther), "")).isEqualTo("near");
  }

  @Test
  @DisplayName("H13 what is unknown of a device counts as usual, not as best")
  void unknownIsEqual() {
    OptionalDouble rate = OptionalDouble.of(1000);
    Candidate<String> known = device("known", 100, rate, OptionalDouble.of(0.05));
    Candidate<String> unknown = device("unknown", 150, UNKNOWN, UNKNOWN);
    assertThat(best(List.of(known, unknown), "")).isEqualTo("known");
    Candidate<String> idle = device("idle", 0, UNKNOWN, UNKNOWN);
    assertThat(best(List.of(known, idle), "")).isEqualTo("idle");
  }

  @Test
  @DisplayName("H11 a device that failed is left alone while it cools down, if there is another")
  void coolingDevicesComeLast() {
    OptionalDouble rate = OptionalDouble.of(1000);
    Candidate<String> failed =
        new Candidate<>(
            device("failed", 0, rate, UNKNOWN).status(), UNKNOWN, true, 0, 0, 1_000_000, "failed");
    Candidate<String> busy = device("busy", 100_000, rate, UNKNOWN);
    assertThat(best(List.of(failed, busy), "")).isEqualTo("busy");
    assertThat(best(List.of(failed), "")).isEqualTo("failed");
  }

  @Test
  void aSmallAdvantageDoesNotChangeTheChoice() {
    OptionalDouble rate = OptionalDouble.of(1000);
    Candidate<String> last = device("last", 105, rate, UNKNOWN);
    Candidate<String> other = device("other", 100, rate, UNKNOWN);
    assertThat(best(List.of(last, other), "last")).isEqualTo("last");
    assertThat(best(List.of(last, other), "")).isEqualTo("other");
  }

  @Test
  void aCachedPromptAttracts() {
    OptionalDouble rate = OptionalDouble.of(1000);
    Candidate<String> cached =
        new Candidate<>(
            device("cached", 50, rate, UNKNOWN).status(), UNKNOWN, true, 0, 96, 0, "cached");
    assertThat(best(List.of(device("cold", 0, rate, UNKNOWN), cached), "")).isEqualTo("cached");
  }

  @Test
  void everyDeviceThatCannotIsNamedWithItsReason() {
    DeviceStatus good = device("x", 0, UNKNOWN, UNKNOWN).status();
    Candidate<String> other =
        new Candidate<>(
            new DeviceStatus("other", "p2", "cpu-1", "cpu", 512, 4096, 0, UNKNOWN, false),
            UNKNOWN,
            true,
            0,
            0,
            0,
            "other");
    Candidate<String> small =
        new Candidate<>(
            new DeviceStatus("small", "print", "cpu-1", "cpu", 64, 4096, 0, UNKNOWN, false),
            UNKNOWN,
            true,
            0,
            0,
            0,
            "small");
    Candidate<String> silent = new Candidate<>(good, UNKNOWN, false, 0, 0, 0, "silent");
    Candidate<String> drained =
        new Candidate<>(
            new DeviceStatus("drained", "print", "cpu-1", "cpu", 512, 4096, 0, UNKNOWN, true),
            UNKNOWN,
            true,
            0,
            0,
            0,
            "drained");
    Ranking<String> ranking = policy.rank(spec(), 0, List.of(other, small, silent, drained), "");
    assertThat(ranking.best()).isEmpty();
    assertThat(ranking.devices())
        .extracting(Ranking.Judged::reason)
        .containsExactlyInAnyOrder(
            "it serves another model file",
            "the request has 100 tokens, it takes 64",
            "it does not answer",
            "it is being drained");
  }
}
