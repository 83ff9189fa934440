package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PauseActorTest {
  private final ActorTestKit kit =
      ActorTestKit.create(
          ConfigFactory.parseString("pekko.persistence.testkit.events.serialize = on")
              .withFallback(PersistenceTestKitPlugin.getInstance().config())
              .withFallback(ConfigFactory.load()));
  private final TestProbe<PauseActor.State> client = kit.createTestProbe();
  private final TestProbe<SchedulerActor.Command> scheduler = kit.createTestProbe();

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private ActorRef<PauseActor.Command> keeper(int maxPaused, Duration confirm, Duration again) {
    return kit.spawn(
        PauseActor.create(
            new PauseActor.Limits(
                maxPaused, confirm, again, Duration.ofMillis(10), Duration.ofMillis(50))));
  }

  private void register(TestProbe<SchedulerActor.Command> probe) {
    kit.system().receptionist().tell(Receptionist.register(SchedulerActor.KEY, probe.getRef()));
  }

  private Pauses told(TestProbe<SchedulerActor.Command> probe) {
    return probe.expectMessageClass(SchedulerActor.SetPauses.class).pauses();
  }

  @Test
  @DisplayName("a pause is answered when it is durable and every scheduler follows, late ones too")
  void confirmed() {
    ActorRef<PauseActor.Command> keeper = keeper(9, Duration.ofSeconds(60), Duration.ofSeconds(60));
    register(scheduler);
    // It is told that nothing is paused: without that it would run nothing.
    assertThat(told(scheduler)).isEqualTo(Pauses.NONE);
    keeper.tell(new PauseActor.Applied(0, scheduler.getRef()));
    keeper.tell(new PauseActor.SetTenant("a", true, client.getRef()));
    assertThat(told(scheduler)).isEqualTo(new Pauses(1, Set.of("a"), Set.of()));
    client.expectNoMessage(Duration.ofMillis(50));
    keeper.tell(new PauseActor.Applied(1, scheduler.getRef()));
    PauseActor.State state = client.receiveMessage();
    assertThat(state.taken()).isTrue();
    assertThat(state.unconfirmed()).isEmpty();
    assertThat(state.pauses().tenants()).containsExactly("a");
    // The same again changes nothing, and is in force already.
    keeper.tell(new PauseActor.SetTenant("a", true, client.getRef()));
    assertThat(client.receiveMessage().pauses().version()).isEqualTo(1);
    keeper.tell(new PauseActor.SetDevice("cpu-0", true, client.getRef()));
    keeper.tell(new PauseActor.Applied(2, scheduler.getRef()));
    assertThat(client.receiveMessage().pauses())
        .isEqualTo(new Pauses(2, Set.of("a"), Set.of("cpu-0")));
    TestProbe<SchedulerActor.Command> later = kit.createTestProbe();
    register(later);
    assertThat(told(later)).isEqualTo(new Pauses(2, Set.of("a"), Set.of("cpu-0")));
    // Another one of its kind reads what is durable.
    kit.stop(keeper);
    ActorRef<PauseActor.Command> next = keeper(9, Duration.ofSeconds(60), Duration.ofSeconds(60));
    assertThat(told(later).tenants()).containsExactly("a");
    next.tell(new PauseActor.SetTenant("a", false, client.getRef()));
    next.tell(new PauseActor.Applied(3, scheduler.getRef()));
    next.tell(new PauseActor.Applied(3, later.getRef()));
    assertThat(client.receiveMessage().pauses())
        .isEqualTo(new Pauses(3, Set.of(), Set.of("cpu-0")));
  }

  @Test
  @DisplayName("a scheduler that does not confirm is named after confirm-timeout, and told again")
  void unconfirmed() {
    ActorRef<PauseActor.Command> keeper = keeper(9, Duration.ofMillis(200), Duration.ofMillis(50));
    register(scheduler);
    assertThat(told(scheduler)).isEqualTo(Pauses.NONE);
    keeper.tell(new PauseActor.SetTenant("a", true, client.getRef()));
    PauseActor.State state = client.receiveMessage();
    assertThat(state.taken()).isTrue();
    assertThat(state.unconfirmed()).containsExactly(scheduler.getRef().path().toString());
    Pauses paused = new Pauses(1, Set.of("a"), Set.of());
    Pauses told = told(scheduler);
    while (!told.equals(paused)) {
      told = told(scheduler);
    }
    assertThat(told(scheduler)).as("told again").isEqualTo(paused);
    keeper.tell(new PauseActor.Applied(1, scheduler.getRef()));
    keeper.tell(new PauseActor.AskPauses(client.getRef()));
    assertThat(client.receiveMessage().unconfirmed()).isEmpty();
  }

  @Test
  @DisplayName("no more is paused at once than max-paused")
  void bounded() {
    ActorRef<PauseActor.Command> keeper = keeper(1, Duration.ofSeconds(60), Duration.ofSeconds(60));
    keeper.tell(new PauseActor.SetTenant("a", true, client.getRef()));
    assertThat(client.receiveMessage().taken()).isTrue();
    keeper.tell(new PauseActor.SetTenant("b", true, client.getRef()));
    PauseActor.State refused = client.receiveMessage();
    assertThat(refused.taken()).isFalse();
    assertThat(refused.pauses().tenants()).containsExactly("a");
    keeper.tell(new PauseActor.SetTenant("a", false, client.getRef()));
    assertThat(client.receiveMessage().taken()).isTrue();
    keeper.tell(new PauseActor.SetTenant("b", true, client.getRef()));
    assertThat(client.receiveMessage().taken()).isTrue();
  }
}
