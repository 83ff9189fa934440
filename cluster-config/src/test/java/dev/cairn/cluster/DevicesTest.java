package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.DevicePlacement;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.actors.SchedulerActor.DrainState;
import dev.cairn.actors.ViewProbe;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Attempt;
import dev.cairn.scheduling.SimulatedDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.typed.Cluster;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gateway and the devices of other nodes, over TCP in one JVM. */
class DevicesTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();
  private final Random random = new Random(7);
  private final List<RequestView> views = new ArrayList<>();
  private String cluster;
  private int port;

  @BeforeEach
  void cluster() throws IOException {
    port = SimulatedNodes.freePort();
    cluster =
        "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + "cairn.journal.directory = \""
            + directory
            + "\"\n"
            + SimulatedNodes.NOBODY_DIES
            + "cairn.placement { probe-interval = 50 ms, probe-timeout = 60 s, cooldown = 1 s }\n"
            + "cairn.requests { retry-assign = 50 ms, check-interval = 60 s }\n"
            + "cairn.commit.repeat-after = 1 s\n";
  }

  private CairnNode gateway() {
    return nodes.start(cluster + "cairn.node { roles = [gateway], port = " + port + " }", false);
  }

  private CairnNode device(String more, boolean paused) {
    return nodes.start(cluster + "cairn.node.roles = [device]\n" + more, paused);
  }

  private SimulatedDevice opened() throws InterruptedException {
    return nodes.devices.poll(60, TimeUnit.SECONDS);
  }

  private void submit(CairnNode gateway, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      RequestSpec spec = spec("r" + views.size(), random).toBuilder().maxTokens(40).build();
      views.add(get(gateway.requests().submit(spec)));
    }
  }

  private static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + LONG.toNanos();
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private void assertAllRight() throws Exception {
    for (RequestView view : views) {
      ViewProbe.finished(view);
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
  }

  private static Attempt newest(RequestView view) {
    List<Attempt> attempts = view.snapshot().attempts();
    return attempts.get(attempts.size() - 1);
  }

  private static boolean wentTo(RequestView view, CairnNode device) {
    return view.snapshot().epoch() > 0 && newest(view).device().endsWith(address(device));
  }

  private static String address(CairnNode node) {
    return Cluster.get(node.system()).selfMember().address().hostPort().replaceFirst(".*@", "@");
  }

  /** The scheduler of a device, as the gateway knows it. */
  private static ActorRef<SchedulerActor.Command> scheduler(CairnNode gateway, CairnNode device)
      throws Exception {
    Receptionist.Listing listing =
        get(
            AskPattern.ask(
                gateway.system().receptionist(),
                (ActorRef<Receptionist.Listing> replyTo) ->
                    Receptionist.find(SchedulerActor.KEY, replyTo),
                LONG,
                gateway.system().scheduler()));
    return listing.getServiceInstances(SchedulerActor.KEY).stream()
        .filter(ref -> ref.path().toString().contains(address(device)))
        .findFirst()
        .orElseThrow();
  }

  private static CompletionStage<DrainState> tell(
      CairnNode gateway,
      ActorRef<SchedulerActor.Command> scheduler,
      Function<ActorRef<DrainState>, SchedulerActor.Command> command) {
    return AskPattern.ask(scheduler, command::apply, LONG, gateway.system().scheduler());
  }

  @Test
  @DisplayName("what cairn.placement says reaches placement")
  void settings() {
    String said =
        "cairn.placement { cooldown = 7 s, hysteresis = 0.2, spillover = 0.25, prefix-tokens = 9,"
            + " max-prefixes = 8, explained-devices = 3, probe-interval = 1 s, probe-timeout = 6 s }";
    ClusterSettings settings = ClusterSettings.from(SimulatedNodes.config(said));
    assertThat(settings.placement())
        .isEqualTo(
            new DevicePlacement.Settings(
                Duration.ofSeconds(7), 0.2, 0.25, 9, 8, 3, Duration.ofSeconds(6)));
    assertThat(settings.directory())
        .isEqualTo(new DeviceDirectory.Settings(Duration.ofSeconds(1), Duration.ofSeconds(6)));
  }

  @Test
  @DisplayName("a drained device has its requests moved: nothing is lost or repeated, same bits")
  void drain() throws Exception {
    try (CairnNode gateway = gateway();
        CairnNode first = device("", true)) {
      SimulatedDevice drained = opened();
      submit(gateway, 6);
      await("all are assigned", () -> views.stream().allMatch(view -> wentTo(view, first)));
      drained.allow(12);
      await(
          "a first token",
          () -> views.stream().anyMatch(view -> view.snapshot().tokens().size() > 0));
      ActorRef<SchedulerActor.Command> scheduler = scheduler(gateway, first);
      CompletionStage<DrainState> done = tell(gateway, scheduler, SchedulerActor.Drain::new);
      // Nobody else can take them: they stay, and go on.
      drained.allow(2);
      assertThat(done.toCompletableFuture()).isNotDone();
      try (CairnNode second = device("", false)) {
        drained.allow(1_000_000);
        assertThat(get(done)).isEqualTo(new DrainState(true, 0));
        submit(gateway, 4);
        assertAllRight();
        assertThat(views.subList(6, 10)).allMatch(view -> wentTo(view, second));
        assertThat(first.scheduling().slotsInUse()).isZero();
      }
      assertThat(get(tell(gateway, scheduler, SchedulerActor.Undrain::new)))
          .isEqualTo(new DrainState(false, 0));
      submit(gateway, 1);
      assertAllRight();
      assertThat(views.get(10)).matches(view -> wentTo(view, first));
    }
  }

  @Test
  @DisplayName("a drain moves requests that run to another device at once, in a new epoch")
  void drainMoves() throws Exception {
    try (CairnNode gateway = gateway();
        CairnNode first = device("", true)) {
      SimulatedDevice drained = opened();
      submit(gateway, 6);
      await("all are assigned", () -> views.stream().allMatch(view -> wentTo(view, first)));
      drained.allow(12);
      await(
          "a first token",
          () -> views.stream().anyMatch(view -> view.snapshot().tokens().size() > 0));
      try (CairnNode second = device("", false)) {
        // The device stands still, so that whatever ends ends elsewhere.
        CompletionStage<DrainState> done =
            tell(gateway, scheduler(gateway, first), SchedulerActor.Drain::new);
        assertAllRight();
        assertThat(views).allMatch(view -> wentTo(view, second));
        assertThat(views).allMatch(view -> view.snapshot().epoch() == 2);
        drained.allow(1_000_000);
        assertThat(get(done)).isEqualTo(new DrainState(true, 0));
      }
    }
  }

  @Test
  @DisplayName(
      "H9 requests of a device that is silent but not gone go on elsewhere, and only there")
  void silence() throws Exception {
    String oneThread = "pekko.actor.default-dispatcher.fork-join-executor.parallelism-max = 1";
    CountDownLatch wakes = new CountDownLatch(1);
    cluster += "cairn.placement.probe-timeout = 2 s\n";
    try (CairnNode gateway = gateway();
        CairnNode first = device(oneThread, true)) {
      SimulatedDevice silent = opened();
      submit(gateway, 6);
      await("all are assigned", () -> views.stream().allMatch(view -> wentTo(view, first)));
      silent.allow(12);
      await(
          "a first token",
          () -> views.stream().anyMatch(view -> view.snapshot().tokens().size() > 0));
      try (CairnNode second = device("", false)) {
        CountDownLatch sleeps = new CountDownLatch(1);
        first
            .system()
            .executionContext()
            .execute(
                () -> {
                  sleeps.countDown();
                  awaitQuietly(wakes);
                });
        assertThat(sleeps.await(60, TimeUnit.SECONDS)).isTrue();
        long since = System.nanoTime();
        silent.allow(1_000_000);
        assertAllRight();
        System.out.printf(
            "a silent device's requests had ended elsewhere after %.1f s, probe-timeout 2 s%n",
            (System.nanoTime() - since) / 1e9);
        assertThat(views).allMatch(view -> wentTo(view, second));
        wakes.countDown();
        await("the first device lets go", () -> first.scheduling().entries() == 0);
        assertAllRight();
      } finally {
        wakes.countDown();
      }
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  @DisplayName("H12 a new device takes work within 5 s of joining, as load changes the ranking")
  void scaleOut() throws Exception {
    try (CairnNode gateway = gateway();
        CairnNode first = device("", true)) {
      SimulatedDevice busy = opened();
      submit(gateway, 12);
      await("all are assigned", () -> views.stream().allMatch(view -> wentTo(view, first)));
      busy.allow(4);
      try (CairnNode second = device("", false)) {
        long joined = System.nanoTime();
        submit(gateway, 1);
        while (!wentTo(views.get(views.size() - 1), second)) {
          assertThat(views).as("requests since").hasSizeLessThan(500);
          submit(gateway, 1);
        }
        RequestView fresh = views.get(views.size() - 1);
        ViewProbe.tokens(fresh, 1);
        double seconds = (System.nanoTime() - joined) / 1e9;
        System.out.printf("a new device gave its first token %.2f s after joining%n", seconds);
        assertThat(seconds).isLessThan(5);
        busy.allow(1_000_000);
        assertAllRight();
      }
    }
  }
}
