package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.ClusterMessage;
import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.PauseActor;
import dev.cairn.actors.Pauses;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.actors.ViewRelay;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.DrainReport;
import dev.cairn.cluster.admin.JournalReport;
import dev.cairn.cluster.admin.NewestFilter;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.OwnDevice;
import dev.cairn.cluster.admin.RequestFilter;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.cluster.admin.StateCounts;
import dev.cairn.cluster.admin.TenantRow;
import dev.cairn.cluster.admin.Waiting;
import dev.cairn.model.Pooling;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.Constraints;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.LookUp;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Attempt;
import dev.cairn.request.LetGo;
import dev.cairn.request.Snapshot;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.Standing;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class MessagesTest {
  private final ActorTestKit kit =
      ActorTestKit.create(
          NodeConfig.load(
              ConfigFactory.parseString(
                  "pekko.loglevel = WARNING, cairn.cluster.transport = tcp")));
  private final Serialization serialization = SerializationExtension.get(kit.system());
  private final ActorRef<RequestActor.Command> owner =
      kit.<RequestActor.Command>createTestProbe().getRef();
  private final ActorRef<SchedulerActor.Command> scheduler =
      kit.<SchedulerActor.Command>createTestProbe().getRef();

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  private static Admission admission() {
    return new Admission(
        "request",
        7,
        new Standing(Band.BATCH, "tenant", 2, 5, "session", "group", 3, 2.5),
        1234567890123L,
        new int[] {1, 70_000, 3, 4},
        3,
        99,
        new Sampling(0.7f, 40, 0.9f, 0.05f, 1.1f, 0.5f, -0.5f),
        -6148914691236517206L,
        true,
        5,
        true,
        "tenant",
        LookUp.ON);
  }

  private static RequestSpec spec() {
    return RequestSpec.of("request", "model", "print", new int[] {1, 70_000, 3})
        .submittedAtMillis(1234567890123L)
        .maxTokens(99)
        .sampling(new Sampling(0.7f, 40, 0.9f, 0.05f, 1.1f, 0.5f, -0.5f))
        .seed(-6148914691236517206L)
        .stop(List.of("a", "\n"))
        .ignoreEos(true)
        .logprobs(5)
        .echo(true)
        .promptLogprobs(true)
        .cancelOnDisconnect(true)
        .timeoutMillis(60_000)
        .constraints(new Constraints("cpu", "Q8_0", "llama", 9))
        .scheduling(
            new Scheduling(
                Band.BATCH,
                "tenant",
                "parent",
                2,
                9,
                true,
                "session",
                "group",
                2,
                7,
                LookUp.ON,
                2.5))
        .build();
  }

  private Object roundTrip(ClusterMessage message) throws Exception {
    SerializerWithStringManifest serializer =
        (SerializerWithStringManifest) serialization.findSerializerFor(message);
    assertThat(serializer.getClass().getSimpleName()).isEqualTo("JacksonCborSerializer");
    byte[] bytes = serialization.serialize(message).get();
    return serialization
        .deserialize(bytes, serializer.identifier(), serializer.manifest(message))
        .get();
  }

  @Test
  @DisplayName("L6 every field of an admission crosses to another node")
  void admissionsCross() throws Exception {
    SchedulerActor.Admit admit = new SchedulerActor.Admit(admission(), owner);
    assertThat(roundTrip(admit)).usingRecursiveComparison().isEqualTo(admit);
  }

  @Test
  @DisplayName("L6 an admission without its configuration is refused")
  void emptyAdmissionsAreRefused() {
    SchedulerActor.Admit admit = new SchedulerActor.Admit(admission(), owner);
    SerializerWithStringManifest serializer =
        (SerializerWithStringManifest) serialization.findSerializerFor(admit);
    byte[] empty = new byte[] {(byte) 0xa0};
    assertThatThrownBy(() -> serializer.fromBinary(empty, serializer.manifest(admit)))
        .hasMessageContaining("admission");
  }

  @Test
  @DisplayName("L6 every other message between nodes crosses whole")
  void messagesCross() throws Exception {
    TestProbe<RequestActor.Reply> client = kit.createTestProbe();
    TestProbe<SchedulerActor.DrainState> drains = kit.createTestProbe();
    TestProbe<DeviceDirectory.Command> directory = kit.createTestProbe();
    TestProbe<ViewRelay.Command> relay = kit.createTestProbe();
    Pauses pauses = new Pauses(3, Set.of("a", "b"), Set.of("cpu-0@a:1"));
    ActorRef<PauseActor.Command> keeper = kit.<PauseActor.Command>createTestProbe().getRef();
    ActorRef<PauseActor.State> states = kit.<PauseActor.State>createTestProbe().getRef();
    TokenLogprobs logprobs = new TokenLogprobs(-0.5f, new int[] {7, 8}, new float[] {-0.5f, -2f});
    Handover handover =
        new Handover(
            "request",
            3,
            11,
            new int[] {5, 49_151},
            List.of(logprobs, logprobs),
            List.of(logprobs),
            new float[0],
            Optional.of(new Handover.End(FinishReason.TIMEOUT, "late")),
            Optional.of(new Handover.Timing(1, 2_000_000_000_000L, 3)));
    Handover plain = new Handover("r", 1, 0, new int[0], List.of(), List.of(), Optional.empty());
    Handover vector =
        new Handover(
            "r",
            1,
            0,
            new int[0],
            List.of(),
            List.of(),
            new float[] {-0f, 1.5f, Float.MIN_VALUE},
            Optional.of(new Handover.End(FinishReason.LENGTH, "")),
            Optional.of(new Handover.Timing(0, 4, 0)));
    Admission pooled =
        Admission.pooled(
            "r",
            2,
            Standing.alone(Band.BATCH, "tenant", 5),
            5,
            new int[] {1, 70_000},
            "tenant",
            Pooling.LAST);
    DeviceStatus status =
        new DeviceStatus(
            "cpu-0@a:1",
            new DeviceStatus.Served("print", "Q8_0", "llama"),
            "cpu-1",
            "cpu",
            512,
            4096,
            new DeviceStatus.Load(9, 1, 2, 3, 4, OptionalDouble.of(1.5)),
            true,
            true);
    for (ClusterMessage message : questions()) {
      assertThat(roundTrip(message)).usingRecursiveComparison().isEqualTo(message);
    }
    Attempt attempt = new Attempt(3, 11, "cpu-0@a:1", "cpu-1");
    Verdict fits = new Verdict("cpu-0@a:1", OptionalDouble.of(0.25), "9 tokens");
    Verdict not = new Verdict("cpu-0@b:1", OptionalDouble.empty(), "it does not answer");
    for (ClusterMessage message :
        List.of(
            new RequestActor.Submit(spec(), client.getRef()),
            new RequestActor.Submit(spec(), client.getRef(), "00-a-b-01"),
            new RequestActor.Find(client.getRef()),
            new RequestActor.Cancel(client.getRef()),
            new RequestActor.Delete(client.getRef()),
            new RequestActor.Pause(client.getRef()),
            new RequestActor.Resume(client.getRef()),
            new RequestActor.SetPriority(Band.PRODUCTION, client.getRef()),
            new RequestActor.Explain(client.getRef()),
            new RequestActor.Explanation(
                "request",
                Snapshot.State.ASSIGNED,
                Band.BATCH,
                List.of(attempt),
                List.of(fits, not),
                List.of(not)),
            new RequestActor.Move(3, scheduler),
            new RequestActor.Released(3, LetGo.MOVE),
            new RequestActor.Generated(handover, scheduler),
            new RequestActor.Generated(plain, scheduler),
            new RequestActor.Generated(vector, scheduler),
            new SchedulerActor.Admit(pooled, owner),
            new RequestActor.Released(3, LetGo.PAUSE),
            new RequestActor.DeviceLost(3),
            new RequestActor.Evicted(3),
            new RequestActor.Adopted(3),
            new RequestActor.NotHeld(3),
            new RequestActor.Known("request", 7, relay.getRef()),
            new RequestActor.Again("request"),
            new RequestActor.Full("request", 1024),
            new RequestActor.TenantFull("request", "tenant", 4),
            new ViewRelay.PullNews(new byte[] {1, -2, 3}, relay.getRef()),
            new ViewRelay.TakeNews(new byte[] {-1, 2}, relay.getRef()),
            new RequestActor.Unknown("request"),
            new RequestActor.Deleted("request"),
            new RequestActor.NotAccepted("request"),
            new RequestActor.Conflict("request"),
            new SchedulerActor.Committed("request", 3, 12),
            new SchedulerActor.Release("request", 3),
            new SchedulerActor.Leave("request", owner, 3, LetGo.CANCEL),
            new SchedulerActor.LeaveNow("request", LetGo.TIMEOUT),
            new SchedulerActor.Adopt("request", 3, 12, Band.SYSTEM, owner),
            new SchedulerActor.Prioritize("request", 3, Band.BATCH),
            new SchedulerActor.Drain(drains.getRef()),
            new SchedulerActor.Undrain(drains.getRef()),
            new SchedulerActor.DrainState(true, 7),
            new SchedulerActor.SetPauses(pauses, keeper),
            SchedulerActor.AwaitPauses.INSTANCE,
            new PauseActor.SetTenant("acme", true, states),
            new PauseActor.SetDevice("cpu-0@a:1", false, states),
            new PauseActor.AskPauses(states),
            new PauseActor.Applied(3, scheduler),
            new PauseActor.State(pauses, true, List.of("a", "b")),
            new SchedulerActor.Describe(4, directory.getRef()),
            new DeviceDirectory.Answer(scheduler, status, 4))) {
      assertThat(roundTrip(message)).usingRecursiveComparison().isEqualTo(message);
    }
  }

  /** What admin actors of two nodes tell each other. */
  private List<ClusterMessage> questions() {
    ActorRef<NodeAdmin.Reply> asker = kit.<NodeAdmin.Reply>createTestProbe().getRef();
    RequestRow row =
        new RequestRow(
            "request",
            "a:1",
            "model",
            Snapshot.State.FINISHED,
            Band.PRODUCTION,
            "tenant",
            "parent",
            "cpu-0@a:1",
            3,
            4,
            5,
            6,
            7,
            Optional.of(new Snapshot.Finish(FinishReason.ERROR, "lost")));
    NodeReport report =
        new NodeReport(
            "a:1",
            List.of("it stops"),
            true,
            1,
            2,
            3,
            Optional.of(new OwnDevice("model", "print", 1, 2, 3, 4, 5, 6, 7)),
            List.of(
                new DeviceRow(
                    "cpu-0@a:1",
                    "a:1",
                    "print",
                    "cpu",
                    "cpu-1",
                    512,
                    4096,
                    9,
                    OptionalDouble.of(1.5),
                    OptionalDouble.empty(),
                    true,
                    false,
                    true,
                    2,
                    3,
                    2048)),
            List.of(new Waiting("model", "print", 1, 2)),
            Optional.of(
                new JournalReport(
                    "single", "fsync", 1, 2, 3, 4, 5, 6, 7, 8, 9, true, 10, 11, "broken")));
    return List.of(
        new NodeAdmin.ListRequests(
            new RequestFilter(
                Optional.of(Snapshot.State.PAUSED), Optional.of("cpu-0@a:1"), "after", 7),
            asker),
        new NodeAdmin.ListNewest(
            new NewestFilter(Optional.of("tenant"), Optional.of(Snapshot.State.PAUSED), 7), asker),
        new NodeAdmin.NewestPage(List.of(row), new StateCounts(1, 2, 3, 4)),
        new NodeAdmin.Describe(asker),
        new NodeAdmin.CountTenants(asker),
        new NodeAdmin.Drain(asker),
        new NodeAdmin.Undrain(asker),
        new NodeAdmin.AskDrain(asker),
        new NodeAdmin.DrainState(new DrainReport("a:1", true, false, 1, 2, 3)),
        new NodeAdmin.Page(List.of(row), true),
        new NodeAdmin.Described(report),
        new NodeAdmin.Tenants(
            List.of(
                new TenantRow(
                    "tenant", 1, 2, 3, 4, 5, 6, new TenantRow.AtDevices(7, 8, 9, 10, 11, 12)))));
  }

  @Test
  @DisplayName("H10 a garbled message is refused with an error, not taken for another")
  void garbledMessagesAreRefused() {
    SchedulerActor.Committed message = new SchedulerActor.Committed("request", 3, 12);
    SerializerWithStringManifest serializer =
        (SerializerWithStringManifest) serialization.findSerializerFor(message);
    byte[] noise = "this is no message".getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> serializer.fromBinary(noise, serializer.manifest(message)))
        .isInstanceOf(Exception.class);
    assertThatThrownBy(() -> serializer.fromBinary(noise, "java.lang.Runtime"))
        .isInstanceOf(Exception.class);
  }
}
