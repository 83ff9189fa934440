package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.LeakRegistry;
import dev.cairn.actors.PauseActor;
import dev.cairn.actors.Readiness;
import dev.cairn.actors.Requests;
import dev.cairn.actors.Telemetry;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.DrainReport;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.DeviceInfo;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Languages;
import dev.cairn.persistence.journal.JournalAccess;
import dev.cairn.persistence.journal.postgres.PostgresException;
import dev.cairn.scheduling.SchedulingStats;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.SpawnProtocol;

/**
 * A running node: a member of a cluster, or a cluster of one. As a gateway it has requests, as a
 * device it has devices, as a rule one, each with a scheduler; by default it is both. Any number of
 * nodes may run in a JVM.
 */
public final class CairnNode implements AutoCloseable {
  /** Name of the actor system and of the cluster. */
  public static final String SYSTEM_NAME = "cairn";

  private final ActorSystem<SpawnProtocol.Command> system;
  private final NodeSettings settings;
  private final Optional<Device> device;
  private final Optional<ShardedRequests> requests;
  private final Optional<GatewayEmbeddings> embeddings;
  private final Optional<JournalAccess> journal;
  private final Readiness readiness;
  private final DrainSwitch draining;
  private final Languages languages;
  private final LeakRegistry leaks;
  private final Supplier<SchedulingStats> scheduling;
  private final ActorRef<PauseActor.Command> pauses;

  /**
   * What a node is made of.
   *
   * @param config the whole configuration, {@code cairn} and {@code pekko}
   * @param model the model
   * @param tokenizer its tokenizer
   * @param deviceConfig how the devices are opened; they differ in the back end alone
   * @param openers each opens one of the node's devices with such a configuration; may take long
   * @param telemetry told of everything
   * @param recovered told how many unfinished requests are back, while the node starts
   */
  public record Parts(
      Config config,
      ModelSpec model,
      Tokenizer tokenizer,
      DeviceConfig deviceConfig,
      List<Callable<Device>> openers,
      Telemetry telemetry,
      IntConsumer recovered) {
    /** Of a node that nobody watches while it brings requests back. */
    public Parts(
        Config config,
        ModelSpec model,
        Tokenizer tokenizer,
        DeviceConfig deviceConfig,
        List<Callable<Device>> openers,
        Telemetry telemetry) {
      this(config, model, tokenizer, deviceConfig, openers, telemetry, requests -> {});
    }

    /** Of a node with one device. */
    public Parts(
        Config config,
        ModelSpec model,
        Tokenizer tokenizer,
        DeviceConfig deviceConfig,
        Callable<Device> opener,
        Telemetry telemetry) {
      this(config, model, tokenizer, deviceConfig, List.of(opener), telemetry);
    }

    /**
     * The same node.
     *
     * @param listener told how many unfinished requests are back, while the node starts
     */
    public Parts onRecovery(IntConsumer listener) {
      return new Parts(config, model, tokenizer, deviceConfig, openers, telemetry, listener);
    }
  }

  CairnNode(
      ActorSystem<SpawnProtocol.Command> system,
      NodeSettings settings,
      Optional<Device> device,
      Optional<ShardedRequests> requests,
      Optional<GatewayEmbeddings> embeddings,
      Optional<JournalAccess> journal,
      Readiness readiness,
      DrainSwitch draining,
      Languages languages,
      LeakRegistry leaks,
      Supplier<SchedulingStats> scheduling,
      ActorRef<PauseActor.Command> pauses) {
    this.system = system;
    this.settings = settings;
    this.device = device;
    this.requests = requests;
    this.embeddings = embeddings;
    this.journal = journal;
    this.readiness = readiness;
    this.draining = draining;
    this.languages = languages;
    this.leaks = leaks;
    this.scheduling = scheduling;
    this.pauses = pauses;
  }

  /**
   * Starts a node and waits until it serves: cluster formed, model loaded, unfinished requests
   * running again.
   *
   * @throws DeviceException if the device cannot be opened
   * @throws IllegalArgumentException if the configuration of its cluster is wrong
   * @throws PostgresException if the journal in PostgreSQL cannot be used
   * @throws IllegalStateException if the node does not come up in time
   */
  public static CairnNode start(Parts parts) {
    ActorSystem<SpawnProtocol.Command> system =
        ActorSystem.create(
            SpawnProtocol.create(),
            SYSTEM_NAME,
            JournalRole.withRole(ClusterTransport.prepare(parts.config())));
    try {
      TransportStop.bound(system, parts.config().getDuration("cairn.cluster.stop-timeout"));
      return new NodeStart(system, parts).start();
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

  /**
   * Vectors of texts, computed on the devices of the cluster.
   *
   * @throws IllegalStateException where this node is no gateway
   */
  public Embeddings embeddings() {
    return embeddings.orElseThrow(
        () -> new IllegalStateException("this node has no embeddings: its roles lack gateway"));
  }

  /** The journal; empty where this node is no gateway. */
  public Optional<JournalAccess> journal() {
    return journal;
  }

  public ActorSystem<?> system() {
    return system;
  }

  /** This node's first device; empty where it has none. */
  public Optional<DeviceInfo> deviceInfo() {
    return device.map(Device::info);
  }

  /** The way to ask all nodes of the cluster. */
  public ClusterAdmin admin() {
    return new ClusterAdmin(system, pauses);
  }

  /** Devices that another process may run for this node. */
  public DeviceMember deviceMember() {
    return new DeviceMember(system);
  }

  public Readiness readiness() {
    return readiness;
  }

  /** The languages that outputs may be held to. */
  public Languages languages() {
    return languages;
  }

  public LeakRegistry leaks() {
    return leaks;
  }

  /** Where the devices' schedulers stood together when they last changed. */
  public SchedulingStats scheduling() {
    return scheduling.get();
  }

  /** Whether this node is being emptied. */
  public DrainSwitch draining() {
    return draining;
  }

  /**
   * Empties this node where its cluster has others: it takes no new requests, its streams end, its
   * requests move. Waits until nothing is left, at most {@code cairn.node.drain-timeout}.
   *
   * @return whether nothing is left
   */
  public boolean drain() {
    ClusterAdmin cluster = admin();
    if (cluster.members().size() < 2) {
      return false;
    }
    try {
      long most = settings.drainTimeout().toMillis();
      return cluster
          .drain(cluster.self(), settings.drainTimeout())
          .toCompletableFuture()
          .get(2 * most, TimeUnit.MILLISECONDS)
          .filter(DrainReport::drained)
          .isPresent();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException | TimeoutException e) {
      system.log().error("the node was not drained before it stops", e);
      return false;
    }
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
    embeddings.ifPresent(GatewayEmbeddings::close);
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
}
