package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Telemetry;
import dev.cairn.actors.TestTokenizer;
import dev.cairn.actors.ViewProbe;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.GpuSettings;
import dev.cairn.device.SlotSpec;
import dev.cairn.model.AttentionSpec;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.NetworkSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.SimulatedDevice;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node with a real journal and a simulated device. */
class CairnNodeTest {
  private static final int CONTEXT = 128;
  private static final ModelSpec MODEL =
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

  @TempDir Path directory;
  private final LinkedBlockingQueue<SimulatedDevice> devices = new LinkedBlockingQueue<>();

  private Config config(String more) {
    return NodeConfig.load(
        ConfigFactory.parseString(more)
            .withFallback(
                ConfigFactory.parseMap(Map.of("cairn.journal.directory", directory.toString())))
            .withFallback(
                ConfigFactory.parseString(
                    "cairn.requests.linger = 100 ms\n"
                        + "cairn.device { max-slots = 8, max-batch-tokens = 32, kv-memory = 20480 }")));
  }

  @Test
  @DisplayName("kv-type, pin-threads and weights reach the device")
  void deviceOptions() {
    DeviceConfig usual = NodeSettings.from(config("")).deviceConfig(MODEL, 1024);
    assertThat(usual.kvType()).isEqualTo("F16");
    assertThat(usual.pinThreads()).isFalse();
    assertThat(usual.weights()).isEqualTo("packed");
    DeviceConfig asked =
        NodeSettings.from(
                config("cairn.device { kv-type = Q8_0, pin-threads = true, cpu.weights = mapped }"))
            .deviceConfig(MODEL, 1024);
    assertThat(asked.kvType()).isEqualTo("Q8_0");
    assertThat(asked.pinThreads()).isTrue();
    assertThat(asked.weights()).isEqualTo("mapped");
  }

  @Test
  @DisplayName("back end, memory share, step timeout and graphs of a GPU reach the device")
  void gpuOptions() {
    assertThat(NodeSettings.from(config("")).deviceConfig(MODEL, 1024).gpu())
        .isEqualTo(GpuSettings.DEFAULT);
    DeviceConfig asked =
        NodeSettings.from(
                config(
                    "cairn.device { backend = \"hip:1\","
                        + " gpu { memory-share = 0.5, step-timeout = 3 s, graphs = 7 } }"))
            .deviceConfig(MODEL, 1024);
    assertThat(asked.backend()).isEqualTo("hip:1");
    assertThat(asked.gpu()).isEqualTo(new GpuSettings(0.5, 3000, 7));
  }

  private CairnNode start(String more, boolean paused) {
    Config config = config(more);
    DeviceConfig device = NodeSettings.from(config).deviceConfig(MODEL, 1024);
    Callable<Device> opener =
        () -> {
          SimulatedDevice opened = new SimulatedDevice(device, 0, paused);
          devices.add(opened);
          return opened;
        };
    return CairnNode.start(
        new CairnNode.Parts(config, MODEL, new TestTokenizer(), device, opener, Telemetry.NONE));
  }

  private static RequestSpec spec(String id, Random random) {
    int[] prompt = random.ints(1 + random.nextInt(40), 1, SimulatedDevice.POISON).toArray();
    return RequestSpec.of(id, "m", "print", prompt)
        .submittedAtMillis(1)
        .maxTokens(1 + random.nextInt(60))
        .seed(random.nextLong())
        .ignoreEos(true)
        .build();
  }

  private static int[] alone(RequestSpec spec) {
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

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  @Test
  @DisplayName("L5 unfinished requests go on by themselves after a restart, to the same output")
  void unfinishedRequestsGoOnAfterARestart() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    List<RequestSpec> specs = new ArrayList<>();
    try (CairnNode node = start("", true)) {
      for (int i = 0; i < 20; i++) {
        specs.add(spec("r" + i, random));
        get(node.requests().submit(specs.get(i)));
      }
      devices.take().allow(8);
      ViewProbe.tokens(get(node.requests().find("r0")).orElseThrow(), 1);
      devices.clear();
    }
    try (CairnNode node = start("", false)) {
      for (RequestSpec spec : specs) {
        RequestView view = ViewProbe.finished(get(node.requests().find(spec.id())).orElseThrow());
        assertThat(view.snapshot().tokens().toArray())
            .as("replay with -Dcairn.seed=" + seed)
            .isEqualTo(alone(spec));
      }
      assertThat(node.journal().orElseThrow().unfinished("", 10)).isEmpty();
    }
  }

