package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.RequestView;
import dev.cairn.actors.ViewProbe;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.device.DeviceConfig;
import dev.cairn.request.Attempt;
import dev.cairn.scheduling.SimulatedDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A node with two devices, as one with two GPUs has. */
@Timeout(120)
class DevicesOfOneNodeTest {
  @TempDir private Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();
  private final Random random = new Random(11);
  private final List<RequestView> views = new ArrayList<>();

  private String config() {
    return "cairn.journal.directory = \""
        + directory
        + "\"\ncairn.device.backend = \"simulated:0, simulated:1\"\n"
        + "cairn.placement { probe-interval = 50 ms, cooldown = 200 ms }\n"
        + "cairn.requests { retry-assign = 50 ms }\n";
  }

  private void submit(CairnNode node, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      views.add(get(node.requests().submit(spec("r" + views.size(), random))));
    }
  }

  private void assertAllRight() throws Exception {
    for (RequestView view : views) {
      ViewProbe.finished(view);
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
  }

  private static void until(BooleanSupplier holds, String what) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  /** What the node says of itself, once its gateway knows so many devices. */
  private static NodeReport reportWith(CairnNode node, int devices) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      for (NodeReport report : get(node.admin().describe(Duration.ofSeconds(60))).answers()) {
        if (report.devices().size() == devices) {
          return report;
        }
      }
      assertThat(System.nanoTime()).as("the directory knows all devices").isLessThan(deadline);
    }
  }

  private Set<String> used() {
    Set<String> used = new TreeSet<>();
    for (RequestView view : views) {
      for (Attempt attempt : view.snapshot().attempts()) {
        used.add(attempt.device().replaceFirst("@.*", ""));
      }
    }
    return used;
  }

  @Test
  @DisplayName(
      "each back end named in cairn.device.backend is a device, opened with the same numbers")
  void configs() {
    List<DeviceConfig> configs =
        NodeSettings.from(SimulatedNodes.config("cairn.device.backend = \"hip:0 ,hip:3\""))
            .deviceConfigs(SimulatedNodes.MODEL, 1024);
    assertThat(configs).extracting(DeviceConfig::backend).containsExactly("hip:0", "hip:3");
    assertThat(configs.get(1).withBackend("hip:0")).isEqualTo(configs.get(0));
    NodeSettings twice =
        NodeSettings.from(SimulatedNodes.config("cairn.device.backend = \"hip:0,hip:0\""));
    assertThatThrownBy(() -> twice.deviceConfigs(SimulatedNodes.MODEL, 1024))
        .hasMessage("cairn.device.backend is 'hip:0,hip:0', expected each device once");
  }

  @Test
  @DisplayName("requests are spread over a node's devices, and each device is named")
  void spread() throws Exception {
    try (CairnNode node = nodes.start(config(), false)) {
      NodeReport report = reportWith(node, 2);
      submit(node, 40);
      assertAllRight();
      assertThat(used()).containsExactly("simulated-0", "simulated-1");
      int slots = node.deviceInfo().orElseThrow().config().maxSlots();
      assertThat(report.device().orElseThrow().slots()).isEqualTo(2 * slots);
      // A client has its last token before the device has let go of the request.
      until(() -> node.scheduling().entries() == 0, "no request is left on a device");
      assertThat(node.readiness().isReady()).isTrue();
    }
  }

  @Test
  @DisplayName("H9 a device that is lost leaves its requests to the node's other one, same tokens")
  void lost() throws Exception {
    try (CairnNode node = nodes.start(config(), true)) {
      SimulatedDevice first = nodes.devices.poll(60, TimeUnit.SECONDS);
      SimulatedDevice second = nodes.devices.poll(60, TimeUnit.SECONDS);
      reportWith(node, 2);
      submit(node, 12);
      first.lose();
      second.allow(1_000_000);
      SimulatedDevice again = nodes.devices.poll(60, TimeUnit.SECONDS);
      assertThat(again).as("the lost device is opened again").isNotNull();
      again.allow(1_000_000);
      assertAllRight();
    }
  }
}
