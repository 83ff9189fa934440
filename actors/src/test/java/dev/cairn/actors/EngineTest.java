package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.SlotSpec;
import dev.cairn.model.grammar.Languages;
import dev.cairn.model.grammar.TokenLanguage;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.request.Choice;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Target;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.SimulatedDevice;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Requests, scheduler and device together, over a simulated device and a journal in memory. */
class EngineTest {
  private static final int CONTEXT = 128;
  private static final int END_EVERY = 40;

  private final ActorTestKit kit =
      ActorTestKit.create(
          ConfigFactory.parseString(
                  "pekko.persistence.testkit.events.serialize = off\n"
                      + "gpu { type = PinnedDispatcher, executor = thread-pool-executor }")
              .withFallback(PersistenceTestKitPlugin.getInstance().config())
              .withFallback(ConfigFactory.load()));
  private final BlockingQueue<SimulatedDevice> devices = new LinkedBlockingQueue<>();
  private final Recorded telemetry = new Recorded();
  private final RequestViews views = new RequestViews();
  private final AdmissionGate gate = new AdmissionGate(2000);
  private final Readiness readiness = new Readiness();
  private final TestProbe<RequestActor.Reply> client = kit.createTestProbe();
  private final DeviceConfig config =
      new DeviceConfig("simulated", "auto", 1, 8, CONTEXT, 24, 8, 32, 2);
  private final CompletableFuture<DeviceException> givenUp = new CompletableFuture<>();
  private ActorRef<SchedulerActor.Command> scheduler;
  private RequestActor.Environment env;

  /** Longer than it takes an actor to come back, however slow the machine. */
  private Duration orphanTimeout = Duration.ofSeconds(60);

  private void start(boolean paused) {
    start(
        () -> {
          SimulatedDevice device = new SimulatedDevice(config, END_EVERY, paused);
          devices.add(device);
          return device;
        });
  }

  private void start(java.util.concurrent.Callable<Device> opener) {
    GpuActor.DeviceListener listener =
        new GpuActor.DeviceListener() {
          @Override
          public void opened(Device device) {}

          @Override
          public void givenUp(DeviceException cause) {
            givenUp.complete(cause);
          }
        };
    GpuActor.Settings gpu =
        new GpuActor.Settings(
            opener, listener, readiness, telemetry, 5, Duration.ofMillis(1), Duration.ofMillis(10));
    SchedulingLimits limits = new SchedulingLimits(8, 32, 24, 8, CONTEXT, 2, 4, 8, 64, true);
    scheduler =
        kit.spawn(
            SchedulerActor.create(
                new SchedulerActor.Identity("", new DeviceStatus.Served("f", "F32", "llama")),
                limits,
                SchedulingPolicy.of(limits.maxSlots()),
                token -> token == SimulatedDevice.END,
                new SchedulerActor.Guidance(
                    new Languages(
                        new TestTokenizer(), new TokenLanguage.Limits(1_000, 1_000, 1 << 20), 1),
                    Runnable::run),
                gpu.factory("gpu"),
                telemetry,
                System::nanoTime,
                new SchedulerActor.Patience(orphanTimeout, Duration.ofSeconds(60))));
    env =
        new RequestActor.Environment(
            need -> Choice.of(new Target<>("sim-0", "sim-1", scheduler)),
            views,
            kit.<ViewRelay.Command>createTestProbe().getRef(),
            gate,
            new TestTokenizer(),
            telemetry,
            System::nanoTime,
            System::currentTimeMillis,
            (id, command) -> {},
            3,
            Duration.ofMinutes(1),
            Duration.ofMillis(10),
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            Duration.ofMillis(10),
            Duration.ofMillis(50),
            false,
            CrashPoint.NONE);
  }

