package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.Telemetry;
import dev.cairn.actors.TestTokenizer;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.SlotSpec;
import dev.cairn.model.AttentionSpec;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.NetworkSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.SimulatedDevice;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Nodes in this JVM, each with a simulated device where its roles say that it has one. */
final class SimulatedNodes {
  static final int CONTEXT = 512;

  /**
   * For nodes of which none dies: a machine that is busy is not to be taken for one that is gone.
   */
  static final String NOBODY_DIES =
      "pekko.cluster.failure-detector.acceptable-heartbeat-pause = 60 s\n";

  /** For nodes of which one dies, on a machine that may stand still for a moment. */
  static final String SOMEBODY_DIES =
      "pekko.cluster.failure-detector.acceptable-heartbeat-pause = 6 s\n";

  static final ModelSpec MODEL =
      new ModelSpec(
          Path.of("model.gguf"),
          1,
          1,
          "print",
          "m",
          "llama",
          8,
          1,
          1,
          1,
          8,
          8,
          SimulatedDevice.VOCABULARY,
          CONTEXT,
          1e-5f,
          RopeSpec.plain(RopeSpec.Layout.INTERLEAVED, 8, 1e4f),
          AttentionSpec.plain(1, 8),
          NetworkSpec.PLAIN,
          List.of());

  /** Devices that were opened, in that order. */
  final LinkedBlockingQueue<SimulatedDevice> devices = new LinkedBlockingQueue<>();

  static Config config(String text) {
    return NodeConfig.load(
        ConfigFactory.parseString(text)
            .withFallback(
                ConfigFactory.parseString(
                    "cairn.requests.linger = 100 ms\n"
                        + "cairn.postgres { start-timeout = 3 m, connect-timeout = 60 s }\n"
                        + "cairn.postgres.socket-timeout = 60 s\n"
                        + "cairn.device { max-slots = 8, max-batch-tokens = 32, kv-memory = 20480 }")));
  }

  /**
   * @param paused whether the device takes only the steps that it is allowed
   */
  CairnNode start(String text, boolean paused) {
    return start(text, paused, Telemetry.NONE);
  }

  CairnNode start(String text, boolean paused, Telemetry telemetry) {
    Config config = config(text);
    List<DeviceConfig> configs = NodeSettings.from(config).deviceConfigs(MODEL, 1024);
    return CairnNode.start(
        new CairnNode.Parts(
            config,
            MODEL,
            new TestTokenizer(),
            configs.get(0),
            configs.stream().map(each -> opener(each, paused)).toList(),
            telemetry));
  }

  private Callable<Device> opener(DeviceConfig device, boolean paused) {
    return () -> {
      SimulatedDevice opened = new SimulatedDevice(device, 0, paused);
      devices.add(opened);
      return opened;
    };
  }

  static RequestSpec spec(String id, Random random) {
    int[] prompt = random.ints(1 + random.nextInt(40), 1, SimulatedDevice.POISON).toArray();
    return RequestSpec.of(id, "m", "print", prompt)
        .submittedAtMillis(1)
        .maxTokens(1 + random.nextInt(60))
        .seed(random.nextLong())
        .ignoreEos(true)
        .build();
  }

  /** What a request yields where nothing disturbs it. */
  static int[] alone(RequestSpec spec) {
    return SimulatedDevice.expected(
        new SlotSpec(
            spec.promptTokens(),
            spec.promptTokens().length,
            spec.sampling(),
            spec.seed(),
            -1,
            false),
        spec.maxTokens(),
        true,
        0);
  }

  static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(120, TimeUnit.SECONDS);
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
