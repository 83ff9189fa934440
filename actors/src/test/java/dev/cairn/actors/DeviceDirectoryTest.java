package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.placement.Need;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Target;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A real directory and placement over schedulers that answer as a test says, in manual time. */
class DeviceDirectoryTest {
  private static final Duration INTERVAL = Duration.ofMillis(500);
  private static final Duration TIMEOUT = Duration.ofSeconds(3);
  private static final Duration COOLDOWN = Duration.ofSeconds(10);
  private static final RequestSpec SPEC =
      RequestSpec.of("r", "m", "print", new int[100]).maxTokens(50).build();

  private final ActorTestKit kit =
      ActorTestKit.create(ManualTime.config().withFallback(ConfigFactory.load()));
  private final ManualTime time = ManualTime.get(kit.system());
  private final AtomicLong nanos = new AtomicLong(1);
  private final AtomicInteger garbled = new AtomicInteger();
  private final DevicePlacement placement =
      new DevicePlacement(
          new DevicePlacement.Settings(COOLDOWN, 0.1, 0.5, 4, 8, 2, TIMEOUT), nanos::get);
  private final Scheduler near = new Scheduler("near");
  private final Scheduler far = new Scheduler("far");
  private ActorRef<DeviceDirectory.Command> directory;

  /** What stands for a scheduler, and the question that it has not answered yet. */
  private final class Scheduler {
    final String name;
    final TestProbe<SchedulerActor.Command> probe = kit.createTestProbe();
    long question;

    Scheduler(String name) {
      this.name = name;
    }

    Scheduler isAsked() {
      question = probe.expectMessageClass(SchedulerActor.Describe.class).question();
      return this;
    }

    DeviceStatus status(long queued, OptionalDouble rate) {
      return new DeviceStatus(
          name,
          new DeviceStatus.Served("print", "Q8_0", "llama"),
          "cpu-1",
          "cpu",
          512,
          4096,
          new DeviceStatus.Load(queued, 0, 0, 8, 4096, rate),
          false,
          false);
    }

    void answers(long queued) {
      answers(question, status(queued, OptionalDouble.of(1000)));
    }

    void answers(long number, DeviceStatus status) {
      directory.tell(new DeviceDirectory.Answer(probe.getRef(), status, number));
    }
  }

