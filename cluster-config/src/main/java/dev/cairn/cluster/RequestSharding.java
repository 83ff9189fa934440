package dev.cairn.cluster;

import dev.cairn.actors.AdmissionGate;
import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.DevicePlacement;
import dev.cairn.actors.EmbeddingsActor;
import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestViews;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.actors.ViewRelay;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.scheduling.SchedulingLimits;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityContext;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;

/** What makes a node a gateway: placement, the sharded requests and what is kept for them. */
final class RequestSharding {
  static final EntityTypeKey<RequestActor.Command> REQUEST =
      EntityTypeKey.create(RequestActor.Command.class, "request");

  private final StartUp startUp;
  private final CairnNode.Parts parts;
  private final NodeSettings settings;
  private final ClusterSettings cluster;
  private final RequestViews views = new RequestViews();
  private final AdmissionGate gate;
  private final DevicePlacement placement;
  private final ViewRelay.Held held = new ViewRelay.Held();
  private final EmbeddingsActor.Held embedded = new EmbeddingsActor.Held();
  private final DrainSwitch draining;
  private final DrainingNodes drainingNodes;
  private final Map<String, ActorRef<?>> loops = new HashMap<>();

  /**
   * @param draining whether this node is being emptied
   */
  RequestSharding(
      StartUp startUp,
      CairnNode.Parts parts,
      NodeSettings settings,
      ClusterSettings cluster,
      DrainSwitch draining) {
    this.startUp = startUp;
    this.parts = parts;
    this.settings = settings;
    this.cluster = cluster;
    TenantSettings tenants = TenantSettings.from(parts.config(), parts.model().name());
    this.gate =
        new AdmissionGate(
            settings.requests().maxUnfinished(), tenant -> tenants.of(tenant).maxQueued());
    this.placement = new DevicePlacement(cluster.placement(), System::nanoTime);
    this.draining = draining;
    this.drainingNodes = new DrainingNodes(Cluster.get(startUp.system()).selfMember().address());
  }

  /**
   * Begins to take shards, and returns the requests of the cluster.
   *
   * @param own scheduler of this node's device
   */
  ShardedRequests start(
      Optional<ActorRef<SchedulerActor.Command>> own,
      SchedulingLimits limits,
      JournalAccess journal) {
    loops.put(
        "the directory of devices",
        startUp.spawn(
            DeviceDirectory.create(
                cluster.directory(), System::nanoTime, placement, parts.telemetry(), own),
            "devices"));
    loops.put(
        "the list of draining nodes", startUp.spawn(drainingNodes.follow(), "draining-nodes"));
    if (own.isPresent()) {
      startUp.await(placement.any(), "the device");
    }
    ClusterSharding sharding = ClusterSharding.get(startUp.system());
    ActorRef<ViewRelay.Command> relay = startUp.spawn(ViewRelay.create(relay(sharding)), "relay");
    loops.put("the relay", relay);
    RequestActor.Environment env =
        environment(relay, (id, command) -> sharding.entityRefFor(REQUEST, id).tell(command));
    sharding.init(
        Entity.of(REQUEST, context -> request(context, env))
            .withStopMessage(RequestActor.Stop.INSTANCE)
            .withAllocationStrategy(
                new DrainingAllocation(
                    sharding.defaultShardAllocationStrategy(
                        ClusterShardingSettings.create(startUp.system())),
                    drainingNodes))
            .withRole(ClusterSettings.GATEWAY));
    return new ShardedRequests(
        id -> sharding.entityRefFor(REQUEST, id),
        views,
        relay,
        cluster.profile() == Profile.SINGLE ? Optional.of(gate) : Optional.empty(),
        new ShardedRequests.Limits(
            limits.maxContext(),
            limits.maxWindow() + limits.maxStepsInFlight(),
            cluster.maxMessageBytes(),
            settings.requests().maxUnfinished(),
            settings.requests().askTimeout(),
            settings.requests().askAgain()),
        () -> journal.stats().diskFull(),
        journal::unavailable,
        draining,
        startUp.system().executionContext());
  }

  /** Begins to take calls for vectors; after {@link #start}. */
  GatewayEmbeddings startEmbeddings(SchedulingLimits limits) {
    EmbeddingSettings embeddings = EmbeddingSettings.from(parts.config());
    NodeSettings.Requests requests = settings.requests();
    ActorRef<EmbeddingsActor.Command> calls =
        startUp.spawn(
            EmbeddingsActor.create(
                new EmbeddingsActor.Environment(
                    placement,
                    gate,
                    parts.model().name(),
                    parts.model().fingerprint(),
                    embeddings.maxParallel(),
                    embeddings.timeout(),
                    requests.retryAssign(),
                    requests.checkInterval(),
                    requests.maxDeviceLosses(),
                    System::currentTimeMillis),
                embedded),
            "embeddings");
    loops.put("the calls for embeddings", calls);
    return new GatewayEmbeddings(
        calls,
        new GatewayEmbeddings.Limits(
            embeddings.inputTokens(limits.maxContext()),
            embeddings.maxInputs(),
            parts.model().embeddingLength(),
            cluster.maxMessageBytes(),
            embeddings.timeout()),
        draining);
  }

  DrainingNodes drainingNodes() {
    return drainingNodes;
  }

  /** Actors that end with the node alone. */
  Map<String, ActorRef<?>> loops() {
    return Map.copyOf(loops);
  }

  RequestViews views() {
    return views;
  }

  AdmissionGate gate() {
    return gate;
  }

  DevicePlacement placement() {
    return placement;
  }

  private ViewRelay.Environment relay(ClusterSharding sharding) {
    return new ViewRelay.Environment(
        cluster.relay(),
        views,
        id ->
            sharding
                .entityRefFor(REQUEST, id)
                .ask(RequestActor.Find::new, cluster.relayLookupTimeout()),
        parts.telemetry(),
        System::nanoTime,
        held);
  }

  private RequestActor.Environment environment(
      ActorRef<ViewRelay.Command> relay, BiConsumer<String, RequestActor.Command> peers) {
    NodeSettings.Requests requests = settings.requests();
    return new RequestActor.Environment(
        placement,
        views,
        relay,
        gate,
        parts.tokenizer(),
        parts.telemetry(),
        System::nanoTime,
        System::currentTimeMillis,
        peers,
        requests.maxDeviceLosses(),
        requests.linger(),
        requests.retryAssign(),
        requests.adoptTimeout(),
        requests.checkInterval(),
        requests.minRestartBackoff(),
        requests.maxRestartBackoff(),
        cluster.profile() == Profile.CLUSTER,
        requests.crashPoint());
  }

  private static Behavior<RequestActor.Command> request(
      EntityContext<RequestActor.Command> context, RequestActor.Environment env) {
    return RequestActor.create(
        context.getEntityId(),
        env,
        self -> context.getShard().tell(new ClusterSharding.Passivate<>(self)));
  }

  /** Registers what is held here for requests. */
  void register(LeakRegistry leaks) {
    leaks.register("admissions", gate::unfinished);
    leaks.register("views", views::size);
    leaks.register("readers", views::readers);
    leaks.register("followers", placement::followers);
    leaks.register("followed", held::followed);
    leaks.register("relayed", held::followers);
    leaks.register("embeddings", embedded::calls);
    leaks.register("embedding-texts", embedded::texts);
  }
}
