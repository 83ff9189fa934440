package dev.cairn.actors;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Choice;
import dev.cairn.request.LetGo;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Snapshot.State;
import dev.cairn.request.Target;
import dev.cairn.scheduling.Handover;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RequestActorTest {
  /** What requests had others told. */
  private final List<String> told = new CopyOnWriteArrayList<>();

  private static final String ID = "request-1";

  private final ActorTestKit kit =
      ActorTestKit.create(
          ConfigFactory.parseString("pekko.persistence.testkit.events.serialize = off")
              .withFallback(PersistenceTestKitPlugin.getInstance().config())
              .withFallback(ConfigFactory.load()));
  private final PersistenceTestKit journal = PersistenceTestKit.create(kit.system());
  private final TestProbe<SchedulerActor.Command> scheduler = kit.createTestProbe();
  private final TestProbe<RequestActor.Reply> client = kit.createTestProbe();
  private final TestProbe<ActorRef<RequestActor.Command>> passivated = kit.createTestProbe();
  private final Recorded telemetry = new Recorded();
  private final RequestViews views = new RequestViews();
  private final AdmissionGate gate = new AdmissionGate(8);
  private ActorRef<RequestActor.Command> request;

  @BeforeEach
  void start() {
    request = spawn();
  }

  private static void expectKnown(TestProbe<RequestActor.Reply> client, String id) {
    assertThat(client.expectMessageClass(RequestActor.Known.class).requestId()).isEqualTo(id);
  }

  /** The scheduler hears of it before the request's mailbox is read, and from the request. */
  private SchedulerActor.Leave expectLeave() {
    SchedulerActor.Command first = scheduler.receiveMessage();
    if (first instanceof SchedulerActor.LeaveNow now) {
      assertThat(now.requestId()).isEqualTo(ID);
      return expectLeave();
    }
    return (SchedulerActor.Leave) first;
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private ActorRef<RequestActor.Command> spawn() {
    RequestActor.Environment env =
        new RequestActor.Environment(
            need ->
                need.spec().model().equals("absent")
                    ? Choice.none()
                    : Choice.of(new Target<>("sim-0", "sim-1", scheduler.getRef())),
            views,
            kit.<ViewRelay.Command>createTestProbe().getRef(),
            gate,
            new TestTokenizer(),
            telemetry,
            System::nanoTime,
            System::currentTimeMillis,
            (id, command) -> told.add(id + ": " + command),
            2,
            Duration.ofMillis(50),
            Duration.ofMillis(20),
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            Duration.ofMillis(10),
            Duration.ofMillis(50),
            false,
            CrashPoint.NONE);
    return kit.spawn(RequestActor.create(ID, env, passivated.getRef()::tell));
  }

  private static RequestSpec spec(String model, List<String> stop, int maxTokens) {
    return RequestSpec.of(ID, model, "f", new int[] {11, 12})
        .submittedAtMillis(5L)
        .maxTokens(maxTokens)
        .seed(3L)
        .stop(stop)
        .build();
  }

  private static RequestSpec spec() {
    return spec("m", List.of(), 20);
  }

  private SchedulerActor.Admit accepted() {
    request.tell(new RequestActor.Submit(spec(), client.getRef()));
    expectKnown(client, ID);
    return scheduler.expectMessageClass(SchedulerActor.Admit.class);
  }

  private void generated(int epoch, int firstIndex, int... tokens) {
    request.tell(
        new RequestActor.Generated(
            new Handover(ID, epoch, firstIndex, tokens, List.of(), List.of(), Optional.empty()),
            scheduler.getRef()));
  }

  private void ends(int epoch, int firstIndex, FinishReason reason, int... tokens) {
    Optional<Handover.End> end = Optional.of(new Handover.End(reason, ""));
    request.tell(
        new RequestActor.Generated(
            new Handover(ID, epoch, firstIndex, tokens, List.of(), List.of(), end),
            scheduler.getRef()));
  }

  private RequestView view() {
    return views.find(ID).orElseThrow();
  }

  private int[] committed() {
    return view().snapshot().tokens().toArray();
  }

  private List<RequestEvent> events() {
    return journal.persistedInStorage(ID).stream().map(RequestEvent.class::cast).toList();
  }

  /** A round trip through the mailbox: everything told before has been handled. */
  private void settle() {
    request.tell(new RequestActor.Find(client.getRef()));
    expectKnown(client, ID);
  }

  @Test
  void acceptedAndAssignedAreDurableBeforeAnybodyHears() {
    SchedulerActor.Admit admit = accepted();
    settle();
    assertThat(admit.admission().tokens()).containsExactly(11, 12);
    assertThat(admit.admission().epoch()).isOne();
    assertThat(events())
        .hasExactlyElementsOfTypes(RequestEvent.Accepted.class, RequestEvent.Assigned.class);
    assertThat(view().snapshot().state()).isEqualTo(State.ASSIGNED);
    assertThat(gate.unfinished()).isOne();
  }

  @Test
  @DisplayName("R1 a result for an old index after newer tokens leaves the list unchanged")
  void staleResultLeavesTheListUnchanged() {
    accepted();
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    generated(1, 1, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    generated(1, 0, 21);
    settle();
    assertThat(committed()).containsExactly(21, 22);
    assertThat(telemetry.stale.get()).isOne();
    assertThat(telemetry.tokens.get()).isEqualTo(2);
  }

  @Test
  @DisplayName("R4 an older epoch of equal length is refused")
  void olderEpochIsRefused() {
    accepted();
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    request.tell(new RequestActor.DeviceLost(1));
    SchedulerActor.Admit again = scheduler.expectMessageClass(SchedulerActor.Admit.class);
    assertThat(again.admission().epoch()).isEqualTo(2);
    assertThat(again.admission().tokens()).containsExactly(11, 12, 21);
    generated(1, 1, 99);
    scheduler.expectMessage(new SchedulerActor.Release(ID, 1));
    generated(2, 1, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 2, 2));
    settle();
    assertThat(committed()).containsExactly(21, 22);
    assertThat(telemetry.stale.get()).isOne();
  }

  @Test
  @DisplayName("R4 R13 tokens behind a stop string are cut, and later ones are refused")
  void stopStringCutsAndEnds() {
    request.tell(new RequestActor.Submit(spec("m", List.of("2><23>"), 20), client.getRef()));
    expectKnown(client, ID);
    scheduler.expectMessageClass(SchedulerActor.Admit.class);
    generated(1, 0, 21, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    generated(1, 2, 23, 24, 25);
    scheduler.expectMessage(new SchedulerActor.Release(ID, 1));
    generated(1, 3, 24);
    settle();
    assertThat(committed()).containsExactly(21, 22, 23);
    assertThat(view().snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.STOP);
    assertThat(telemetry.stale.get()).isOne();
  }

  @Test
  @DisplayName("R2 R5 a request finishes once, and a late result brings nothing back")
  void finishesOnce() {
    accepted();
    ends(1, 0, FinishReason.STOP, 21, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    ends(1, 0, FinishReason.STOP, 21, 22);
    ends(1, 2, FinishReason.LENGTH, 23);
    scheduler.expectMessage(new SchedulerActor.Release(ID, 1));
    scheduler.expectMessage(new SchedulerActor.Release(ID, 1));
    request.tell(new RequestActor.DeviceLost(1));
    request.tell(new RequestActor.Released(1, LetGo.CANCEL));
    settle();
    scheduler.expectNoMessage(Duration.ofMillis(50));
    assertThat(events().stream().filter(RequestEvent.Finished.class::isInstance)).hasSize(1);
    assertThat(committed()).containsExactly(21, 22);
    assertThat(gate.unfinished()).isZero();
    assertThat(telemetry.finished.get()).isOne();
    passivated.expectMessage(request);
  }

  @Test
  @DisplayName("L4 with a failing journal nothing moves and nothing is told")
  void nothingMovesWhenTheJournalFails() {
    accepted();
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    settle();
    AtomicInteger woken = new AtomicInteger();
    RequestView view = view();
    view.subscribe(woken::incrementAndGet);
    journal.failNextPersisted(ID);
    ends(1, 1, FinishReason.STOP, 22);
    client.expectTerminated(request, Duration.ofSeconds(60));
    scheduler.expectNoMessage(Duration.ofMillis(50));
    assertThat(view.snapshot().tokens().toArray()).containsExactly(21);
    assertThat(view.snapshot().finish()).isEmpty();
    assertThat(woken).hasValue(0);
    assertThat(telemetry.tokens.get()).isOne();
    assertThat(telemetry.finished.get()).isZero();
    // It lives here no longer; where it comes to life again it has a place whatever the bound.
    assertThat(gate.unfinished()).isZero();
  }

  @Test
  @DisplayName("L9 L10 tokens are committed in order once, though they come twice or with a gap")
  void tokensAreCommittedOnceAndInOrder() {
    accepted();
    generated(1, 0, 21, 22);
    generated(1, 0, 21, 22);
    generated(1, 3, 24);
    generated(1, 0, 21, 29);
    generated(1, 2, 23);
    // What was dropped is answered with where the request stands.
    for (int repeated = 0; repeated < 4; repeated++) {
      scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    }
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 3));
    settle();
    assertThat(committed()).containsExactly(21, 22, 23);
    assertThat(telemetry.stale.get()).isEqualTo(3);
    int next = 0;
    for (RequestEvent event : events()) {
      if (event instanceof RequestEvent.TokensCommitted tokens) {
        assertThat(tokens.index()).isEqualTo(next);
        next += tokens.tokens().length;
      }
    }
    assertThat(next).isEqualTo(3);
  }

  @Test
  @DisplayName("L12 every event names its request, epoch and index")
  void everyEventNamesItself() {
    accepted();
    generated(1, 0, 21, 22);
    ends(1, 2, FinishReason.LENGTH, 23);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 3));
    settle();
    assertThat(events()).allMatch(event -> event.requestId().equals(ID));
    assertThat(events().stream().map(RequestEvent::epoch)).containsExactly(0, 1, 1, 1, 1);
    assertThat(events().stream().map(RequestEvent::index)).containsExactly(0, 0, 0, 2, 3);
  }

  @Test
  void cancelIsAnsweredWhenTheDeviceHasLetGoAndTheEndIsDurable() {
    accepted();
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    request.tell(new RequestActor.Cancel(client.getRef()));
    SchedulerActor.Leave cancel = expectLeave();
    client.expectNoMessage(Duration.ofMillis(50));
    cancel.owner().tell(new RequestActor.Released(1, LetGo.CANCEL));
    expectKnown(client, ID);
    assertThat(view().snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    assertThat(committed()).containsExactly(21);
    assertThat(events()).last().isInstanceOf(RequestEvent.Finished.class);
    generated(1, 1, 22);
    settle();
    assertThat(committed()).containsExactly(21);
  }

  private SchedulerActor.Adopt restarted() {
    kit.stop(request);
    assertThat(views.size()).isZero();
    request = spawn();
    return scheduler.expectMessageClass(SchedulerActor.Adopt.class);
  }

  @Test
  @DisplayName("L5 where no scheduler runs a request any more it goes on in a new epoch")
  void aRequestThatWasWrittenGoesOnInANewEpochAfterARestart() {
    accepted();
    generated(1, 0, 21, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    SchedulerActor.Adopt adopt = restarted();
    assertThat(adopt).isEqualTo(new SchedulerActor.Adopt(ID, 1, 2, Band.INTERACTIVE, request));
    request.tell(new RequestActor.NotHeld(1));
    SchedulerActor.Admit again = scheduler.expectMessageClass(SchedulerActor.Admit.class);
    assertThat(again.admission().epoch()).isEqualTo(2);
    assertThat(again.admission().tokens()).containsExactly(11, 12, 21, 22);
    assertThat(again.admission().seed()).isEqualTo(3L);
    ends(2, 2, FinishReason.LENGTH, 23);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 2, 3));
    settle();
    assertThat(committed()).containsExactly(21, 22, 23);
  }

  @Test
  @DisplayName("L5 a scheduler that still runs a request goes on with it in the same epoch")
  void aRequestThatMovedIsAdopted() {
    accepted();
    generated(1, 0, 21, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    restarted();
    request.tell(new RequestActor.Adopted(1));
    // The wait for an answer that came must not end in a new epoch.
    request.tell(new RequestActor.NotHeld(1));
    ends(1, 2, FinishReason.LENGTH, 23);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 3));
    settle();
    assertThat(committed()).containsExactly(21, 22, 23);
    assertThat(events().stream().filter(RequestEvent.Assigned.class::isInstance)).hasSize(1);
  }

  @Test
  @DisplayName("L1 a pause is answered when the device has let go and the pause is durable")
  void aPauseIsDurableAndRefusesTokens() {
    accepted();
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    request.tell(new RequestActor.Pause(client.getRef()));
    SchedulerActor.Leave leave = expectLeave();
    assertThat(leave.why()).isEqualTo(LetGo.PAUSE);
    client.expectNoMessage(Duration.ofMillis(50));
    leave.owner().tell(new RequestActor.Released(1, LetGo.PAUSE));
    expectKnown(client, ID);
    assertThat(view().snapshot().state()).isEqualTo(State.PAUSED);
    generated(1, 1, 22);
    scheduler.expectMessage(new SchedulerActor.Release(ID, 1));
    kit.stop(request);
    request = spawn();
    settle();
    scheduler.expectNoMessage(Duration.ofMillis(50));
    assertThat(view().snapshot().state()).isEqualTo(State.PAUSED);
    assertThat(committed()).containsExactly(21);
    request.tell(new RequestActor.Resume(client.getRef()));
    expectKnown(client, ID);
    SchedulerActor.Admit again = scheduler.expectMessageClass(SchedulerActor.Admit.class);
    assertThat(again.admission().epoch()).isEqualTo(2);
    assertThat(again.admission().tokens()).containsExactly(11, 12, 21);
    assertThat(view().snapshot().state()).isEqualTo(State.ASSIGNED);
  }

  @Test
  @DisplayName("L1 a cancel overrules a pause that is under way, and both are answered")
  void aCancelOverrulesAPause() {
    accepted();
    TestProbe<RequestActor.Reply> other = kit.createTestProbe();
    request.tell(new RequestActor.Pause(client.getRef()));
    request.tell(new RequestActor.Cancel(other.getRef()));
    expectLeave();
    expectLeave();
    request.tell(new RequestActor.Released(1, LetGo.PAUSE));
    expectKnown(client, ID);
    expectKnown(other, ID);
    assertThat(view().snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
  }

  @Test
  @DisplayName("H15 a deadline stands whatever progress there is, and keeps what is committed")
  void aDeadlineStands() {
    RequestSpec patient = spec();
    RequestSpec spec =
        RequestSpec.of(ID, "m", "f", patient.promptTokens())
            .submittedAtMillis(System.currentTimeMillis())
            .maxTokens(20)
            .seed(3L)
            .timeoutMillis(2_000)
            .build();
    request.tell(new RequestActor.Submit(spec, client.getRef()));
    expectKnown(client, ID);
    scheduler.expectMessageClass(SchedulerActor.Admit.class);
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    generated(0, 1, 29);
    scheduler.expectMessage(new SchedulerActor.Release(ID, 0));
    SchedulerActor.Leave leave = expectLeave();
    assertThat(leave.why()).isEqualTo(LetGo.TIMEOUT);
    generated(1, 1, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    request.tell(new RequestActor.Released(1, LetGo.TIMEOUT));
    settle();
    assertThat(view().snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.TIMEOUT);
    assertThat(committed()).containsExactly(21, 22);
    generated(1, 2, 23);
    settle();
    assertThat(committed()).containsExactly(21, 22);
  }

  @Test
  @DisplayName("H3 L5 an actor that fails starts again, keeps its readers and asks for its place")
  void anActorThatFailsStartsAgain() {
    accepted();
    AtomicInteger heard = new AtomicInteger();
    view().subscribe(heard::incrementAndGet);
    telemetry.failNext.set(true);
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    assertThat(scheduler.expectMessageClass(SchedulerActor.Adopt.class))
        .isEqualTo(new SchedulerActor.Adopt(ID, 1, 1, Band.INTERACTIVE, request));
    request.tell(new RequestActor.Adopted(1));
    generated(1, 1, 22);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 2));
    settle();
    assertThat(committed()).containsExactly(21, 22);
    // Of the first token before the failure and, since nobody knows that, again after it.
    assertThat(heard).hasValue(3);
  }

  @Test
  void aRepeatedSubmissionJoinsAndAnotherContentConflicts() {
    accepted();
    request.tell(new RequestActor.Submit(spec(), client.getRef()));
    expectKnown(client, ID);
    request.tell(new RequestActor.Submit(spec("m", List.of(), 21), client.getRef()));
    client.expectMessage(new RequestActor.Conflict(ID));
    scheduler.expectNoMessage(Duration.ofMillis(50));
    assertThat(events()).hasSize(2);
  }

  @Test
  @DisplayName(
      "a request is deleted once it has ended, and its id is not free, after a restart too")
  void deletion() {
    accepted();
    request.tell(new RequestActor.Delete(client.getRef()));
    expectKnown(client, ID);
    ends(1, 0, FinishReason.STOP, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    settle();
    for (int i = 0; i < 2; i++) {
      for (int repeated = 0; repeated < 2; repeated++) {
        request.tell(new RequestActor.Delete(client.getRef()));
        client.expectMessage(new RequestActor.Deleted(ID));
      }
      assertThat(views.size()).isZero();
      request.tell(new RequestActor.Find(client.getRef()));
      client.expectMessage(new RequestActor.Unknown(ID));
      request.tell(new RequestActor.CancelWithParent(client.getRef()));
      client.expectMessage(new RequestActor.Unknown(ID));
      assertThat(events()).filteredOn(RequestEvent.Deleted.class::isInstance).hasSize(1);
      kit.stop(request);
      request = spawn();
      request.tell(new RequestActor.Submit(spec(), client.getRef()));
      client.expectMessage(new RequestActor.Deleted(ID));
      kit.stop(request);
      request = spawn();
    }
    assertThat(gate.unfinished()).isZero();
    scheduler.expectNoMessage(Duration.ofMillis(50));
  }

  @Test
  @DisplayName(
      "one that joins while its parent is being cancelled is cancelled too, and waited for")
  void whatJoinsDuringACancelIsCancelled() {
    accepted();
    request.tell(new RequestActor.Cancel(client.getRef()));
    SchedulerActor.Leave leave = expectLeave();
    request.tell(new RequestActor.ChildJoined("late"));
    request.tell(new RequestActor.Released(leave.epoch(), LetGo.CANCEL));
    client.awaitAssert(
        () -> assertThat(told).singleElement().asString().startsWith("late: CancelWithParent"));
    client.expectNoMessage(Duration.ofMillis(50));
    request.tell(new RequestActor.ChildLeft("late"));
    expectKnown(client, ID);
    assertThat(view().snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
  }

  @Test
  @DisplayName("L11 a request that the journal does not take is refused and leaves nothing")
  void aRequestThatTheJournalRejectsLeavesNothing() {
    journal.rejectNextPersisted(ID);
    gate.enter(ID, "");
    request.tell(new RequestActor.Submit(spec(), client.getRef()));
    client.expectMessage(new RequestActor.NotAccepted(ID));
    client.expectTerminated(request, Duration.ofSeconds(60));
    assertThat(gate.unfinished()).isZero();
    assertThat(views.size()).isZero();
    scheduler.expectNoMessage(Duration.ofMillis(50));
  }

  @Test
  void aRequestNobodyKnowsLeavesNothing() {
    request.tell(new RequestActor.Find(client.getRef()));
    client.expectMessage(new RequestActor.Unknown(ID));
    request.tell(new RequestActor.Cancel(client.getRef()));
    client.expectMessage(new RequestActor.Unknown(ID));
    passivated.expectMessage(request);
    assertThat(events()).isEmpty();
    assertThat(views.size()).isZero();
  }

  @Test
  void aRequestWithoutADeviceWaitsAndCanBeCancelled() {
    request.tell(new RequestActor.Submit(spec("absent", List.of(), 20), client.getRef()));
    expectKnown(client, ID);
    settle();
    assertThat(view().snapshot().state()).isEqualTo(State.ACCEPTED);
    request.tell(new RequestActor.Cancel(client.getRef()));
    expectKnown(client, ID);
    assertThat(view().snapshot().state()).isEqualTo(State.FINISHED);
    scheduler.expectNoMessage(Duration.ofMillis(50));
  }

  @Test
  @DisplayName("R19 losses of the device are bounded and end with an error of the server")
  void deviceLossesAreBounded() {
    accepted();
    for (int epoch = 1; epoch <= 2; epoch++) {
      request.tell(new RequestActor.DeviceLost(epoch));
      scheduler.expectMessageClass(SchedulerActor.Admit.class);
    }
    request.tell(new RequestActor.DeviceLost(3));
    settle();
    Snapshot.Finish finish = view().snapshot().finish().orElseThrow();
    assertThat(finish.reason()).isEqualTo(FinishReason.ERROR);
    assertThat(finish.detail()).contains("device failed 3 times");
  }

  @Test
  void aReaderThatFailsDoesNotKeepOthersFromHearing() {
    accepted();
    AtomicInteger heard = new AtomicInteger();
    view()
        .subscribe(
            () -> {
              throw new IllegalStateException("a broken reader");
            });
    view().subscribe(heard::incrementAndGet);
    generated(1, 0, 21);
    scheduler.expectMessage(new SchedulerActor.Committed(ID, 1, 1));
    settle();
    assertThat(heard).hasValue(1);
    assertThat(view().readers()).isOne();
  }
}