  @BeforeEach
  void start() {
    directory =
        kit.spawn(
            DeviceDirectory.create(
                new DeviceDirectory.Settings(INTERVAL, TIMEOUT),
                nanos::get,
                placement,
                new Telemetry() {
                  @Override
                  public void garbledAnswer() {
                    garbled.incrementAndGet();
                  }
                },
                Optional.empty()));
    for (Scheduler scheduler : List.of(near, far)) {
      kit.system()
          .receptionist()
          .tell(Receptionist.register(SchedulerActor.KEY, scheduler.probe.getRef()));
      scheduler.isAsked();
    }
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private void passes(Duration duration) {
    nanos.addAndGet(duration.toNanos());
    time.timePasses(duration);
  }

  private Optional<String> choice() {
    return placement.choose(Need.of(SPEC)).target().map(Target::device);
  }

  private List<Verdict> verdicts() {
    return placement.explain(Need.of(SPEC));
  }

  /** Waits until placement says so of the best device. */
  private void awaitBest(String device, String reason) {
    near.probe.awaitAssert(
        () -> {
          assertThat(verdicts()).isNotEmpty();
          assertThat(verdicts().get(0).device()).isEqualTo(device);
          assertThat(verdicts().get(0).reason()).contains(reason);
          return null;
        });
  }

  private void bothAnswer(long nearQueue, long farQueue) {
    near.answers(nearQueue);
    far.answers(farQueue);
    near.probe.awaitAssert(
        () -> {
          assertThat(placement.devices())
              .extracting(seen -> seen.status().load().queuedTokens())
              .containsExactlyInAnyOrder(nearQueue, farQueue);
          return null;
        });
  }

  @Test
  @DisplayName("H5 H12 latency that is injected into answers flips the choice, and so does load")
  void latencyFlipsTheChoice() {
    bothAnswer(200, 0);
    awaitBest("far", "round trip 0.0 ms");
    for (int i = 0; i < 12; i++) {
      passes(INTERVAL);
      // The next lines delay the other answer alone: this one must have been heard.
      long queued = 199 + i % 2;
      near.isAsked().answers(queued);
      near.probe.awaitAssert(
          () -> {
            assertThat(placement.devices())
                .anyMatch(seen -> seen.status().load().queuedTokens() == queued);
            return null;
          });
      far.isAsked();
      nanos.addAndGet(Duration.ofMillis(900).toNanos());
      far.answers(0);
    }
    awaitBest("near", "300 tokens at 1000 a second, round trip");
    passes(INTERVAL);
    near.isAsked().answers(5000);
    far.isAsked().answers(0);
    awaitBest("far", "100 tokens at 1000 a second, round trip");
  }

  @Test
  @DisplayName(
      "L7 turns of a session go to the device that the first one went to, whatever the load")
  void sessionsMeet() {
    bothAnswer(0, 0);
    RequestSpec turn = SPEC.toBuilder().scheduling(Scheduling.DEFAULT.withSession("chat")).build();
    String first = placement.choose(Need.of(turn)).target().orElseThrow().device();
    DevicePlacement elsewhere =
        new DevicePlacement(
            new DevicePlacement.Settings(COOLDOWN, 0.1, 0.5, 4, 8, 2, TIMEOUT), nanos::get);
    elsewhere.see(placement.devices());
    assertThat(elsewhere.choose(Need.of(turn)).target().orElseThrow().device())
        .as("of another gateway")
        .isEqualTo(first);
    passes(INTERVAL);
    near.isAsked();
    far.isAsked();
    bothAnswer(first.equals("near") ? 9000 : 0, first.equals("far") ? 9000 : 0);
    assertThat(choice()).hasValueSatisfying(other -> assertThat(other).isNotEqualTo(first));
    assertThat(placement.choose(Need.of(turn)).target().orElseThrow().device()).isEqualTo(first);
    placement.failed(first);
    assertThat(placement.choose(Need.of(turn)).target().orElseThrow().device())
        .as("while it cools down")
        .isNotEqualTo(first);
  }

  @Test
  @DisplayName("H9 a device that never answers becomes unhealthy, and well again when it answers")
  void silence() {
    bothAnswer(0, 300);
    assertThat(choice()).contains("near");
    AtomicInteger told = new AtomicInteger();
    Runnable unfollow = placement.whenAway(near.probe.getRef(), told::incrementAndGet);
    for (int i = 0; i < 7; i++) {
      assertThat(told).as("within the timeout").hasValue(0);
      passes(INTERVAL);
      far.isAsked().answers(300);
      near.isAsked();
    }
    awaitBest("far", "");
    assertThat(verdicts().get(1).reason()).isEqualTo("it does not answer");
    near.probe.awaitAssert(() -> assertThat(told).hasValue(1));
    passes(TIMEOUT);
    near.probe.awaitAssert(() -> assertThat(told).as("asked again while it lasts").hasValue(2));
    near.answers(near.question + 1, near.status(0, OptionalDouble.of(1000)));
    near.isAsked();
    passes(INTERVAL);
    far.isAsked().answers(300);
    near.probe.fishForMessage(
        Duration.ofSeconds(60),
        message -> {
          near.question = ((SchedulerActor.Describe) message).question();
          near.answers(0);
          return placement.devices().stream().allMatch(DeviceDirectory.Seen::answers)
              ? FishingOutcomes.complete()
              : FishingOutcomes.continueAndIgnore();
        });
    unfollow.run();
    assertThat(placement.followers()).isZero();
  }

  @Test
  @DisplayName("H10 a garbled answer is warned about, counted and asked for again")
  void garbledAnswers() {
    bothAnswer(0, 300);
    passes(INTERVAL);
    far.isAsked();
    near.isAsked();
    DeviceStatus nonsense = near.status(-7, OptionalDouble.of(1000));
    LoggingTestKit.warn("is garbled and is ignored: it has Load[queuedTokens=-7")
        .expect(
            kit.system(),
            () -> {
              near.answers(near.question, nonsense);
              return null;
            });
    long asked = near.question;
    assertThat(near.isAsked().question).as("asked again at once").isEqualTo(asked + 1);
    near.answers(near.question, near.status(0, OptionalDouble.of(Double.NaN)));
    near.answers(near.question + 99, near.status(0, OptionalDouble.of(1000)));
    near.probe.awaitAssert(() -> assertThat(garbled).hasValue(3));
    near.probe.expectNoMessage(Duration.ofMillis(50));
    assertThat(placement.devices())
        .extracting(seen -> seen.status().load().queuedTokens())
        .as("what it said before stands")
        .containsExactlyInAnyOrder(0L, 300L);
    passes(INTERVAL);
    near.isAsked().answers(600);
    awaitBest("far", "");
  }

  @Test
  @DisplayName("H11 a device that failed is left alone for its cooldown, then tried again")
  void cooldown() {
    bothAnswer(0, 300);
    assertThat(choice()).contains("near");
    placement.failed("near");
    assertThat(choice()).contains("far");
    assertThat(verdicts().get(1).reason()).contains("failed: left alone for 10.0 s");
    for (int i = 0; i <= 20; i++) {
      passes(INTERVAL);
      near.isAsked().answers(0);
      far.isAsked().answers(300);
    }
    awaitBest("near", "tokens at 1000 a second");
    assertThat(choice()).contains("near");
  }

  @Test
  @DisplayName("a burst between two answers is spread, and beginnings of tenants are apart")
  void whatWasGivenCounts() {
    bothAnswer(0, 100);
    assertThat(choice()).contains("near");
    RequestSpec other =
        RequestSpec.of("o", "m", "print", IntStream.range(1, 90).toArray()).maxTokens(50).build();
    assertThat(placement.choose(Need.of(other)).target().map(Target::device)).contains("far");
    assertThat(placement.explain(Need.of(other)))
        .filteredOn(verdict -> verdict.reason().contains("4 tokens of the prompt cached"))
        .extracting(Verdict::device)
        .containsExactly("far");
    RequestSpec tenant =
        other.toBuilder().scheduling(Scheduling.DEFAULT.withTenant("another")).build();
    assertThat(placement.explain(Need.of(tenant)))
        .noneMatch(verdict -> verdict.reason().contains("cached"));
  }

  @Test
  @DisplayName("a decision remembers as many devices as explained-devices says")
  void verdictsAreBounded() {
    bothAnswer(0, 300);
    DevicePlacement one =
        new DevicePlacement(
            new DevicePlacement.Settings(COOLDOWN, 0.1, 0.5, 4, 8, 1, TIMEOUT), nanos::get);
    one.see(placement.devices());
    assertThat(one.choose(Need.of(SPEC)).verdicts()).hasSize(1);
    assertThat(placement.choose(Need.of(SPEC)).verdicts()).hasSize(2);
  }
}
