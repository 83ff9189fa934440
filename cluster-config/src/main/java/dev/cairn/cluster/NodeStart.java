package dev.cairn.cluster;

import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.device.Device;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.JournalExtension;
import dev.cairn.scheduling.SchedulingLimits;
import java.util.HashMap;
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
  private final NodeDevice device;
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
    this.device = new NodeDevice(startUp, parts, settings);
    this.sharding = new RequestSharding(startUp, parts, settings, cluster, draining);
    readiness.notReady("node", "the server is starting");
  }

  CairnNode start() {
    // The model loads while the cluster forms.
    SchedulingLimits limits = settings.limits(parts.deviceConfig());
    Optional<ActorRef<SchedulerActor.Command>> scheduler =
        cluster.hasDevice()
            ? Optional.of(device.start(membership.nodeName(), limits, readiness))
            : Optional.empty();
    membership.join();
    Optional<JournalAccess> journal =
        cluster.isGateway() ? Optional.of(JournalExtension.get(system)) : Optional.empty();
    journal.ifPresent(this::follow);
    Optional<Device> opened = scheduler.map(unused -> device.awaitOpen());
    scheduler.ifPresent(
        own -> system.receptionist().tell(Receptionist.register(SchedulerActor.KEY, own)));
    Optional<ShardedRequests> requests =
        journal.map(access -> sharding.start(scheduler, limits, access));
    if (cluster.profile() == Profile.SINGLE) {
      requests.ifPresent(gateway -> recover(journal.orElseThrow(), gateway));
    }
    watchLoops(scheduler, administer(opened, journal, scheduler));
    readiness.ready("node");
    return new CairnNode(
        system,
        settings,
        opened,
        requests,
        journal,
        readiness,
        draining,
        leaks(),
        device.scheduling());
  }

  private ActorRef<NodeAdmin.Command> administer(
      Optional<Device> opened,
      Optional<JournalAccess> journal,
      Optional<ActorRef<SchedulerActor.Command>> scheduler) {
    Optional<RequestSharding> gateway = journal.map(unused -> sharding);
    return startUp.spawn(
        NodeAdmin.create(
            facts(opened, journal),
            new LocalEmptying(system, readiness, draining, gateway, scheduler)),
        "node-admin",
        DispatcherSelector.fromConfig("cairn.dispatchers.admin"));
  }

  private void watchLoops(
      Optional<ActorRef<SchedulerActor.Command>> scheduler, ActorRef<NodeAdmin.Command> admin) {
    Map<String, ActorRef<?>> loops = new HashMap<>(sharding.loops());
    scheduler.ifPresent(own -> loops.put("the scheduler", own));
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
                    system.executionContext())
                .start(),
            "the recovery of unfinished requests");
    if (recovered > 0) {
      system.log().info("{} unfinished requests go on", recovered);
    }
  }

  private LocalFacts facts(Optional<Device> opened, Optional<JournalAccess> journal) {
    return new LocalFacts(
        membership.address(),
        readiness,
        draining,
        parts.model(),
        opened.map(Device::info),
        () -> device.scheduling().get(),
        journal.map(unused -> sharding),
        journal,
        cluster.profile(),
        parts.config().getString("cairn.journal.durability"));
  }

  private LeakRegistry leaks() {
    LeakRegistry leaks = new LeakRegistry();
    sharding.register(leaks);
    device.register(leaks);
    return leaks;
  }
}
