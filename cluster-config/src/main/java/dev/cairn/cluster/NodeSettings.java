package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import dev.cairn.actors.CrashPoint;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.GpuSettings;
import dev.cairn.model.ModelSpec;
import dev.cairn.scheduling.SchedulingLimits;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The {@code cairn} part of a node's configuration, read and checked once. */
public record NodeSettings(
    Duration startTimeout,
    Duration drainTimeout,
    Duration stopTimeout,
    Requests requests,
    Device device,
    Commit commit) {
  private static final long SMALL_MODEL_BYTES = 64L << 20;

  /** {@code cairn.requests}. */
  public record Requests(
      int maxUnfinished,
      Duration linger,
      Duration retryAssign,
      int maxDeviceLosses,
      Duration askTimeout,
      Duration askAgain,
      int maxConcurrentRecoveries,
      Duration adoptTimeout,
      Duration checkInterval,
      Duration minRestartBackoff,
      Duration maxRestartBackoff,
      CrashPoint crashPoint) {}

  /** {@code cairn.device}; 0 stands for what the machine or the model gives. */
  public record Device(
      String backend,
      String instructionSet,
      int threads,
      int maxSlots,
      int maxBatchTokens,
      int kvBlockTokens,
      long kvMemoryBytes,
      int maxContext,
      boolean prefixCache,
      int maxStepsInFlight,
      int maxOpenAttempts,
      Duration minOpenBackoff,
      Duration maxOpenBackoff,
      String kvType,
      boolean pinThreads,
      Duration orphanTimeout,
      String weights,
      GpuSettings gpu) {
    /**
     * The names in {@code backend}, one for each of the node's devices.
     *
     * @throws IllegalArgumentException where one is there twice
     */
    public List<String> backends() {
      List<String> names = List.of(backend.trim().split("\\s*,\\s*", -1));
      if (Set.copyOf(names).size() < names.size()) {
        throw new IllegalArgumentException(
            "cairn.device.backend is '" + backend + "', expected each device once");
      }
      return names;
    }
  }

  /** {@code cairn.commit}. */
  public record Commit(int maxHandOvers, int minWindow, int maxWindow, Duration repeatAfter) {}

  /**
   * @throws ConfigException where a key is missing or has the wrong type
   * @throws IllegalArgumentException where {@code cairn.requests.crash-at} names no crash point
   */
  public static NodeSettings from(Config config) {
    Config node = config.getConfig("cairn.node");
    Config requests = config.getConfig("cairn.requests");
    Config device = config.getConfig("cairn.device");
    Config commit = config.getConfig("cairn.commit");
    return new NodeSettings(
        node.getDuration("start-timeout"),
        node.getDuration("drain-timeout"),
        node.getDuration("stop-timeout"),
        new Requests(
            requests.getInt("max-unfinished"),
            requests.getDuration("linger"),
            requests.getDuration("retry-assign"),
            requests.getInt("max-device-losses"),
            requests.getDuration("ask-timeout"),
            requests.getDuration("ask-again"),
            requests.getInt("max-concurrent-recoveries"),
            requests.getDuration("adopt-timeout"),
            requests.getDuration("check-interval"),
            requests.getDuration("min-restart-backoff"),
            requests.getDuration("max-restart-backoff"),
            CrashPoint.parse(requests.getString("crash-at"))),
        new Device(
            device.getString("backend"),
            device.getString("instruction-set"),
            device.getInt("threads"),
            device.getInt("max-slots"),
            device.getInt("max-batch-tokens"),
            device.getInt("kv-block-tokens"),
            device.getBytes("kv-memory"),
            device.getInt("max-context"),
            device.getBoolean("prefix-cache"),
            device.getInt("max-steps-in-flight"),
            device.getInt("max-open-attempts"),
            device.getDuration("min-open-backoff"),
            device.getDuration("max-open-backoff"),
            device.getString("kv-type"),
            device.getBoolean("pin-threads"),
            device.getDuration("orphan-timeout"),
            device.getString("cpu.weights"),
            gpu(device)),
        new Commit(
            commit.getInt("max-hand-overs"),
            commit.getInt("min-window"),
            commit.getInt("max-window"),
            commit.getDuration("repeat-after")));
  }

  /**
   * {@code cairn.device.gpu}.
   *
   * @param device {@code cairn.device}
   */
  public static GpuSettings gpu(Config device) {
    return new GpuSettings(
        device.getDouble("gpu.memory-share"),
        Math.toIntExact(device.getDuration("gpu.step-timeout").toMillis()),
        device.getInt("gpu.graphs"));
  }

  /**
   * The first device's configuration for a model.
   *
   * @param blockBytes memory of one KV block of this model
   */
  public DeviceConfig deviceConfig(ModelSpec model, long blockBytes) {
    int context = device.maxContext() == 0 ? model.contextLength() : device.maxContext();
    if (context > model.contextLength()) {
      throw new IllegalArgumentException(
          "cairn.device.max-context is "
              + context
              + ", expected at most the model's "
              + model.contextLength());
    }
    long most = (long) device.maxSlots() * blocksFor(context);
    long blocks = Math.min(most, device.kvMemoryBytes() / blockBytes);
    if (blocks < blocksFor(context)) {
      throw new IllegalArgumentException(
          "cairn.device.kv-memory is "
              + device.kvMemoryBytes()
              + " bytes, expected at least "
              + blocksFor(context) * blockBytes
              + " for one sequence of "
              + context
              + " tokens; give more memory or a smaller cairn.device.max-context");
    }
    int threads = device.threads() == 0 ? defaultThreads(model) : device.threads();
    return new DeviceConfig(
        device.backends().get(0),
        device.instructionSet(),
        threads,
        device.maxSlots(),
        context,
        Math.toIntExact(blocks),
        device.kvBlockTokens(),
        device.maxBatchTokens(),
        device.maxStepsInFlight(),
        device.kvType(),
        device.pinThreads(),
        device.weights(),
        device.gpu());
  }

  /**
   * How each of the node's devices is opened: alike, but for the back end.
   *
   * @param blockBytes memory of one KV block of this model
   * @throws IllegalArgumentException where a back end is named twice
   */
  public List<DeviceConfig> deviceConfigs(ModelSpec model, long blockBytes) {
    DeviceConfig one = deviceConfig(model, blockBytes);
    return device.backends().stream().map(one::withBackend).toList();
  }

  /**
   * The steps of a small model are so short that the rest of the server needs a core as often as
   * the device does; those of a large one leave it time.
   */
  private static int defaultThreads(ModelSpec model) {
    int cores = Runtime.getRuntime().availableProcessors();
    return model.fileBytes() < SMALL_MODEL_BYTES ? Math.max(1, cores - 1) : cores;
  }

  private long blocksFor(int tokens) {
    return (tokens + device.kvBlockTokens() - 1L) / device.kvBlockTokens();
  }

  /** The scheduler's bounds for a device of this configuration. */
  public SchedulingLimits limits(DeviceConfig config) {
    return new SchedulingLimits(
        config.maxSlots(),
        config.maxBatchTokens(),
        config.kvBlocks(),
        config.blockTokens(),
        config.maxContext(),
        config.maxStepsInFlight(),
        commit.maxHandOvers(),
        commit.minWindow(),
        commit.maxWindow(),
        device.prefixCache());
  }
}
