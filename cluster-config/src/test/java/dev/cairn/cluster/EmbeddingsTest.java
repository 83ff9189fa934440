package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RejectedException.Kind;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.ViewProbe;
import dev.cairn.model.Pooling;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.scheduling.SimulatedDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Vectors from the devices of a node and of a cluster, however those behave. */
@Timeout(240)
class EmbeddingsTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();
  private final Random random = new Random(5);
  private String settings;

  @BeforeEach
  void settings() {
    settings =
        "cairn.journal.directory = \""
            + directory
            + "\"\n"
            + "cairn.placement { probe-interval = 50 ms, probe-timeout = 2 s, cooldown = 1 s }\n"
            + "cairn.requests { retry-assign = 50 ms, check-interval = 500 ms }\n"
            + "cairn.device { min-open-backoff = 10 ms, max-open-backoff = 50 ms }\n"
            + "cairn.commit.repeat-after = 1 s\n";
  }

  private CairnNode single(String more, boolean paused) {
    return nodes.start(settings + more, paused);
  }

  private SimulatedDevice opened() throws InterruptedException {
    return nodes.devices.poll(20, TimeUnit.SECONDS);
  }

  private List<int[]> inputs(int count) {
    List<int[]> inputs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      inputs.add(random.ints(1 + random.nextInt(90), 1, SimulatedDevice.POISON).toArray());
    }
    return inputs;
  }

  private static CompletableFuture<List<float[]>> embed(
      CairnNode node, Pooling pooling, List<int[]> inputs) {
    return node.embeddings().embed(new Embeddings.Call("acme", 0, pooling, inputs));
  }

  private static void assertRight(List<float[]> vectors, Pooling pooling, List<int[]> inputs) {
    assertThat(vectors).hasSameSizeAs(inputs);
    for (int i = 0; i < inputs.size(); i++) {
      float[] pooled = SimulatedDevice.expectedPooled(inputs.get(i), pooling);
      assertThat(vectors.get(i)).as("vector " + i).isEqualTo(Embeddings.normalized(pooled));
    }
  }

  private static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + LONG.toNanos();
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static void assertNothingIsHeld(CairnNode node) {
    await(
        "nothing is held: " + node.leaks().held(),
        () -> node.leaks().held().values().stream().allMatch(held -> held == 0));
  }

  private static void assertRefused(Kind kind, String message, CompletableFuture<?> call) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOfSatisfying(RejectedException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(message);
  }

  @Test
  @DisplayName("vectors are of length 1, right, in the order of the inputs, and nothing stays")
  void vectors() throws Exception {
    try (CairnNode node = single("cairn.embeddings.max-parallel = 3\n", false)) {
      for (Pooling pooling : List.of(Pooling.MEAN, Pooling.LAST)) {
        List<int[]> inputs = inputs(40);
        List<float[]> vectors = get(embed(node, pooling, inputs));
        assertRight(vectors, pooling, inputs);
        double squares = 0;
        for (float x : vectors.get(0)) {
          squares += (double) x * x;
        }
        assertThat(squares).isBetween(1 - 1e-6, 1 + 1e-6);
      }
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("cairn.embeddings.max-parallel bounds the inputs of a call that are on devices")
  void parallel() throws Exception {
    try (CairnNode node = single("cairn.embeddings.max-parallel = 3\n", true)) {
      SimulatedDevice device = opened();
      List<int[]> inputs = inputs(10);
      CompletableFuture<List<float[]>> call = embed(node, Pooling.MEAN, inputs);
      await("three on the device", () -> node.scheduling().entries() == 3);
      assertThat(node.leaks().held()).containsEntry("embedding-texts", 3L);
      assertThat(node.leaks().held()).containsEntry("embeddings", 1L);
      device.allow(1_000_000);
      assertRight(get(call), Pooling.MEAN, inputs);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("S19 a device that is lost in the middle changes no bit of a vector")
  void lostDevice() throws Exception {
    try (CairnNode node = single("", true)) {
      List<int[]> inputs = inputs(20);
      SimulatedDevice first = opened();
      CompletableFuture<List<float[]>> call = embed(node, Pooling.MEAN, inputs);
      first.allow(3);
      await("a step has run", () -> first.stats().stepsRun() >= 3);
      first.lose();
      SimulatedDevice second = opened();
      second.allow(2);
      await("a step has run", () -> second.stats().stepsRun() >= 2);
      second.lose();
      opened().allow(1_000_000);
      assertRight(get(call), Pooling.MEAN, inputs);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("I5 a text that devices fail again and again is given up after max-device-losses")
  void manyLosses() throws Exception {
    try (CairnNode node = single("cairn.requests.max-device-losses = 1\n", true)) {
      CompletableFuture<List<float[]>> call = embed(node, Pooling.LAST, inputs(1));
      for (int i = 0; i < 2; i++) {
        SimulatedDevice device = opened();
        await("it is on the device", () -> device.stats().openSlots() == 1);
        device.lose();
      }
      assertRefused(
          Kind.UNAVAILABLE, "the device failed 2 times while it computed an embedding", call);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("I6 a call that is cancelled gives everything back, and others go on")
  void cancelled() throws Exception {
    try (CairnNode node = single("", true)) {
      SimulatedDevice device = opened();
      CompletableFuture<List<float[]>> left = embed(node, Pooling.MEAN, inputs(30));
      List<int[]> inputs = inputs(4);
      CompletableFuture<List<float[]>> stays = embed(node, Pooling.MEAN, inputs);
      await("both are on the device", () -> node.leaks().held().get("embeddings") == 2);
      device.allow(2);
      left.cancel(true);
      await("one call is left", () -> node.leaks().held().get("embeddings") == 1);
      device.allow(1_000_000);
      assertRight(get(stays), Pooling.MEAN, inputs);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("I5 a call that takes longer than cairn.embeddings.timeout fails and leaves nothing")
  void timeout() throws Exception {
    try (CairnNode node = single("cairn.embeddings.timeout = 100 ms\n", true)) {
      SimulatedDevice device = opened();
      assertRefused(
          Kind.UNAVAILABLE,
          "0 of 2 embeddings were computed within 100 ms (cairn.embeddings.timeout)",
          embed(node, Pooling.MEAN, inputs(2)));
      device.allow(1_000_000);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("I5 calls take places of the gateway, and too many, or too long ones, are refused")
  void refusals() throws Exception {
    String bounds =
        "cairn.requests.max-unfinished = 2\n"
            + "cairn.tenants.acme.max-queued = 1\n"
            + "cairn.embeddings { max-inputs = 3, max-input-tokens = 100 }\n";
    try (CairnNode node = single(bounds, true)) {
      SimulatedDevice device = opened();
      List<int[]> inputs = inputs(1);
      CompletableFuture<List<float[]>> first = embed(node, Pooling.MEAN, inputs);
      assertRefused(
          Kind.TENANT_QUEUE_FULL,
          "tenant 'acme' has 1 requests",
          embed(node, Pooling.MEAN, inputs));
      CompletableFuture<List<float[]>> other =
          node.embeddings().embed(new Embeddings.Call("", 0, Pooling.LAST, inputs));
      assertRefused(
          Kind.QUEUE_FULL,
          "the server has 2 unfinished requests",
          node.embeddings().embed(new Embeddings.Call("", 0, Pooling.LAST, inputs)));
      assertRefused(
          Kind.TOO_LONG,
          "the call has 4 inputs, expected at most 3",
          embed(node, Pooling.MEAN, inputs(4)));
      assertRefused(
          Kind.TOO_LONG,
          "an input has 101 tokens, expected at most 100",
          embed(node, Pooling.MEAN, List.of(new int[101])));
      device.allow(1_000_000);
      assertRight(get(first), Pooling.MEAN, inputs);
      assertRight(get(other), Pooling.LAST, inputs);
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("R19 numbers that are not finite fail their call and say which input it was")
  void notFinite() throws Exception {
    try (CairnNode node = single("", false)) {
      List<int[]> inputs = inputs(3);
      inputs.set(1, new int[] {5, SimulatedDevice.POISON});
      assertThatThrownBy(() -> get(embed(node, Pooling.MEAN, inputs)))
          .cause()
          .isInstanceOf(Embeddings.NotFinite.class)
          .hasMessageContaining("input[1]: the model computed values that are not finite");
      assertNothingIsHeld(node);
    }
  }

  @Test
  @DisplayName("calls that a node has when it stops fail, and say so")
  void stopping() throws Exception {
    CompletableFuture<List<float[]>> call;
    Embeddings embeddings;
    try (CairnNode node = single("", true)) {
      embeddings = node.embeddings();
      call = embed(node, Pooling.MEAN, inputs(2));
      await("it is taken", () -> node.leaks().held().get("embeddings") == 1);
    }
    assertRefused(Kind.UNAVAILABLE, "the server is stopping", call);
    assertRefused(
        Kind.UNAVAILABLE,
        "the server is stopping",
        embeddings.embed(new Embeddings.Call("", 0, Pooling.MEAN, inputs(1))));
  }

  @Test
  @DisplayName("H3 a gateway without a device has vectors computed elsewhere, also when that dies")
  void elsewhere() throws Exception {
    int port = SimulatedNodes.freePort();
    String cluster =
        settings + "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:" + port + "\"] }\n";
    try (CairnNode gateway =
        nodes.start(cluster + "cairn.node { roles = [gateway], port = " + port + " }", false)) {
      List<int[]> inputs = inputs(12);
      CompletableFuture<List<float[]>> call = embed(gateway, Pooling.LAST, inputs);
      try (CairnNode first = nodes.start(cluster + "cairn.node.roles = [device]", true)) {
        SimulatedDevice device = opened();
        device.allow(2);
        await("steps have run", () -> device.stats().stepsRun() >= 2);
        assertThat(first.scheduling().entries()).isPositive();
      }
      try (CairnNode second = nodes.start(cluster + "cairn.node.roles = [device]", false)) {
        assertRight(get(call), Pooling.LAST, inputs);
        assertNothingIsHeld(gateway);
        assertNothingIsHeld(second);
      }
    }
  }

  @Test
  @DisplayName("vectors and what is generated share a device, and neither changes the other")
  void beside() throws Exception {
    try (CairnNode node = single("", false)) {
      List<int[]> inputs = inputs(30);
      CompletableFuture<List<float[]>> call = embed(node, Pooling.MEAN, inputs);
      List<RequestSpec> specs = new ArrayList<>();
      List<RequestView> views = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        specs.add(SimulatedNodes.spec("r" + i, random));
        views.add(get(node.requests().submit(specs.get(i))));
      }
      assertRight(get(call), Pooling.MEAN, inputs);
      for (int i = 0; i < 6; i++) {
        ViewProbe.finished(views.get(i));
        assertThat(views.get(i).snapshot().tokens().toArray())
            .isEqualTo(SimulatedNodes.alone(specs.get(i)));
      }
    }
  }

  @Test
  @DisplayName("what cairn.embeddings says is read, and what makes no sense is refused")
  void configuration() throws IOException {
    EmbeddingSettings defaults = EmbeddingSettings.from(SimulatedNodes.config(""));
    assertThat(defaults)
        .isEqualTo(new EmbeddingSettings(Optional.empty(), 2048, 0, 16, Duration.ofMinutes(5)));
    assertThat(defaults.pooling(Optional.empty())).isEqualTo(Pooling.MEAN);
    assertThat(defaults.pooling(Optional.of(Pooling.LAST))).isEqualTo(Pooling.LAST);
    assertThat(defaults.inputTokens(512)).isEqualTo(512);
    EmbeddingSettings last =
        EmbeddingSettings.from(SimulatedNodes.config("cairn.embeddings.pooling = last"));
    assertThat(last.pooling(Optional.of(Pooling.MEAN))).isEqualTo(Pooling.LAST);
    for (String wrong :
        List.of(
            "pooling = cls",
            "max-inputs = 0",
            "max-input-tokens = -1",
            "max-parallel = 0",
            "timeout = 0 s")) {
      assertThatThrownBy(
              () ->
                  EmbeddingSettings.from(
                      ConfigFactory.parseString("cairn.embeddings." + wrong)
                          .withFallback(SimulatedNodes.config(""))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("cairn.embeddings." + wrong.substring(0, wrong.indexOf(' ')));
    }
  }
}