  private static void expectKnown(TestProbe<RequestActor.Reply> client, String id) {
    assertThat(client.expectMessageClass(RequestActor.Known.class).requestId()).isEqualTo(id);
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private RequestSpec spec(String id, Random random) {
    int[] prompt = random.ints(1 + random.nextInt(40), 1, SimulatedDevice.POISON).toArray();
    return RequestSpec.of(id, "m", "f", prompt)
        .submittedAtMillis(random.nextInt(3))
        .maxTokens(1 + random.nextInt(60))
        .seed(random.nextLong())
        .ignoreEos(random.nextBoolean())
        .build();
  }

  private RequestView submit(RequestSpec spec) {
    ActorRef<RequestActor.Command> request =
        kit.spawn(RequestActor.create(spec.id(), env, self -> {}), spec.id());
    requests.add(request);
    request.tell(new RequestActor.Submit(spec, client.getRef()));
    expectKnown(client, spec.id());
    return views.find(spec.id()).orElseThrow();
  }

  private final List<ActorRef<RequestActor.Command>> requests = new ArrayList<>();

  private static int[] alone(RequestSpec spec) {
    SlotSpec slot =
        new SlotSpec(
            spec.promptTokens(),
            spec.promptTokens().length,
            spec.sampling(),
            spec.seed(),
            -1,
            false);
    return SimulatedDevice.expected(slot, spec.maxTokens(), spec.ignoreEos(), END_EVERY);
  }

  private void assertNothingIsLeft() {
    TestProbe<SchedulingStats> probe = kit.createTestProbe();
    probe.awaitAssert(
        () -> {
          scheduler.tell(new SchedulerActor.GetStats(probe.getRef()));
          SchedulingStats stats = probe.receiveMessage();
          assertThat(stats.entries()).isZero();
          assertThat(stats.slotsInUse()).isZero();
          assertThat(stats.kvBlocksUsed()).isZero();
          assertThat(stats.stepsInFlight()).isZero();
          return null;
        });
    assertThat(gate.unfinished()).isZero();
    assertThat(views.readers()).isZero();
  }

  @Test
  @DisplayName("R6 R10 concurrent requests through the whole engine equal the same run alone")
  void concurrentRequestsEqualThoseRunAlone() throws Exception {
    start(false);
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    List<RequestView> running = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      running.add(submit(spec("r" + i, random)));
    }
    for (RequestView view : running) {
      ViewProbe.finished(view);
      assertThat(view.snapshot().tokens().toArray())
          .as("replay with -Dcairn.seed=" + seed)
          .isEqualTo(alone(view.spec()));
    }
    assertNothingIsLeft();
    assertThat(telemetry.accepted).hasValue(100);
    assertThat(telemetry.finished).hasValue(100);
    assertThat(telemetry.stale).hasValue(0);
    assertThat(telemetry.tokens)
        .hasValue(running.stream().mapToInt(v -> v.snapshot().tokens().size()).sum());
  }

