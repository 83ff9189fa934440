package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Need;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Attempt;
import dev.cairn.request.Choice;
import dev.cairn.request.LetGo;
import dev.cairn.request.Placement;
import dev.cairn.request.Snapshot.State;
import dev.cairn.request.Target;
import dev.cairn.scheduling.Handover;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A request and two devices: how it goes from one to the other. */
class RequestMovesTest {
  private static final String ID = "request-1";
  private static final RequestSpec SPEC =
      RequestSpec.of(ID, "m", "f", 11, 12).submittedAtMillis(5).maxTokens(20).seed(3).build();

  private final ActorTestKit kit =
      ActorTestKit.create(
          ConfigFactory.parseString("pekko.persistence.testkit.events.serialize = off")
              .withFallback(PersistenceTestKitPlugin.getInstance().config())
              .withFallback(ConfigFactory.load()));
  private final PersistenceTestKit journal = PersistenceTestKit.create(kit.system());
  private final TestProbe<SchedulerActor.Command> here = kit.createTestProbe();
  private final TestProbe<SchedulerActor.Command> there = kit.createTestProbe();
  private final TestProbe<RequestActor.Reply> client = kit.createTestProbe();
  private final RequestViews views = new RequestViews();
  private final Devices devices = new Devices();
  private ActorRef<RequestActor.Command> request;

  /** Placement that takes the first of a list that is not out of the question. */
  private final class Devices implements Placement<ActorRef<SchedulerActor.Command>> {
    volatile List<Target<ActorRef<SchedulerActor.Command>>> open =
        List.of(target("here", "n1", here));
    final List<Need> needs = Collections.synchronizedList(new ArrayList<>());
    final List<String> failed = Collections.synchronizedList(new ArrayList<>());
    final Map<ActorRef<SchedulerActor.Command>, Runnable> away = new ConcurrentHashMap<>();

    @Override
    public Choice<ActorRef<SchedulerActor.Command>> choose(Need need) {
      needs.add(need);
      Optional<Target<ActorRef<SchedulerActor.Command>>> found =
          open.stream()
              .filter(t -> !t.device().equals(need.except()))
              .filter(t -> !need.exact() || t.numericsVersion().equals(need.numericsVersion()))
              .findFirst();
      return new Choice<>(found, OptionalInt.empty(), explain(need));
    }

    @Override
    public List<Verdict> explain(Need need) {
      return open.stream()
          .map(t -> new Verdict(t.device(), OptionalDouble.of(1), "it is there"))
          .toList();
    }

    @Override
    public void failed(String device) {
      failed.add(device);
    }

    @Override
    public Runnable whenAway(ActorRef<SchedulerActor.Command> scheduler, Runnable told) {
      away.put(scheduler, told);
      return () -> away.remove(scheduler, told);
    }
  }

  private static Target<ActorRef<SchedulerActor.Command>> target(
      String name, String numerics, TestProbe<SchedulerActor.Command> scheduler) {
    return new Target<>(name, numerics, scheduler.getRef());
  }

  private static void expectKnown(TestProbe<RequestActor.Reply> client, String id) {
    assertThat(client.expectMessageClass(RequestActor.Known.class).requestId()).isEqualTo(id);
  }

  @BeforeEach
  void start() {
    request = kit.spawn(RequestActor.create(ID, environment(), self -> {}));
    request.tell(new RequestActor.Submit(SPEC, client.getRef()));
    expectKnown(client, ID);
    here.expectMessageClass(SchedulerActor.Admit.class);
    generated(here, 1, 0, 21, 22);
    awaitTold(here, new SchedulerActor.Committed(ID, 1, 2));
  }

