package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.AdmissionGate;
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
import dev.cairn.request.Placement;
import dev.cairn.request.Target;
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
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityContext;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.SelfUp;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * A running node: a cluster of one with its requests, one device and that device's scheduler. Any
 * number of nodes may run in a JVM.
 */
public final class CairnNode implements AutoCloseable {
  /** Name of the actor system and of the cluster. */
  public static final String SYSTEM_NAME = "cairn";

  private static final EntityTypeKey<RequestActor.Command> REQUEST =
      EntityTypeKey.create(RequestActor.Command.class, "request");

  private final ActorSystem<SpawnProtocol.Command> system;
  private final NodeSettings settings;
  private final Device device;
  private final ShardedRequests requests;
  private final JournalAccess journal;
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
      Device device,
      ShardedRequests requests,
      JournalAccess journal,
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

  public Requests requests() {
    return requests;
  }

  public JournalAccess journal() {
    return journal;
  }

  public ActorSystem<?> system() {
    return system;
  }

  public DeviceInfo deviceInfo() {
    return device.info();
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
    requests.close();
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
      this.gate = new AdmissionGate(settings.requests().maxUnfinished());
      readiness.notReady("node", "the server is starting");
    }

    CairnNode start() {
      // The model loads while the cluster forms.
      SchedulingLimits limits = settings.limits(parts.deviceConfig());
      ActorRef<SchedulerActor.Command> scheduler = spawnScheduler(limits);
      joinSelf();
      JournalAccess journal = JournalExtension.get(system);
      journal.onFailure(
          cause -> readiness.notReady("journal", "the journal failed: " + cause.getMessage()));
      Device opened = await(device, "the device");
      ShardedRequests requests = shard(scheduler, opened.info(), limits.maxContext(), journal);
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
      readiness.ready("node");
      return new CairnNode(
          system, settings, opened, requests, journal, readiness, leaks(), scheduling);
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

    private void joinSelf() {
      Cluster cluster = Cluster.get(system);
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
      cluster.subscriptions().tell(Subscribe.create(listener, SelfUp.class));
      cluster.manager().tell(Join.create(cluster.selfMember().address()));
      await(up, "the cluster");
    }

    private ShardedRequests shard(
        ActorRef<SchedulerActor.Command> scheduler,
        DeviceInfo info,
        int maxContext,
        JournalAccess journal) {
      Target<ActorRef<SchedulerActor.Command>> target =
          new Target<>(info.backend() + "-0", info.numericsVersion(), maxContext, scheduler);
      Placement<ActorRef<SchedulerActor.Command>> placement =
          spec ->
              spec.modelFingerprint().equals(parts.model().fingerprint())
                  ? Optional.of(target)
                  : Optional.empty();
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

    private static org.apache.pekko.actor.typed.Behavior<RequestActor.Command> request(
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