  @Test
  @DisplayName("R16 a thousand streams end, each woken up to its end, and leave no reader")
  void aThousandStreamsEnd() throws Exception {
    start(false);
    Random random = new Random(1);
    List<CompletableFuture<Integer>> read = new ArrayList<>();
    List<RequestView> running = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      int[] prompt = {1 + random.nextInt(900)};
      RequestSpec spec =
          RequestSpec.of("s" + i, "m", "f", prompt).maxTokens(3).seed(i).ignoreEos(true).build();
      RequestView view = submit(spec);
      running.add(view);
      read.add(follow(view));
    }
    for (CompletableFuture<Integer> stream : read) {
      assertThat(stream.get(60, TimeUnit.SECONDS)).isEqualTo(3);
    }
    for (RequestView view : running) {
      assertThat(view.readers()).isZero();
    }
    assertNothingIsLeft();
  }

  private static CompletableFuture<Integer> follow(RequestView view) {
    CompletableFuture<Integer> done = new CompletableFuture<>();
    AtomicInteger at = new AtomicInteger();
    CompletableFuture<RequestView.Subscription> subscription = new CompletableFuture<>();
    Runnable look =
        () -> {
          Snapshot snapshot = view.snapshot();
          at.accumulateAndGet(snapshot.tokens().size(), Math::max);
          if (snapshot.finish().isPresent()) {
            RequestView.Subscription own = subscription.getNow(null);
            if (own != null) {
              own.cancel();
            }
            done.complete(at.get());
          }
        };
    subscription.complete(view.subscribe(look));
    look.run();
    return done.thenApply(
        tokens -> {
          subscription.join().cancel();
          return tokens;
        });
  }

  @Test
  @DisplayName("R15 L2 after a cancel is acknowledged no token comes and no slot is left")
  void cancelReachesTheDevice() throws Exception {
    start(true);
    Random random = new Random(3);
    RequestSpec spec =
        RequestSpec.of("c", "m", "f", new int[] {5, 6})
            .maxTokens(100)
            .seed(1)
            .ignoreEos(true)
            .build();
    RequestView view = submit(spec);
    RequestView other = submit(spec("other", random));
    SimulatedDevice device = devices.poll(60, TimeUnit.SECONDS);
    device.allow(3);
    ViewProbe.tokens(view, 2);
    requests.get(0).tell(new RequestActor.Cancel(client.getRef()));
    awaitHeard();
    client.expectNoMessage(Duration.ofMillis(50));
    device.allow(1_000_000);
    expectKnown(client, "c");
    Snapshot end = view.snapshot();
    assertThat(end.finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    ViewProbe.finished(other);
    assertThat(other.snapshot().tokens().toArray()).isEqualTo(alone(other.spec()));
    assertThat(view.snapshot()).isSameAs(end);
    assertNothingIsLeft();
  }

  /** Waits until the scheduler has heard what requests were told before: each is asked through. */
  private void awaitHeard() {
    TestProbe<RequestActor.Reply> asker = kit.createTestProbe();
    requests.forEach(request -> request.tell(new RequestActor.AskPending(asker.getRef())));
    requests.forEach(request -> asker.expectMessageClass(RequestActor.Pending.class));
  }

  private static RequestSpec endless(String id, int seed) {
    return RequestSpec.of(id, "m", "f", new int[] {5, 6, seed})
        .maxTokens(50)
        .seed(seed)
        .ignoreEos(true)
        .build();
  }

  @Test
  @DisplayName("L1 a pause with four running stops all of them, and they resume to the same tokens")
  void aPauseReachesTheDevice() throws Exception {
    start(true);
    List<RequestView> running = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      running.add(submit(endless("p" + i, i + 1)));
    }
    SimulatedDevice device = devices.poll(60, TimeUnit.SECONDS);
    awaitHeard();
    // Enough for all prompts, two tokens at a time beside what runs, and for no request's end.
    device.allow(30);
    for (RequestView view : running) {
      ViewProbe.tokens(view, 2);
    }
    requests.forEach(request -> request.tell(new RequestActor.Pause(client.getRef())));
    awaitHeard();
    device.allow(1_000_000);
    client.receiveSeveralMessages(4);
    assertThat(running).allMatch(v -> v.snapshot().state() == Snapshot.State.PAUSED);
    List<Snapshot> halted = running.stream().map(RequestView::snapshot).toList();
    client.awaitAssert(
        () -> {
          assertThat(telemetry.scheduling.slotsInUse()).isZero();
          assertThat(telemetry.scheduling.entries()).isZero();
          return null;
        });
    client.expectNoMessage(Duration.ofMillis(50));
    assertThat(running.stream().map(RequestView::snapshot)).isEqualTo(halted);
    requests.forEach(request -> request.tell(new RequestActor.Resume(client.getRef())));
    for (RequestView view : running) {
      ViewProbe.finished(view);
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
    assertNothingIsLeft();
  }

  @Test
  @DisplayName("L5 a request whose actor moves keeps its slot, and nothing is computed again")
  void aMovedRequestKeepsItsSlot() throws Exception {
    start(true);
    RequestView before = submit(endless("m", 3));
    SimulatedDevice device = devices.poll(60, TimeUnit.SECONDS);
    device.allow(10);
    ViewProbe.tokens(before, 5);
    kit.stop(requests.get(0));
    device.allow(1_000_000);
    ActorRef<RequestActor.Command> moved =
        kit.spawn(RequestActor.create("m", env, self -> {}), "moved");
    moved.tell(new RequestActor.Find(client.getRef()));
    expectKnown(client, "m");
    RequestView after = views.find("m").orElseThrow();
    ViewProbe.finished(after);
    assertThat(after.snapshot().tokens().toArray()).isEqualTo(alone(after.spec()));
    assertThat(after.snapshot().epoch()).isOne();
    assertThat(device.stats().tokensProcessed()).isEqualTo(3 + 49);
    assertNothingIsLeft();
  }

  @Test
  @DisplayName("H4 a request whose actor never comes back gives its slot back after a while")
  void anOrphanGivesItsSlotBack() throws Exception {
    orphanTimeout = Duration.ofMillis(200);
    start(true);
    RequestView view = submit(endless("o", 4));
    SimulatedDevice device = devices.poll(60, TimeUnit.SECONDS);
    device.allow(6);
    ViewProbe.tokens(view, 2);
    assertThat(telemetry.scheduling.slotsInUse()).isOne();
    kit.stop(requests.get(0));
    device.allow(1_000_000);
    client.awaitAssert(
        () -> {
          assertThat(telemetry.scheduling.slotsInUse()).isZero();
          assertThat(telemetry.scheduling.entries()).isZero();
          assertThat(telemetry.scheduling.kvBlocksUsed()).isZero();
          return null;
        });
  }

  @Test
  @DisplayName("S19 a device that is lost is opened again and no output changes")
  void aLostDeviceChangesNoOutput() throws Exception {
    start(true);
    Random random = new Random(5);
    List<RequestView> running = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      running.add(submit(spec("r" + i, random)));
    }
    SimulatedDevice first = devices.poll(60, TimeUnit.SECONDS);
    first.allow(12);
    kit.createTestProbe()
        .awaitAssert(
            () -> {
              assertThat(telemetry.tokens.get()).isPositive();
              return null;
            });
    first.lose();
    SimulatedDevice second = devices.poll(60, TimeUnit.SECONDS);
    second.allow(1_000_000);
    for (RequestView view : running) {
      ViewProbe.finished(view);
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
    assertThat(telemetry.deviceErrors).hasValue(1);
    assertThat(readiness.isReady()).isTrue();
    assertNothingIsLeft();
  }

  @Test
  void aDeviceThatNeverOpensIsGivenUpAtOnce() throws Exception {
    start(
        () -> {
          throw new DeviceException(DeviceException.Kind.MODEL, "the tensor x is cut short");
        });
    assertThat(givenUp.get(60, TimeUnit.SECONDS)).hasMessage("the tensor x is cut short");
    assertThat(readiness.reasons()).containsKey("device");
  }
}