  private RequestActor.Environment environment() {
    return new RequestActor.Environment(
        devices,
        views,
        kit.<ViewRelay.Command>createTestProbe().getRef(),
        new AdmissionGate(8),
        new TestTokenizer(),
        new Recorded(),
        System::nanoTime,
        System::currentTimeMillis,
        (id, command) -> {},
        2,
        Duration.ofMinutes(1),
        Duration.ofMillis(20),
        Duration.ofSeconds(60),
        Duration.ofMillis(200),
        Duration.ofMillis(10),
        Duration.ofMillis(50),
        false,
        CrashPoint.NONE);
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private void generated(
      TestProbe<SchedulerActor.Command> from, int epoch, int index, int... tokens) {
    generated(from, epoch, index, Optional.empty(), tokens);
  }

  private void generated(
      TestProbe<SchedulerActor.Command> from,
      int epoch,
      int index,
      Optional<Handover.End> end,
      int... tokens) {
    request.tell(
        new RequestActor.Generated(
            new Handover(ID, epoch, index, tokens, List.of(), List.of(), end), from.getRef()));
  }

  /** What comes next but for questions whether the request is still there, and overtaking words. */
  private static void awaitTold(
      TestProbe<SchedulerActor.Command> probe, SchedulerActor.Command expected) {
    SchedulerActor.Command next = probe.receiveMessage(Duration.ofSeconds(60));
    while (next instanceof SchedulerActor.LeaveNow
        || (next instanceof SchedulerActor.Adopt && !(expected instanceof SchedulerActor.Adopt))) {
      next = probe.receiveMessage(Duration.ofSeconds(60));
    }
    assertThat(next).isEqualTo(expected);
  }

  private SchedulerActor.Admit admitted(TestProbe<SchedulerActor.Command> probe) {
    SchedulerActor.Command next = probe.receiveMessage(Duration.ofSeconds(60));
    while (next instanceof SchedulerActor.Adopt) {
      next = probe.receiveMessage(Duration.ofSeconds(60));
    }
    return (SchedulerActor.Admit) next;
  }

  private List<RequestEvent> events() {
    return journal.persistedInStorage(ID).stream().map(RequestEvent.class::cast).toList();
  }

  private int[] committed() {
    // A round trip: what was told before has been handled, and published.
    explained();
    return views.find(ID).orElseThrow().snapshot().tokens().toArray();
  }

  private RequestActor.Explanation explained() {
    request.tell(new RequestActor.Explain(client.getRef()));
    return client.expectMessageClass(RequestActor.Explanation.class);
  }

  @Test
  @DisplayName("a request moves off a device that is drained, and what that still sends is dropped")
  void moves() {
    devices.open = List.of(target("there", "n1", there));
    request.tell(new RequestActor.Move(1, here.getRef()));
    SchedulerActor.Admit admit = admitted(there);
    assertThat(admit.admission().epoch()).isEqualTo(2);
    assertThat(admit.admission().tokens()).containsExactly(11, 12, 21, 22);
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    generated(here, 1, 2, 23);
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    generated(there, 2, 2, 23, 24);
    awaitTold(there, new SchedulerActor.Committed(ID, 2, 4));
    assertThat(committed()).containsExactly(21, 22, 23, 24);
    assertThat(devices.failed).as("a drained device has not failed").isEmpty();
    assertThat(devices.away).containsOnlyKeys(there.getRef());
    assertThat(explained().attempts())
        .containsExactly(new Attempt(1, 0, "here", "n1"), new Attempt(2, 2, "there", "n1"));
  }

  @Test
  @DisplayName("a request that no device of its numerics version takes stays and ends where it is")
  void staysWhereItIs() {
    devices.open = List.of(target("there", "n2", there));
    request.tell(new RequestActor.Move(1, here.getRef()));
    generated(here, 1, 2, Optional.of(new Handover.End(FinishReason.STOP, "")), 23);
    awaitTold(here, new SchedulerActor.Committed(ID, 1, 3));
    there.expectNoMessage(Duration.ofMillis(50));
    assertThat(events()).filteredOn(RequestEvent.Assigned.class::isInstance).hasSize(1);
  }

  @Test
  @DisplayName("a device that takes no requests sends one on, and that counts as no failure")
  void sentOn() {
    devices.open = List.of(target("here", "n1", here), target("there", "n1", there));
    request.tell(new RequestActor.Released(1, LetGo.MOVE));
    assertThat(admitted(there).admission().epoch()).isEqualTo(2);
    assertThat(devices.failed).isEmpty();
  }

  @Test
  @DisplayName(
      "a request whose device is silent goes on elsewhere, on other numerics where there is no"
          + " other, and two epochs never both commit")
  void goesOnElsewhere() {
    devices.away.get(here.getRef()).run();
    assertThat(explained().attempts()).as("there is no other").hasSize(1);
    devices.open = List.of(target("here", "n1", here), target("there", "n2", there));
    devices.away.get(here.getRef()).run();
    assertThat(admitted(there).admission().epoch()).isEqualTo(2);
    assertThat(devices.failed).containsExactly("here");
    generated(there, 2, 2, 33);
    generated(here, 1, 2, 23);
    awaitTold(there, new SchedulerActor.Committed(ID, 2, 3));
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    assertThat(committed()).containsExactly(21, 22, 33);
    assertThat(events())
        .contains(new RequestEvent.Assigned(ID, 2, 2, "there", "n2"))
        .filteredOn(RequestEvent.TokensCommitted.class::isInstance)
        .extracting(RequestEvent::epoch)
        .containsExactly(1, 2);
    assertThat(explained().attempts())
        .extracting(Attempt::numericsVersion)
        .containsExactly("n1", "n2");
  }

  @Test
  @DisplayName(
      "a later attempt asks for the numerics version of the tokens so far, the last for any")
  void asksForItsOwnNumerics() {
    devices.needs.clear();
    for (int epoch = 1; epoch <= 2; epoch++) {
      request.tell(new RequestActor.DeviceLost(epoch));
      assertThat(admitted(here).admission().epoch()).isEqualTo(epoch + 1);
    }
    assertThat(devices.needs).extracting(Need::numericsVersion).containsExactly("n1", "");
    assertThat(devices.needs).extracting(Need::committed).containsExactly(2, 2);
  }

  @Test
  @DisplayName("a cancel does not wait for a device that is silent")
  void cancelledWhileSilent() {
    request.tell(new RequestActor.Cancel(client.getRef()));
    awaitTold(here, new SchedulerActor.Leave(ID, request, 1, LetGo.CANCEL));
    client.expectNoMessage(Duration.ofMillis(50));
    devices.away.get(here.getRef()).run();
    expectKnown(client, ID);
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    assertThat(explained().state()).isEqualTo(State.FINISHED);
    assertThat(devices.away).isEmpty();
  }

  @Test
  @DisplayName("a priority is durable before it is answered, and the scheduler hears of it")
  void priority() {
    request.tell(new RequestActor.SetPriority(Band.PRODUCTION, client.getRef()));
    expectKnown(client, ID);
    assertThat(events()).contains(new RequestEvent.Prioritized(ID, 1, 2, Band.PRODUCTION));
    awaitTold(here, new SchedulerActor.Prioritize(ID, 1, Band.PRODUCTION));
    request.tell(new RequestActor.SetPriority(Band.PRODUCTION, client.getRef()));
    expectKnown(client, ID);
    assertThat(explained().band()).isEqualTo(Band.PRODUCTION);
    assertThat(events()).filteredOn(RequestEvent.Prioritized.class::isInstance).hasSize(1);
    // A scheduler that missed it hears of it when it is asked whether it still runs the request.
    awaitTold(here, new SchedulerActor.Adopt(ID, 1, 2, Band.PRODUCTION, request));
  }

  @Test
  @DisplayName("a request explains its last decision and what would be decided now")
  void explains() {
    devices.open = List.of(target("there", "n1", there), target("here", "n1", here));
    RequestActor.Explanation now = explained();
    assertThat(now.state()).isEqualTo(State.ASSIGNED);
    assertThat(now.decision()).extracting(Verdict::device).containsExactly("here");
    assertThat(now.now()).extracting(Verdict::device).containsExactly("there", "here");
    assertThat(now.now()).allMatch(verdict -> verdict.reason().equals("it is there"));
    ActorRef<RequestActor.Command> nobody =
        kit.spawn(RequestActor.create("nobody", environment(), self -> {}));
    nobody.tell(new RequestActor.Explain(client.getRef()));
    client.expectMessage(new RequestActor.Unknown("nobody"));
  }

  @Test
  @DisplayName("S18 a completion report that is lost is reconciled and completes the request once")
  void aLostCompletion() {
    // The report of the end was lost on its way; the request asks, and the scheduler repeats it.
    awaitTold(here, new SchedulerActor.Adopt(ID, 1, 2, Band.INTERACTIVE, request));
    request.tell(new RequestActor.Adopted(1));
    Optional<Handover.End> end = Optional.of(new Handover.End(FinishReason.STOP, ""));
    generated(here, 1, 2, end, 23);
    awaitTold(here, new SchedulerActor.Committed(ID, 1, 3));
    // The acknowledgement was lost: the scheduler repeats the report once more.
    generated(here, 1, 2, end, 23);
    awaitTold(here, new SchedulerActor.Release(ID, 1));
    assertThat(events()).filteredOn(RequestEvent.Finished.class::isInstance).hasSize(1);
    assertThat(committed()).containsExactly(21, 22, 23);
    assertThat(events()).hasSize(5);
  }
}
