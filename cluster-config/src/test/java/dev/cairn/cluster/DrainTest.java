package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.cluster.admin.DrainReport;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.postgres.LocalPostgres;
import dev.cairn.request.Snapshot;
import dev.cairn.scheduling.SimulatedDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that are emptied. */
class DrainTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final String CALM =
      SimulatedNodes.NOBODY_DIES
          + "cairn.placement { probe-interval = 50 ms, probe-timeout = 60 s, cooldown = 1 s }\n";

  @TempDir Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();

  private static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time until " + what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static void assertRefuses(CairnNode node, RequestSpec spec) {
    assertThatThrownBy(() -> get(node.requests().submit(spec)))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOfSatisfying(
            RejectedException.class,
            refused -> assertThat(refused.kind()).isEqualTo(RejectedException.Kind.UNAVAILABLE))
        .hasMessageContaining("is being drained");
  }

  @Test
  @DisplayName(
      "a gateway that is drained refuses, its requests move and lose nothing, and it can return")
  void gateway() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    int port = SimulatedNodes.freePort();
    String cluster =
        "cairn.profile = cluster\n"
            + "cairn.postgres { url = \""
            + LocalPostgres.shared().createDatabase()
            + "\", user = postgres, connections = 4, parallel-batches = 3 }\n"
            + "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + CALM
            + "cairn.requests { retry-assign = 50 ms, check-interval = 2 s, adopt-timeout = 1 s }\n";
    String gateway = cluster + "cairn.node.roles = [gateway]\n";
    try (CairnNode device =
            nodes.start(cluster + "cairn.node { roles = [device], port = " + port + " }", true);
        CairnNode one = nodes.start(gateway, true);
        CairnNode other = nodes.start(gateway, true)) {
      SimulatedDevice steps = nodes.devices.poll(60, TimeUnit.SECONDS);
      await("both gateways have shards", () -> rows(one) == 0 && one.admin().members().size() == 3);
      List<RequestSpec> specs = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        specs.add(spec("d" + i, random));
        get(submit(specs.get(i), one, other));
      }
      await("one has requests", () -> rows(one) > 0);
      AtomicInteger elsewhere = new AtomicInteger();
      one.draining().onChange((on, away) -> elsewhere.addAndGet(on && away ? 1 : 0));
      steps.allow(4);
      DrainReport drained = get(other.admin().drain(one.admin().self(), PATIENCE)).orElseThrow();
      assertThat(drained).isEqualTo(new DrainReport(one.admin().self(), true, true, 0, 0, 0));
      assertThat(elsewhere).as("streams were told to end").hasValue(1);
      assertThat(one.readiness().reasons()).containsValue("the node is being drained");
      assertRefuses(one, spec("refused", random));
      assertThat(rows(one)).isZero();
      steps.allow(1_000_000);
      for (RequestSpec spec : specs) {
        await(
            "the end of " + spec.id() + ", seed " + seed,
            () -> now(other, spec.id()).finish().isPresent());
        assertThat(now(other, spec.id()).tokens().toArray())
            .as("replay with -Dcairn.seed=" + seed)
            .isEqualTo(alone(spec));
      }
      assertThat(get(other.admin().undrain(one.admin().self(), PATIENCE)).orElseThrow().draining())
          .isFalse();
      assertThat(one.readiness().isReady()).isTrue();
      assertThat(device.deviceInfo()).isPresent();
    }
  }

  /** Where a request stands; asked anew, for a view that nobody reads is not fed. */
  private static Snapshot now(CairnNode gateway, String id) {
    try {
      return get(gateway.requests().find(id)).orElseThrow().snapshot();
    } catch (Exception e) {
      throw new AssertionError("request " + id, e);
    }
  }

  private static int rows(CairnNode node) {
    try {
      return (int)
          get(node.admin().describe(PATIENCE)).answers().stream()
              .filter(report -> report.node().equals(node.admin().self()))
              .mapToInt(report -> report.unfinished())
              .sum();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static java.util.concurrent.CompletionStage<RequestView> submit(
      RequestSpec spec, CairnNode one, CairnNode other) {
    return one.requests()
        .submit(spec)
        .exceptionallyCompose(failure -> other.requests().submit(spec));
  }

  @Test
  @DisplayName(
      "a device that is drained gives its requests to another; the only gateway ends its own")
  void deviceAndLoneGateway() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    int port = SimulatedNodes.freePort();
    String cluster =
        "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + CALM
            + "cairn.requests.retry-assign = 50 ms\n";
    try (CairnNode gateway =
            nodes.start(
                cluster
                    + "cairn.node { roles = [gateway], port = "
                    + port
                    + " }\ncairn.journal.directory = \""
                    + directory
                    + "\"",
                true);
        CairnNode first = nodes.start(cluster + "cairn.node.roles = [device]", true)) {
      SimulatedDevice steps = nodes.devices.poll(60, TimeUnit.SECONDS);
      List<RequestSpec> specs = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        specs.add(spec("e" + i, random));
        get(gateway.requests().submit(specs.get(i)));
      }
      steps.allow(5);
      try (CairnNode second = nodes.start(cluster + "cairn.node.roles = [device]", false)) {
        await(
            "the second device is known",
            () -> {
              try {
                return get(gateway.admin().describe(PATIENCE)).answers().stream()
                    .anyMatch(report -> report.devices().size() == 2);
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            });
        steps.allow(100);
        DrainReport drained =
            get(gateway.admin().drain(first.admin().self(), PATIENCE)).orElseThrow();
        assertThat(drained.drained()).isTrue();
        assertThat(drained.deviceRequests()).isZero();
        assertThat(first.readiness().reasons()).containsValue("the node is being drained");
        DrainReport lone =
            get(gateway.admin().drain(gateway.admin().self(), PATIENCE)).orElseThrow();
        assertThat(lone.drained()).isTrue();
        assertRefuses(gateway, spec("refused", random));
        for (RequestSpec spec : specs) {
          RequestView view = get(gateway.requests().find(spec.id())).orElseThrow();
          assertThat(view.snapshot().tokens().toArray())
              .as("replay with -Dcairn.seed=" + seed)
              .isEqualTo(alone(spec));
        }
        assertThat(second.deviceInfo()).isPresent();
      }
    }
  }

  @Test
  @DisplayName("L13 a node that stops waits for its drain no longer than drain-timeout")
  void drainTimeout() throws Exception {
    int port = SimulatedNodes.freePort();
    String cluster =
        "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + "cairn.node.drain-timeout = 300 ms\n";
    try (CairnNode gateway =
            nodes.start(
                cluster
                    + "cairn.node.port = "
                    + port
                    + "\ncairn.journal.directory = \""
                    + directory
                    + "\"",
                true);
        CairnNode device = nodes.start(cluster + "cairn.node.roles = [device]", true)) {
      get(gateway.requests().submit(spec("held", new Random(1))));
      long begun = System.nanoTime();
      assertThat(gateway.drain()).isFalse();
      assertThat(Duration.ofNanos(System.nanoTime() - begun))
          .isBetween(Duration.ofMillis(300), Duration.ofSeconds(20));
      assertThat(device.deviceInfo()).isPresent();
    }
  }
}
