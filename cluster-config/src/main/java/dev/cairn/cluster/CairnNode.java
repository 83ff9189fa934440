package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.AdmissionGate;
import dev.cairn.actors.DeviceDirectory;
import dev.cairn.actors.DevicePlacement;
import dev.cairn.actors.GpuActor;
import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestViews;
import dev.cairn.actors.Requests;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.actors.Telemetry;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.DeviceInfo;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.JournalExtension;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingStats;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityContext;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.apache.pekko.cluster.typed.SelfUp;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * A running node: a member of a cluster, or a cluster of one. As a gateway it has requests, as a
 * device one device and that device's scheduler; by default it is both. Any number of nodes may run
 * in a JVM.
 */
public final class CairnNode implements AutoCloseable {
  /** Name of the actor system and of the cluster. */
  public static final String SYSTEM_NAME = "cairn";

  private static final EntityTypeKey<RequestActor.Command> REQUEST =
      EntityTypeKey.create(RequestActor.Command.class, "request");

  private final ActorSystem<SpawnProtocol.Command> system;
  private final NodeSettings settings;
  private final Optional<Device> device;
  private final Optional<ShardedRequests> requests;
  private final Optional<JournalAccess> journal;
  private final Readiness readiness;
  private final LeakRegistry leaks;
  private final AtomicReference<SchedulingStats> scheduling;

  /**
   * What a node is made of.
   *
   * @param config the whole configuration, {@code cairn} and {@code pekko}
   * @param model the model
   * @param tokenizer its tokenizer
   * @param deviceConfig how the device is opened
   * @param opener opens the device with this configuration; may take long
   * @param telemetry told of everything
   */
  public record Parts(
      Config config,
      ModelSpec model,
      Tokenizer tokenizer,
      DeviceConfig deviceConfig,
      Callable<Device> opener,
      Telemetry telemetry) {}

  private CairnNode(
      ActorSystem<SpawnProtocol.Command> system,
      NodeSettings settings,
      Optional<Device> device,
      Optional<ShardedRequests> requests,
      Optional<JournalAccess> journal,
      Readiness readiness,
      LeakRegistry leaks,
      AtomicReference<SchedulingStats> scheduling) {
    this.system = system;
    this.settings = settings;
    this.device = device;
    this.requests = requests;
    this.journal = journal;
    this.readiness = readiness;
    this.leaks = leaks;
    this.scheduling = scheduling;
  }

  /**
   * Starts a node and waits until it serves: cluster formed, model loaded, unfinished requests
   * running again.
   *
   * @throws DeviceException if the device cannot be opened
   * @throws IllegalStateException if the node does not come up in time
   */
  public static CairnNode start(Parts parts) {
    ActorSystem<SpawnProtocol.Command> system =
        ActorSystem.create(SpawnProtocol.create(), SYSTEM_NAME, parts.config());
    try {
      return new Starter(system, parts).start();
    } catch (RuntimeException | Error e) {
      system.terminate();
      awaitQuietly(system.getWhenTerminated(), Duration.ofSeconds(10));
      throw e;
    }
  }

  /**
   * The requests of the cluster.
   *
   * @throws IllegalStateException where this node is no gateway
   */
  public Requests requests() {
    return requests.orElseThrow(
        () -> new IllegalStateException("this node has no requests: its roles lack gateway"));
  }

  /** The journal; empty where this node is no gateway. */
  public Optional<JournalAccess> journal() {
    return journal;
  }

  public ActorSystem<?> system() {
    return system;
  }

  /** This node's device; empty where it has none. */
  public Optional<DeviceInfo> deviceInfo() {
    return device.map(Device::info);
  }

  public Readiness readiness() {
    return readiness;
  }

  public LeakRegistry leaks() {
    return leaks;
  }

  /** Where the device's scheduler stood when it last changed. */
  public SchedulingStats scheduling() {
    return scheduling.get();
  }

  /** Completes when the node has stopped, for whatever reason. */
  public CompletionStage<?> whenTerminated() {
    return system.getWhenTerminated();
  }

  /**
   * Stops taking requests, stops the actors and closes the journal. Unfinished requests stay in it.
   */
  @Override
  public void close() {
    requests.ifPresent(ShardedRequests::close);
    readiness.notReady("node", "the server is stopping");
    system.terminate();
    if (!awaitQuietly(system.getWhenTerminated(), settings.stopTimeout())) {
      throw new IllegalStateException(
          "the node did not stop within " + settings.stopTimeout().toSeconds() + " seconds");
    }
  }

