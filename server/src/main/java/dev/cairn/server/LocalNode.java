package dev.cairn.server;

import com.typesafe.config.Config;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.CairnNode;
import dev.cairn.cluster.DrainSwitch;
import dev.cairn.cluster.ModelParts;
import dev.cairn.cluster.StartProgress;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.DeviceInfo;
import dev.cairn.device.Devices;
import dev.cairn.device.LoadProgress;
import dev.cairn.model.ModelFile;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Pooling;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Languages;
import dev.cairn.server.isolation.DeviceProcess;
import dev.cairn.server.metrics.CairnMetrics;
import dev.cairn.server.tracing.Tracing;
import dev.cairn.server.tracing.TracingSettings;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/** A node of this process with a model of its own. Any number may run in a JVM. */
public final class LocalNode implements NodeHandle {
  private final CairnNode node;
  private final ModelFile model;
  private final DeviceConfig device;
  private final Optional<Tracing> tracing;

  private LocalNode(
      CairnNode node, ModelFile model, DeviceConfig device, Optional<Tracing> tracing) {
    this.tracing = tracing;
    this.node = node;
    this.model = model;
    this.device = device;
  }

  /** Starts a node that nobody watches meanwhile, and waits until it serves. */
  public static LocalNode start(Config config, ModelFile model, CairnMetrics metrics) {
    return start(config, ModelParts.of(config, model, LoadProgress.NONE, metrics), model, metrics);
  }

  /**
   * Starts a node and waits until it serves.
   *
   * @param config the whole configuration
   * @param metrics told of everything that happens; left open when the node closes
   * @param progress told how far the model is loaded and requests are back
   */
  public static LocalNode start(
      Config config, ModelFile model, CairnMetrics metrics, StartProgress progress) {
    CairnNode.Parts parts = ModelParts.of(config, model, progress, metrics);
    return start(config, parts.onRecovery(progress::recovered), model, metrics);
  }

  private static LocalNode start(
      Config config, CairnNode.Parts parts, ModelFile model, CairnMetrics metrics) {
    Optional<Tracing> tracing = tracing(config, metrics);
    CairnNode node;
    try {
      node = CairnNode.start(parts);
    } catch (RuntimeException | Error e) {
      tracing.ifPresent(Tracing::close);
      throw e;
    }
    node.journal()
        .ifPresent(
            journal -> {
              journal.onCommit(metrics::journalCommit);
              metrics.journal(
                  journal::stats,
                  journal.isShared() ? "postgresql" : config.getString("cairn.journal.durability"));
            });
    metrics.held(node.leaks()::held);
    metrics.ready(() -> node.readiness().reasons().isEmpty());
    ClusterGauges.register(metrics, node.system());
    return new LocalNode(node, model, parts.deviceConfig(), tracing);
  }

  /** Recovered requests are traced too, so this has to begin before the node does. */
  private static Optional<Tracing> tracing(Config config, CairnMetrics metrics) {
    TracingSettings settings = TracingSettings.from(config);
    String instance = config.getString("cairn.node.host") + ":" + ProcessHandle.current().pid();
    return settings.enabled()
        ? Optional.of(Tracing.start(settings, instance, metrics))
        : Optional.empty();
  }

  /**
   * Opens a model's devices one by one and closes them again, to see whether that works.
   *
   * @throws DeviceException if it cannot be opened
   */
  public static void tryDevice(Config config, ModelFile model) {
    for (DeviceConfig each : ModelParts.deviceConfigs(config, model)) {
      Devices.open(each, model.spec(), LoadProgress.NONE).close();
    }
  }

  /**
   * This node's device.
   *
   * @throws IllegalStateException where it has none
   */
  public DeviceInfo deviceInfo() {
    return node.deviceInfo()
        .orElseThrow(() -> new IllegalStateException("this node has no device"));
  }

  /** The way to ask all nodes of the cluster. */
  public ClusterAdmin admin() {
    return node.admin();
  }

  /** Whether the node takes requests. */
  public boolean isGateway() {
    return node.journal().isPresent();
  }

  /** What the node holds of requests outside of its journal, by kind. */
  public java.util.Map<String, Long> held() {
    return node.leaks().held();
  }

  /**
   * A process that runs this gateway's device; not started yet.
   *
   * @param log where it says what it does
   */
  public DeviceProcess deviceProcess(Config config, PrintStream log) {
    return new DeviceProcess(
        config, model.spec().file(), node.deviceMember(), node.readiness(), log);
  }

  /** Calls the listener once when the journal fails; the process is expected to exit then. */
  public void onJournalFailure(Consumer<Throwable> listener) {
    node.journal().ifPresent(journal -> journal.onFailure(listener));
  }

  /** Completes when the node has ended: because it was closed, or its cluster put it out. */
  public CompletionStage<?> whenTerminated() {
    return node.whenTerminated();
  }

  @Override
  public ClassicActorSystemProvider system() {
    return node.system();
  }

  @Override
  public Requests requests() {
    return node.requests();
  }

  @Override
  public Embeddings embeddings() {
    return node.embeddings();
  }

  @Override
  public Optional<Pooling> pooling() {
    return model.pooling();
  }

  @Override
  public ModelSpec model() {
    return model.spec();
  }

  @Override
  public Tokenizer tokenizer() {
    return model.tokenizer();
  }

  @Override
  public Languages languages() {
    return node.languages();
  }

  @Override
  public Optional<String> chatTemplate() {
    return model.chatTemplate();
  }

  @Override
  public int maxContext() {
    return device.maxContext();
  }

  @Override
  public List<String> notReady() {
    return List.copyOf(node.readiness().reasons().values());
  }

  @Override
  public DrainSwitch draining() {
    return node.draining();
  }

  /** Empties the node where its cluster has others; returns whether nothing is left on it. */
  public boolean drain() {
    return node.drain();
  }

  @Override
  public void close() {
    node.close();
    tracing.ifPresent(Tracing::close);
  }
}
