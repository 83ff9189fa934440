package dev.cairn.cluster;

import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.PauseActor;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.device.Device;
import dev.cairn.model.grammar.Languages;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.JournalExtension;
import dev.cairn.scheduling.SchedulingLimits;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/** The order in which a node comes up. */
final class NodeStart {
  private final ActorSystem<SpawnProtocol.Command> system;
  private final CairnNode.Parts parts;
  private final NodeSettings settings;
  private final ClusterSettings cluster;
  private final StartUp startUp;
  private final Membership membership;
  private final Languages languages;
  private final NodeDevices devices;
  private final RequestSharding sharding;
  private final Readiness readiness = new Readiness();
  private final DrainSwitch draining = new DrainSwitch();

  NodeStart(ActorSystem<SpawnProtocol.Command> system, CairnNode.Parts parts) {
    this.system = system;
    this.parts = parts;
    this.settings = NodeSettings.from(parts.config());
    this.cluster = ClusterSettings.from(parts.config());
    this.startUp = new StartUp(system, settings.startTimeout());
    this.membership = new Membership(startUp, cluster);
    this.languages = GrammarSettings.languages(parts.config(), parts.tokenizer());
    this.devices =
        new NodeDevices(
            startUp,
            parts,
            settings,
            new SchedulerActor.Guidance(
                languages,
                system
                    .dispatchers()
                    .lookup(DispatcherSelector.fromConfig(GrammarSettings.DISPATCHER))));
    this.sharding = new RequestSharding(startUp, parts, settings, cluster, draining);
    readiness.notReady("node", "the server is starting");
  }

  CairnNode start() {
    // The model loads while the cluster forms.
    SchedulingLimits limits = settings.limits(parts.deviceConfig());
    List<ActorRef<SchedulerActor.Command>> schedulers =
        cluster.hasDevice() ? devices.start(membership.nodeName(), limits, readiness) : List.of();
    membership.join();
    Optional<JournalAccess> journal =
        cluster.isGateway() ? Optional.of(JournalExtension.get(system)) : Optional.empty();
    journal.ifPresent(this::follow);
    ActorRef<PauseActor.Command> pauses = ClusterPauses.start(system, parts.config());
    List<Device> opened = schedulers.isEmpty() ? List.of() : devices.awaitOpen();
    schedulers.forEach(
        own -> system.receptionist().tell(Receptionist.register(SchedulerActor.KEY, own)));
    Optional<ShardedRequests> requests =
        journal.map(access -> sharding.start(schedulers.stream().findFirst(), limits, access));
    Optional<GatewayEmbeddings> embeddings =
        journal.map(access -> sharding.startEmbeddings(limits));
    if (cluster.profile() == Profile.SINGLE) {
      requests.ifPresent(gateway -> recover(journal.orElseThrow(), gateway));
    }
    watchLoops(schedulers, administer(opened, journal, schedulers));
    readiness.ready("node");
    return new CairnNode(
        system,
        settings,
        opened.stream().findFirst(),
        requests,
        embeddings,
        journal,
        readiness,
        draining,
        languages,
        leaks(),
        devices::scheduling,
        pauses);
  }

  private ActorRef<NodeAdmin.Command> administer(
      List<Device> opened,
      Optional<JournalAccess> journal,
      List<ActorRef<SchedulerActor.Command>> schedulers) {
    Optional<RequestSharding> gateway = journal.map(unused -> sharding);
    return startUp.spawn(
        NodeAdmin.create(
            facts(opened, journal),
            new LocalEmptying(system, readiness, draining, gateway, schedulers)),
        NodeAdmin.NAME,
        DispatcherSelector.fromConfig("cairn.dispatchers.admin"));
  }

  private void watchLoops(
      List<ActorRef<SchedulerActor.Command>> schedulers, ActorRef<NodeAdmin.Command> admin) {
    Map<String, ActorRef<?>> loops = new HashMap<>(sharding.loops());
    schedulers.forEach(own -> loops.put("the " + own.path().name(), own));
    loops.put("the node's admin actor", admin);
    startUp.spawn(LoopWatch.create(readiness, loops), "loop-watch");
  }

  private void follow(JournalAccess journal) {
    journal.onFailure(
        cause -> readiness.notReady("journal", "the journal failed: " + cause.getMessage()));
    journal.onDeadLoop(what -> readiness.notReady(what, what + " ended"));
    journal.onAvailability(
        reason ->
            reason.ifPresentOrElse(
                why -> readiness.notReady("journal", why), () -> readiness.ready("journal")));
  }

  /** In a cluster, sharding remembers what is unfinished. */
  private void recover(JournalAccess journal, ShardedRequests requests) {
    int recovered =
        startUp.await(
            new Recovery(
                    journal::unfinished,
                    requests::wake,
                    settings.requests().maxConcurrentRecoveries(),
                    system.executionContext(),
                    parts.recovered())
                .start(),
            "the recovery of unfinished requests");
    if (recovered > 0) {
      system.log().info("{} unfinished requests go on", recovered);
    }
  }

  private LocalFacts facts(List<Device> opened, Optional<JournalAccess> journal) {
    return new LocalFacts(
        membership.address(),
        readiness,
        draining,
        parts.model(),
        opened.stream().map(Device::info).toList(),
        devices::scheduling,
        devices::tenants,
        journal.map(unused -> sharding),
        journal,
        cluster.profile(),
        parts.config().getString("cairn.journal.durability"));
  }

  private LeakRegistry leaks() {
    LeakRegistry leaks = new LeakRegistry();
    sharding.register(leaks);
    devices.register(leaks);
    return leaks;
  }
}