  private static boolean awaitQuietly(CompletionStage<?> stage, Duration most) {
    try {
      stage.toCompletableFuture().get(most.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException | TimeoutException e) {
      return false;
    }
  }

  /** The order in which a node comes up. */
  private static final class Starter {
    private final ActorSystem<SpawnProtocol.Command> system;
    private final Parts parts;
    private final NodeSettings settings;
    private final ClusterSettings cluster;
    private final Readiness readiness = new Readiness();
    private final RequestViews views = new RequestViews();
    private final AdmissionGate gate;
    private final CompletableFuture<Device> device = new CompletableFuture<>();
    private final AtomicReference<SchedulingStats> scheduling =
        new AtomicReference<>(SchedulingStats.NONE);

    Starter(ActorSystem<SpawnProtocol.Command> system, Parts parts) {
      this.system = system;
      this.parts = parts;
      this.settings = NodeSettings.from(parts.config());
      this.cluster = ClusterSettings.from(parts.config());
      this.gate = new AdmissionGate(settings.requests().maxUnfinished());
      readiness.notReady("node", "the server is starting");
    }

    CairnNode start() {
      // The model loads while the cluster forms.
      SchedulingLimits limits = settings.limits(parts.deviceConfig());
      Optional<ActorRef<SchedulerActor.Command>> scheduler =
          cluster.hasDevice() ? Optional.of(spawnScheduler(limits)) : Optional.empty();
      join();
      Optional<JournalAccess> journal =
          cluster.isGateway() ? Optional.of(JournalExtension.get(system)) : Optional.empty();
      journal.ifPresent(
          access ->
              access.onFailure(
                  cause ->
                      readiness.notReady("journal", "the journal failed: " + cause.getMessage())));
      Optional<Device> opened = scheduler.map(unused -> await(device, "the device"));
      scheduler.ifPresent(
          own -> system.receptionist().tell(Receptionist.register(SchedulerActor.KEY, own)));
      Optional<ShardedRequests> requests =
          journal.map(access -> shard(scheduler, limits.maxContext(), access));
      requests.ifPresent(gateway -> recover(journal.orElseThrow(), gateway));
      readiness.ready("node");
      return new CairnNode(
          system, settings, opened, requests, journal, readiness, leaks(), scheduling);
    }

    private void recover(JournalAccess journal, ShardedRequests requests) {
      int recovered =
          await(
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

    private ActorRef<SchedulerActor.Command> spawnScheduler(SchedulingLimits limits) {
      Telemetry telemetry = new NodeTelemetry(parts.telemetry(), scheduling);
      GpuActor.Settings gpu =
          new GpuActor.Settings(
              parts.opener(),
              new GpuActor.DeviceListener() {
                @Override
                public void opened(Device opened) {
                  device.complete(opened);
                }

                @Override
                public void givenUp(DeviceException cause) {
                  device.completeExceptionally(cause);
                }
              },
              readiness,
              telemetry,
              settings.device().maxOpenAttempts(),
              settings.device().minOpenBackoff(),
              settings.device().maxOpenBackoff());
      return await(
          AskPattern.<SpawnProtocol.Command, ActorRef<SchedulerActor.Command>>ask(
              system,
              replyTo ->
                  new SpawnProtocol.Spawn<>(
                      SchedulerActor.create(
                          new SchedulerActor.Identity(nodeName(), parts.model().fingerprint()),
                          limits,
                          parts.tokenizer()::endsGeneration,
                          gpu.factory("cairn.dispatchers.gpu"),
                          telemetry,
                          System::nanoTime,
                          new SchedulerActor.Patience(
                              settings.device().orphanTimeout(), settings.commit().repeatAfter())),
                      "scheduler",
                      DispatcherSelector.defaultDispatcher(),
                      replyTo),
              settings.startTimeout(),
              system.scheduler()),
          "the scheduler");
    }

    /** Where the device is; the same after a restart at the same address. */
    private String nodeName() {
      return cluster.seeds().isEmpty() ? "" : hostAndPort(Cluster.get(system).selfMember());
    }

    private static String hostAndPort(Member member) {
      return member.address().host().get() + ":" + member.address().port().get();
    }

    private void join() {
      Cluster node = Cluster.get(system);
      CompletableFuture<SelfUp> up = new CompletableFuture<>();
      ActorRef<SelfUp> listener =
          await(
              AskPattern.<SpawnProtocol.Command, ActorRef<SelfUp>>ask(
                  system,
                  replyTo ->
                      new SpawnProtocol.Spawn<>(
                          SelfUpListener.create(up), "self-up", Props.empty(), replyTo),
                  settings.startTimeout(),
                  system.scheduler()),
              "the cluster");
      node.subscriptions().tell(Subscribe.create(listener, SelfUp.class));
      node.manager()
          .tell(
              cluster.seeds().isEmpty()
                  ? Join.create(node.selfMember().address())
                  : new JoinSeedNodes(cluster.seeds()));
      await(up, "the cluster");
      refuseSecondGateway(node);
    }

    /** RocksDB belongs to one process: a second gateway would answer for requests it cannot see. */
    private void refuseSecondGateway(Cluster node) {
      for (Member member : node.state().getMembers()) {
        if (cluster.isGateway()
            && member.hasRole(ClusterSettings.GATEWAY)
            && member.isOlderThan(node.selfMember())) {
          throw new IllegalStateException(
              "the cluster has a gateway at "
                  + hostAndPort(member)
                  + " already, whose journal this node cannot share; expected"
                  + " cairn.node.roles = [device]");
        }
      }
    }

    private ShardedRequests shard(
        Optional<ActorRef<SchedulerActor.Command>> scheduler,
        int maxContext,
        JournalAccess journal) {
      DevicePlacement placement = new DevicePlacement(cluster.placement(), System::nanoTime);
      spawn(
          DeviceDirectory.create(cluster.directory(), System::nanoTime, placement, scheduler),
          "devices");
      if (scheduler.isPresent()) {
        await(placement.any(), "the device");
      }
      RequestActor.Environment env =
          new RequestActor.Environment(
              placement,
              views,
              gate,
              parts.tokenizer(),
              parts.telemetry(),
              System::nanoTime,
              System::currentTimeMillis,
              settings.requests().maxDeviceLosses(),
              settings.requests().linger(),
              settings.requests().retryAssign(),
              settings.requests().adoptTimeout(),
              settings.requests().checkInterval(),
              settings.requests().minRestartBackoff(),
              settings.requests().maxRestartBackoff(),
              settings.requests().crashPoint());
      ClusterSharding sharding = ClusterSharding.get(system);
      sharding.init(
          Entity.of(REQUEST, context -> request(context, env))
              .withStopMessage(RequestActor.Stop.INSTANCE)
              .withRole("gateway"));
      return new ShardedRequests(
          id -> sharding.entityRefFor(REQUEST, id),
          scheduler,
          gate,
          views,
          maxContext,
          settings.requests().askTimeout(),
          () -> journal.stats().diskFull(),
          system.executionContext());
    }

    private <T> ActorRef<T> spawn(Behavior<T> behavior, String name) {
      return await(
          AskPattern.<SpawnProtocol.Command, ActorRef<T>>ask(
              system,
              replyTo -> new SpawnProtocol.Spawn<>(behavior, name, Props.empty(), replyTo),
              settings.startTimeout(),
              system.scheduler()),
          name);
    }

    private static Behavior<RequestActor.Command> request(
        EntityContext<RequestActor.Command> context, RequestActor.Environment env) {
      return RequestActor.create(
          context.getEntityId(),
          env,
          self -> context.getShard().tell(new ClusterSharding.Passivate<>(self)));
    }

    private LeakRegistry leaks() {
      LeakRegistry leaks = new LeakRegistry();
      leaks.register("admissions", gate::unfinished);
      leaks.register("views", views::size);
      leaks.register("readers", views::readers);
      leaks.register("sequences", () -> scheduling.get().entries());
      leaks.register("slots", () -> scheduling.get().slotsInUse());
      leaks.register("kv-blocks", () -> scheduling.get().kvBlocksUsed());
      leaks.register("steps", () -> scheduling.get().stepsInFlight());
      return leaks;
    }

    private <T> T await(CompletionStage<T> stage, String what) {
      try {
        return stage
            .toCompletableFuture()
            .get(settings.startTimeout().toMillis(), TimeUnit.MILLISECONDS);
      } catch (ExecutionException e) {
        Throwable cause =
            e.getCause() instanceof CompletionException ? e.getCause().getCause() : e.getCause();
        if (cause instanceof RuntimeException runtime) {
          throw runtime;
        }
        throw new IllegalStateException(what + " failed: " + cause, cause);
      } catch (TimeoutException e) {
        throw new IllegalStateException(
            what
                + " was not ready within "
                + settings.startTimeout().toSeconds()
                + " seconds (cairn.node.start-timeout)",
            e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while waiting for " + what, e);
      }
    }
  }
}