  @Test
  @DisplayName("H14 parallel submissions of one id make one request")
  void parallelSubmissionsOfOneIdMakeOneRequest() throws Exception {
    try (CairnNode node = start("", false)) {
      RequestSpec spec = spec("one", new Random(1));
      List<CompletionStage<RequestView>> submitted = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        submitted.add(node.requests().submit(spec));
      }
      RequestView view = get(submitted.get(0));
      for (CompletionStage<RequestView> each : submitted) {
        assertThat(get(each)).isSameAs(view);
      }
      assertThat(ViewProbe.finished(view).snapshot().tokens().toArray()).isEqualTo(alone(spec));
    }
  }

  @Test
  void aFullNodeRefusesAndTakesAgainWhenThereIsRoom() throws Exception {
    try (CairnNode node = start("cairn.requests.max-unfinished = 2", true)) {
      Random random = new Random(2);
      RequestView first = get(node.requests().submit(spec("a", random)));
      get(node.requests().submit(spec("b", random)));
      assertThatThrownBy(() -> get(node.requests().submit(spec("c", random))))
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOfSatisfying(
              RejectedException.class,
              e -> assertThat(e.kind()).isEqualTo(RejectedException.Kind.QUEUE_FULL));
      devices.take().allow(1_000_000);
      ViewProbe.finished(first);
      ViewProbe.finished(get(node.requests().submit(spec("c", random))));
    }
  }

  @Test
  @DisplayName("R14 R15 when all requests have ended nothing is held for any of them")
  void nothingIsHeldWhenAllHaveEnded() throws Exception {
    try (CairnNode node = start("", false)) {
      Random random = new Random(3);
      for (int i = 0; i < 50; i++) {
        RequestView view = get(node.requests().submit(spec("r" + i, random)));
        if (i % 5 == 0) {
          RequestView cancelled = get(node.requests().cancel("r" + i)).orElseThrow();
          assertThat(cancelled.snapshot().finish()).isPresent();
        }
        ViewProbe.finished(view);
      }
      CompletableFuture<Void> empty = new CompletableFuture<>();
      node.system()
          .scheduler()
          .scheduleAtFixedRate(
              java.time.Duration.ZERO,
              java.time.Duration.ofMillis(20),
              () -> {
                if (node.leaks().held().values().stream().allMatch(n -> n == 0)) {
                  empty.complete(null);
                }
              },
              node.system().executionContext());
      get(empty);
      assertThat(node.leaks().held())
          .containsOnlyKeys(
              "admissions",
              "embedding-texts",
              "embeddings",
              "followed",
              "followers",
              "kv-blocks",
              "readers",
              "relayed",
              "sequences",
              "slots",
              "steps",
              "views");
      RequestView again = get(node.requests().find("r1")).orElseThrow();
      assertThat(again.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  @Test
  void whatCannotRunIsRefusedByName() throws Exception {
    try (CairnNode node = start("", false)) {
      assertThat(get(node.requests().find("nobody"))).isEmpty();
      assertThat(get(node.requests().cancel("nobody"))).isEmpty();
      RequestSpec spec =
          RequestSpec.of("long", "m", "print", new int[CONTEXT])
              .submittedAtMillis(1)
              .maxTokens(1)
              .seed(1)
              .ignoreEos(true)
              .build();
      assertThatThrownBy(() -> get(node.requests().submit(spec)))
          .cause()
          .hasMessageContaining("128 tokens, expected at most 127");
    }
  }

  @Test
  void aDeviceThatDoesNotOpenFailsTheStartWithItsOwnSentence() {
    Config config = config("");
    DeviceConfig device = NodeSettings.from(config).deviceConfig(MODEL, 1024);
    Callable<Device> opener =
        () -> {
          throw new DeviceException(DeviceException.Kind.MEMORY, "the weights need 9 GiB");
        };
    assertThatThrownBy(
            () ->
                CairnNode.start(
                    new CairnNode.Parts(
                        config, MODEL, new TestTokenizer(), device, opener, Telemetry.NONE)))
        .isInstanceOf(DeviceException.class)
        .hasMessage("the weights need 9 GiB");
  }

  @Test
  void whatANodeNeedsOfPekkoHoldsWhateverTheClassPath() {
    Config config = config("pekko.loglevel = DEBUG");
    assertThat(config.getString("pekko.actor.provider")).isEqualTo("cluster");
    assertThat(config.getString("pekko.persistence.journal.plugin")).isEqualTo("cairn.journal");
    assertThat(config.getBoolean("pekko.actor.allow-java-serialization")).isFalse();
    assertThat(config.getString("pekko.loglevel")).as("the user's word").isEqualTo("DEBUG");
  }

  @Test
  void aSmallModelLeavesACoreToTheRestOfTheServer() {
    int cores = Runtime.getRuntime().availableProcessors();
    DeviceConfig byDefault = NodeSettings.from(config("")).deviceConfig(MODEL, 1024);
    assertThat(byDefault.threads()).isEqualTo(Math.max(1, cores - 1));
    NodeSettings asked = NodeSettings.from(config("cairn.device.threads = 3"));
    assertThat(asked.deviceConfig(MODEL, 1024).threads()).isEqualTo(3);
  }

  @Test
  void memoryThatHoldsNoSequenceIsRefused() {
    NodeSettings settings = NodeSettings.from(config("cairn.device.kv-memory = 2048"));
    assertThatThrownBy(() -> settings.deviceConfig(MODEL, 1024))
        .hasMessageContaining("kv-memory is 2048 bytes, expected at least 4096");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Test
  @DisplayName("a second gateway with a journal of its own refuses to start and says why")
  void aSecondGatewayRefuses() throws Exception {
    int port = freePort();
    String cluster = "cairn.cluster { seeds = [\"127.0.0.1:" + port + "\"] }\n";
    Path second = directory.resolve("second");
    try (CairnNode gateway = start(cluster + "cairn.node.port = " + port, false)) {
      assertThatThrownBy(
              () -> start(cluster + "cairn.journal.directory = \"" + second + "\"", false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("has a gateway at 127.0.0.1:" + port)
          .hasMessageContaining("cairn.node.roles = [device]");
      RequestView view = get(gateway.requests().submit(spec("still", new Random(4))));
      ViewProbe.finished(view);
    }
  }
}
