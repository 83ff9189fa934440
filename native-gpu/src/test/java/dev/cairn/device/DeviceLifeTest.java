package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Slots, steps and closing: what a caller may do, and what it is told when it may not. */
@Timeout(60)
class DeviceLifeTest {
  private static final int[] NONE = {};

  @TempDir private Path folder;
  private ModelSpec model;
  private Device device;

  @BeforeEach
  void openDevice() throws IOException {
    model = new ToyModel(5).write(folder.resolve("toy.bin"));
    device = Sequences.open(model, "auto", 2, 3, ToyModel.CONTEXT);
  }

  @AfterEach
  void closeDevice() {
    device.close();
  }

  private static SlotSpec prompt(int... tokens) {
    return Sequences.greedy(tokens, -1);
  }

  private void submit(Chunk... chunks) {
    device.submit(new Step(1, List.of(chunks)));
  }

  private static void assertKind(DeviceException.Kind kind, String message, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(DeviceException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(message);
  }

  private static void assertMisuse(String message, ThrowingCallable call) {
    assertKind(DeviceException.Kind.MISUSE, message, call);
  }

  @Test
  @DisplayName("slots and parameters out of range are refused")
  void slotMisuse() {
    device.openSlot(0, prompt(1));
    assertMisuse("slot is 3", () -> device.openSlot(3, prompt(1)));
    assertMisuse("slot is -1", () -> device.freeSlot(-1));
    assertMisuse("open already", () -> device.openSlot(0, prompt(1)));
    assertMisuse("token is 131", () -> device.openSlot(1, prompt(131)));
    assertMisuse("token is -1", () -> device.openSlot(1, prompt(-1)));
    assertMisuse("number of tokens is 0", () -> device.openSlot(1, prompt()));
    assertMisuse("number of tokens is 97", () -> device.openSlot(1, prompt(new int[97])));
    assertMisuse(
        "promptLength is 2",
        () -> device.openSlot(1, new SlotSpec(new int[1], 2, Sampling.GREEDY, 0, -1, false)));
    assertMisuse("logprobs is 21", () -> device.openSlot(1, Sequences.greedy(new int[1], 21)));
    assertSampling("temperature", new Sampling(Float.NaN, 0, 1, 0, 1, 0, 0));
    assertSampling("topK", new Sampling(1, -1, 1, 0, 1, 0, 0));
    assertSampling("topP", new Sampling(1, 0, 1.5f, 0, 1, 0, 0));
    assertSampling("minP", new Sampling(1, 0, 1, -0.1f, 1, 0, 0));
    assertSampling("repetitionPenalty", new Sampling(1, 0, 1, 0, 0, 0, 0));
    assertSampling("presencePenalty", new Sampling(1, 0, 1, 0, 1, Float.NaN, 0));
    assertSampling("frequencyPenalty", new Sampling(1, 0, 1, 0, 1, 0, Float.POSITIVE_INFINITY));
    assertThat(device.stats().openSlots()).isEqualTo(1);
    device.freeSlot(1);
  }

  private void assertSampling(String name, Sampling sampling) {
    assertMisuse(
        name, () -> device.openSlot(1, new SlotSpec(new int[1], 1, sampling, 0, -1, false)));
  }

  @Test
  @DisplayName("chunks that do not fit their slot are refused and change nothing")
  void chunkMisuse() {
    device.openSlot(0, prompt(new int[40]));
    assertMisuse("no chunk", this::submit);
    assertMisuse("slot 1 is not open", () -> submit(new Chunk(1, 0, 1, false, 0, new int[1])));
    assertMisuse("0 tokens", () -> submit(new Chunk(0, 0, 0, false, 0, new int[1])));
    assertMisuse("starts at -1", () -> submit(new Chunk(0, -1, 1, false, 0, new int[1])));
    assertMisuse("knows 40", () -> submit(new Chunk(0, 0, 41, false, 0, new int[] {0, 1})));
    assertMisuse("knows 40", () -> submit(new Chunk(0, 0, 39, true, 0, new int[] {0, 1})));
    assertMisuse("has 1 blocks", () -> submit(new Chunk(0, 0, 40, true, 0, new int[1])));
    assertMisuse("has 4 blocks", () -> submit(new Chunk(0, 0, 40, true, 0, new int[4])));
    assertMisuse("block is 9", () -> submit(new Chunk(0, 0, 40, true, 0, new int[] {0, 9})));
    assertMisuse("block is -1", () -> submit(new Chunk(0, 0, 4, false, 0, new int[] {-1})));
    assertMisuse("from index 1", () -> submit(new Chunk(0, 0, 4, false, 1, new int[1])));
    assertMisuse("expected 0", () -> submit(new Chunk(0, 5, 4, false, 1, new int[1])));
    assertMisuse("multiple of 32", () -> submit(new Chunk(0, 5, 4, false, 0, new int[1])));
    assertMisuse("holds 0", () -> submit(new Chunk(0, 32, 4, false, 0, new int[] {0, 1})));
    assertMisuse("twice", () -> submit(new Chunk(0, 0, 40, true, 0, new int[] {2, 2})));
    Chunk good = new Chunk(0, 0, 40, true, 0, new int[] {4, 2});
    assertMisuse("twice", () -> submit(good, good));
    assertThat(Sequences.run(device, good).outputs().get(0).token()).isNotNegative();
    assertMisuse("expected 40", () -> submit(new Chunk(0, 39, 1, false, 2, NONE)));
    assertThat(device.stats().stepsRun()).isEqualTo(1);
    assertThat(device.stats().tokensProcessed()).isEqualTo(40);
  }

  @Test
  @DisplayName(
      "drafts that do not fit are refused, and until one is awaited its slot is in no step")
  void draftMisuse() {
    device.openSlot(0, prompt(new int[40]));
    int[] two = {4, 2};
    long[] any = {-1L};
    assertMisuse("draws no token", () -> submit(drafted(40, false, two, new long[0], 1)));
    assertMisuse("allowed tokens", () -> submit(drafted(40, true, two, any, 1)));
    assertMisuse("token of a draft is -3", () -> submit(drafted(40, true, two, new long[0], -3)));
    assertMisuse("has 2 blocks", () -> submit(drafted(40, true, two, new long[0], new int[30])));
    assertMisuse(
        "ends at token 100",
        () -> submit(drafted(40, true, new int[] {4, 2, 3, 5}, new long[0], new int[60])));
    submit(drafted(40, true, two, new long[0], 1, 2));
    assertMisuse("follows a draft", () -> submit(new Chunk(0, 40, 1, true, 2, NONE)));
    StepResult.Output output = device.await().outputs().get(0);
    assertThat(output.token()).isNotNegative();
    int known = 41 + output.more().size();
    assertMisuse("ends at token", () -> submit(new Chunk(0, known - 1, 2, true, 2, NONE)));
    submit(new Chunk(0, known - 1, 1, true, 2, NONE));
    assertThat(device.await().outputs().get(0).token()).isNotNegative();
    assertThat(device.info().verifiesDrafts()).isTrue();
  }

  private static Chunk drafted(
      int count, boolean sample, int[] blocks, long[] allowed, int... draft) {
    return new Chunk(0, 0, count, sample, 0, blocks, allowed, draft);
  }

  @Test
  @DisplayName("a step may not exceed the configured tokens")
  void tooManyTokens() {
    DeviceConfig c = Sequences.config("auto", 1, 3, ToyModel.CONTEXT);
    DeviceConfig small =
        new DeviceConfig("cpu", "auto", 1, 3, c.maxContext(), c.kvBlocks(), c.blockTokens(), 8, 2);
    try (Device limited = Devices.open(small, model, LoadProgress.NONE)) {
      limited.openSlot(0, prompt(new int[9]));
      limited.openSlot(1, prompt(new int[9]));
      Chunk first = Sequences.chunk(limited, 0, 0, 5, false);
      Chunk second = Sequences.chunk(limited, 1, 0, 4, false);
      assertMisuse("9 tokens", () -> limited.submit(new Step(1, List.of(first, second))));
      assertThat(Sequences.run(limited, first).outputs()).hasSize(1);
    }
  }

  @Test
  @DisplayName("a slot in a step that was not awaited is neither freed nor opened nor restarted")
  void slotInFlight() {
    device.openSlot(0, prompt(new int[10]));
    Chunk start = Sequences.chunk(device, 0, 0, 10, true);
    submit(start);
    assertMisuse("not awaited", () -> device.freeSlot(0));
    assertMisuse("open already", () -> device.openSlot(0, prompt(1)));
    assertMisuse("not awaited", () -> submit(Sequences.chunk(device, 0, 0, 10, false)));
    submit(Sequences.chunk(device, 0, 10, 11, true));
    assertMisuse("2 steps", () -> submit(Sequences.chunk(device, 0, 11, 12, true)));
    device.await();
    device.await();
    device.freeSlot(0);
    assertThat(device.stats().openSlots()).isZero();
  }

  @Test
  @DisplayName("a sequence ends with the context")
  void fullContext() {
    device.openSlot(0, prompt(new int[ToyModel.CONTEXT]));
    int context = ToyModel.CONTEXT;
    StepResult result = Sequences.run(device, Sequences.chunk(device, 0, 0, context, true));
    assertThat(result.outputs().get(0).token()).isNotNegative();
    assertMisuse(
        "expected at most 96", () -> submit(new Chunk(0, context, 1, true, 3, new int[] {5})));
  }

  @Test
  @DisplayName("R14 ten thousand opened and freed slots leave none open")
  void openAndFree() {
    for (int i = 0; i < 10_000; i++) {
      device.openSlot(i % 3, prompt(1, 2, 3));
      if (i % 100 == 0) {
        Sequences.run(device, Sequences.chunk(device, i % 3, 0, 3, true));
      }
      device.freeSlot(i % 3);
    }
    assertThat(device.stats().openSlots()).isZero();
    assertThat(device.stats().stepsRun()).isEqualTo(100);
    assertThat(device.stats().busyNanos()).isPositive();
  }

  @Test
  @DisplayName("closing wakes a waiting await and may be repeated")
  void closeWakesAwait() throws Exception {
    CompletableFuture<Thread> waiting = new CompletableFuture<>();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread waiter =
        new Thread(
            () -> {
              waiting.complete(Thread.currentThread());
              try {
                device.await();
                ended.complete(null);
              } catch (DeviceException e) {
                ended.complete(e);
              }
            });
    waiter.start();
    waiting.get(10, TimeUnit.SECONDS);
    device.close();
    device.close();
    assertThat(ended.get(10, TimeUnit.SECONDS))
        .isInstanceOfSatisfying(
            DeviceException.class,
            e -> assertThat(e.kind()).isEqualTo(DeviceException.Kind.CLOSED));
    waiter.join();
    assertKind(DeviceException.Kind.CLOSED, "closed", () -> device.openSlot(0, prompt(1)));
    assertKind(DeviceException.Kind.CLOSED, "closed", () -> submit());
    assertKind(DeviceException.Kind.CLOSED, "closed", device::await);
    assertKind(DeviceException.Kind.CLOSED, "closed", device::stats);
  }

  @Test
  @DisplayName("two devices in one JVM do not touch each other")
  void twoDevices() throws IOException {
    ModelSpec otherModel = new ToyModel(6).write(folder.resolve("other.bin"));
    SlotSpec spec = prompt(1, 2, 3);
    int[] alone = Sequences.tokens(Sequences.generate(device, List.of(spec), 20).get(0));
    try (Device other = Sequences.open(otherModel, "auto", 1, 3, ToyModel.CONTEXT)) {
      CompletableFuture<int[]> concurrent =
          CompletableFuture.supplyAsync(
              () -> Sequences.tokens(Sequences.generate(other, List.of(spec), 20).get(0)));
      assertThat(Sequences.tokens(Sequences.generate(device, List.of(spec), 20).get(0)))
          .isEqualTo(alone);
      assertThat(concurrent.join()).isNotEqualTo(alone);
    }
    assertThat(Sequences.tokens(Sequences.generate(device, List.of(spec), 20).get(0)))
        .isEqualTo(alone);
  }
}
