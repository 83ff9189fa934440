package dev.cairn.cluster.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class DemandTest {
  private static final Demand.Aim AIM = new Demand.Aim(10, 1, 8);

  private static DeviceRow device(String name, long queued, OptionalDouble rate, boolean answers) {
    return new DeviceRow(
        name,
        "n",
        "print",
        "cpu",
        "v",
        512,
        1000,
        queued,
        rate,
        OptionalDouble.empty(),
        answers,
        false,
        false,
        0,
        0,
        1000);
  }

  private static NodeReport report(List<DeviceRow> devices, List<Waiting> waiting) {
    OwnDevice own = new OwnDevice("m", "print", 2, 3, 4, 64, 1000, 400, 100);
    return new NodeReport(
        "n", List.of(), false, 0, 10, 0, Optional.of(own), devices, waiting, Optional.empty());
  }

  private static Demand only(NodeReport... reports) {
    List<Demand> all = Demand.of(List.of(reports), AIM);
    assertThat(all).hasSize(1);
    return all.get(0);
  }

  @Test
  @DisplayName("so many devices as work off what waits within the target, by what each computes")
  void suggests() {
    Demand demand =
        only(
            report(
                List.of(
                    device("a", 3000, OptionalDouble.of(100), true),
                    device("b", 500, OptionalDouble.of(100), true)),
                List.of(new Waiting("m", "print", 2, 500))));
    assertThat(demand.queueTokens()).isEqualTo(4000);
    assertThat(demand.suggestedDevices()).isEqualTo(4);
    assertThat(demand.reason())
        .isEqualTo(
            "4000 tokens may be needed, 100 a second come from each of 2 devices, and 10 seconds are"
                + " the aim");
    assertThat(demand.unplaced()).isEqualTo(2);
    assertThat(demand.kvTokensFree()).isEqualTo(600);
    assertThat(demand.queued()).isEqualTo(2);
    assertThat(demand.running()).isEqualTo(3);
  }

  @Test
  @DisplayName("a device that two gateways see counts once, and one that is gone computes nothing")
  void countsOnce() {
    DeviceRow lost = device("a", 1000, OptionalDouble.of(100), false);
    DeviceRow heard = device("a", 1000, OptionalDouble.of(100), true);
    assertThat(only(report(List.of(lost), List.of()), report(List.of(heard), List.of())).devices())
        .isEqualTo(1);
    assertThat(only(report(List.of(lost), List.of())).devices()).isZero();
  }

  @Test
  @DisplayName(
      "without work the fewest, with too much the most, and what is unknown is not guessed")
  void bounds() {
    Demand idle = only(report(List.of(device("a", 0, OptionalDouble.of(1), true)), List.of()));
    assertThat(idle.suggestedDevices()).isEqualTo(1);
    assertThat(idle.reason()).startsWith("nothing waits").contains("1 to 8 are allowed");
    Demand much = only(report(List.of(device("a", 10_000, OptionalDouble.of(1), true)), List.of()));
    assertThat(much.suggestedDevices()).isEqualTo(8);
    assertThat(much.reason()).contains("1 to 8 are allowed");
    Demand unknown =
        only(report(List.of(device("a", 50, OptionalDouble.empty(), true)), List.of()));
    assertThat(unknown.suggestedDevices()).isEqualTo(1);
    assertThat(unknown.tokensPerSecond()).isEmpty();
    assertThat(unknown.reason()).contains("no device has computed any yet");
    Demand homeless =
        Demand.of(
                List.of(
                    new NodeReport(
                        "n",
                        List.of(),
                        false,
                        1,
                        10,
                        0,
                        Optional.empty(),
                        List.of(),
                        List.of(new Waiting("m", "print", 1, 20)),
                        Optional.empty())),
                AIM)
            .get(0);
    assertThat(homeless.model()).isEqualTo("m");
    assertThat(homeless.suggestedDevices()).isEqualTo(1);
  }
}
