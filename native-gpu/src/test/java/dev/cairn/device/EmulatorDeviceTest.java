package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The GPU's back end through Java, on the emulator. A failure is replayed with the printed seed:
 * {@code -Dcairn.test.seed=N}.
 */
@Timeout(120)
class EmulatorDeviceTest {
  private static final Backend EMULATOR = Sequences.EMULATOR;
  private static final Backend MISSING =
      new Backend("hip", new NativeLibrary("cairn_abacus"), new HipBinding(), "rocm", true);
  private static final int TOKENS = 12;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", System.nanoTime());
  private ModelSpec model;

  @BeforeEach
  void writeModel() throws IOException {
    System.out.println("seed " + seed);
    model = new ToyModel(seed).write(folder.resolve("toy.bin"));
  }

  private static DeviceConfig config(String backend, String kernels, GpuSettings gpu) {
    return config(backend, kernels, gpu, 1);
  }

  private static DeviceConfig config(
      String backend, String kernels, GpuSettings gpu, int timesTheBlocks) {
    DeviceConfig c = Sequences.config("auto", 1, 3, ToyModel.CONTEXT);
    return new DeviceConfig(
        backend,
        kernels,
        1,
        c.maxSlots(),
        c.maxContext(),
        timesTheBlocks * c.kvBlocks(),
        c.blockTokens(),
        c.maxBatchTokens(),
        c.maxStepsInFlight(),
        c.kvType(),
        false,
        "packed",
        gpu);
  }

  private Device emulator(String kernels, GpuSettings gpu) {
    return Devices.open(
        List.of(EMULATOR), config("emulator", kernels, gpu), model, LoadProgress.NONE);
  }

  private static void assertFails(DeviceException.Kind kind, String message, ThrowingCallable c) {
    assertThatThrownBy(c)
        .isInstanceOfSatisfying(DeviceException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mma", "mfma", "wmma", "none"})
  @DisplayName("R21 tokens and log-probabilities have the bits of the CPU's")
  void sameBits(String kernels) {
    Random random = new Random(seed);
    List<SlotSpec> specs =
        IntStream.range(0, 3)
            .mapToObj(
                i -> {
                  int[] prompt =
                      random.ints(1 + random.nextInt(30), 0, ToyModel.VOCABULARY).toArray();
                  Sampling sampling =
                      i == 0 ? Sampling.GREEDY : new Sampling(0.9f, 0, 0.9f, 0, 1.1f, 0.3f, 0.1f);
                  return new SlotSpec(prompt, prompt.length, sampling, seed + i, 3, true);
                })
            .toList();
    List<List<Integer>> expected;
    try (Device cpu = Sequences.openCpu(model, 3, ToyModel.CONTEXT)) {
      expected = bits(cpu, specs);
    }
    try (Device device = emulator(kernels, GpuSettings.DEFAULT)) {
      assertThat(device.info().backend()).isEqualTo("emulator:0");
      assertThat(device.info().numericsVersion()).isEqualTo("cpu-1");
      assertThat(bits(device, specs)).isEqualTo(expected);
      assertThat(device.stats().openSlots()).isZero();
      assertThat(device.stats().busyNanos()).isPositive();
    }
  }

  private static List<List<Integer>> bits(Device device, List<SlotSpec> specs) {
    return Sequences.generate(device, specs, TOKENS).stream()
        .map(NumericsContractTest::bits)
        .toList();
  }

  @Test
  @DisplayName("several devices of a back end are opened by number, and compute side by side")
  void several() {
    SlotSpec spec = Sequences.greedy(new int[] {1, 2, 3}, 2);
    List<List<Integer>> expected;
    try (Device cpu = Sequences.openCpu(model, 3, ToyModel.CONTEXT)) {
      expected = bits(cpu, List.of(spec));
    }
    DeviceConfig first = config("emulator:0", "mma,devices=2", GpuSettings.DEFAULT);
    try (Device zero = Devices.open(List.of(EMULATOR), first, model, LoadProgress.NONE);
        Device one =
            Devices.open(
                List.of(EMULATOR), first.withBackend("emulator:1"), model, LoadProgress.NONE)) {
      assertThat(one.info().backend()).isEqualTo("emulator:1");
      assertThat(one.info().backendName()).isEqualTo("emulator");
      assertThat(one.info().number()).isOne();
      assertThat(bits(one, List.of(spec))).isEqualTo(expected);
      assertThat(bits(zero, List.of(spec))).isEqualTo(expected);
    }
  }

  @Test
  @DisplayName("loading tells how many bytes of the file have gone to the device")
  void progress() {
    List<Long> done = new ArrayList<>();
    Set<Long> totals = new HashSet<>();
    LoadProgress progress =
        (loaded, total) -> {
          done.add(loaded);
          totals.add(total);
        };
    Devices.open(List.of(EMULATOR), config("emulator", "mma", GpuSettings.DEFAULT), model, progress)
        .close();
    assertThat(totals).hasSize(1);
    assertThat(done).isSorted().hasSizeGreaterThan(2).endsWith(totals.iterator().next());
  }

  @Test
  @DisplayName("S19 a lost device fails every step in flight and all later ones, as the device")
  void lost() {
    // the first step has fewer launches than this, the second reaches it
    try (Device device = emulator("mma,lost=60", GpuSettings.DEFAULT)) {
      device.openSlot(0, Sequences.greedy(new int[] {1, 2, 3}, -1));
      Sequences.run(device, Sequences.chunk(device, 0, 0, 3, true));
      int done = 3;
      DeviceException failure = null;
      while (failure == null) {
        assertThat(done).isLessThan(ToyModel.CONTEXT);
        try {
          Sequences.run(device, Sequences.chunk(device, 0, done, done + 1, true));
          done++;
        } catch (DeviceException e) {
          failure = e;
        }
      }
      assertThat(failure.kind()).isEqualTo(DeviceException.Kind.LOST);
      assertThat(failure)
          .hasMessageContaining("a step failed")
          .hasMessageMatching("(?s).* at \\w+\\.cpp:\\d+.*")
          .hasMessageContaining("is lost");
      Chunk next = Sequences.chunk(device, 0, done + 1, done + 2, true);
      assertFails(DeviceException.Kind.LOST, "is lost", () -> Sequences.run(device, next));
    }
    try (Device again = emulator("mma", GpuSettings.DEFAULT)) {
      again.openSlot(0, Sequences.greedy(new int[] {1, 2, 3}, -1));
      assertThat(Sequences.run(again, Sequences.chunk(again, 0, 0, 3, true)).outputs()).hasSize(1);
    }
  }

  @Test
  @DisplayName("H9 a device that never answers is lost after the step's timeout")
  void hung() {
    try (Device device = emulator("mma,hung=1", new GpuSettings(0.9, 100, 64))) {
      device.openSlot(0, Sequences.greedy(new int[] {1, 2, 3}, -1));
      assertFails(
          DeviceException.Kind.LOST,
          "did not finish a step within 100 ms",
          () -> Sequences.run(device, Sequences.chunk(device, 0, 0, 3, true)));
    }
  }

  @Test
  @DisplayName("settings of the GPU out of range, a device that is none, too little memory")
  void refused() {
    assertFails(
        DeviceException.Kind.MEMORY,
        "0.001 of the free memory of emulator",
        () ->
            Devices.open(
                List.of(EMULATOR),
                config("emulator", "none", new GpuSettings(0.001, 1000, 0), 100),
                model,
                LoadProgress.NONE));
    assertFails(
        DeviceException.Kind.MISUSE,
        "memoryShareThousandths is 0, expected 1 to 1000",
        () -> emulator("none", new GpuSettings(0, 1000, 0)).close());
    assertFails(
        DeviceException.Kind.MISUSE,
        "stepTimeoutMillis is 0",
        () -> emulator("none", new GpuSettings(1, 0, 0)).close());
    assertFails(
        DeviceException.Kind.MISUSE,
        "graphs is -1",
        () -> emulator("none", new GpuSettings(1, 1, -1)).close());
    assertFails(
        DeviceException.Kind.MISUSE,
        "device is 3, expected 0 to 0",
        () ->
            Devices.open(
                List.of(EMULATOR),
                config("emulator:3", "auto", GpuSettings.DEFAULT),
                model,
                LoadProgress.NONE));
    assertFails(
        DeviceException.Kind.MISUSE,
        "instruction set is 'avx2'",
        () -> emulator("avx2", GpuSettings.DEFAULT).close());
  }

  @Test
  @DisplayName("biases and masks change draws as on the CPU, and no log-probability")
  void steering() {
    Random random = new Random(seed);
    Map<Integer, Float> biases = new HashMap<>();
    random
        .ints(5, 0, ToyModel.VOCABULARY)
        .forEach(token -> biases.put(token, 8 * random.nextFloat()));
    long[] allowed = random.longs((ToyModel.VOCABULARY + Long.SIZE - 1) / Long.SIZE).toArray();
    allowed[0] |= 1;
    Sampling sampling = new Sampling(1.2f, 40, 0.95f, 0, 1.1f, 0, 0.2f).with(biases, "");
    SlotSpec spec = new SlotSpec(new int[] {1, 2, 3}, 3, sampling, seed, 2, false);
    List<StepResult.Output> expected;
    try (Device cpu = Sequences.openCpu(model, 3, ToyModel.CONTEXT)) {
      expected = steered(cpu, spec, allowed);
    }
    try (Device device = emulator("mfma", GpuSettings.DEFAULT)) {
      List<StepResult.Output> outputs = steered(device, spec, allowed);
      assertThat(NumericsContractTest.bits(outputs)).isEqualTo(NumericsContractTest.bits(expected));
      for (int token : Sequences.tokens(outputs)) {
        assertThat(allowed[token / Long.SIZE] >> token & 1).as("token " + token).isEqualTo(1);
      }
    }
  }

  private static List<StepResult.Output> steered(Device device, SlotSpec spec, long[] allowed) {
    device.openSlot(0, spec);
    int prompt = spec.tokens().length;
    List<StepResult.Output> outputs = new ArrayList<>();
    for (int done = 0; outputs.size() < TOKENS; done = prompt + outputs.size() - 1) {
      Chunk c = Sequences.chunk(device, 0, done, Math.max(prompt, done + 1), true);
      Chunk masked =
          new Chunk(c.slot(), c.start(), c.count(), true, c.firstBlock(), c.blocks(), allowed);
      outputs.addAll(Sequences.run(device, masked).outputs());
    }
    return outputs;
  }

  @Test
  @DisplayName("auto takes the first back end that has a device, and says why none can be used")
  void choice() {
    DeviceConfig auto = config("auto", "auto", GpuSettings.DEFAULT);
    try (Device device =
        Devices.open(List.of(MISSING, EMULATOR, Backend.CPU), auto, model, LoadProgress.NONE)) {
      assertThat(device.info().backend()).isEqualTo("emulator:0");
    }
    try (Device device =
        Devices.open(List.of(MISSING, Backend.CPU), auto, model, LoadProgress.NONE)) {
      assertThat(device.info().backend()).isEqualTo("cpu");
    }
    assertFails(
        DeviceException.Kind.UNAVAILABLE,
        "no back end can be used; hip: library cairn_abacus cannot be loaded",
        () -> Devices.open(List.of(MISSING), auto, model, LoadProgress.NONE));
    assertFails(
        DeviceException.Kind.UNAVAILABLE,
        "; a build with -Procm has it",
        () ->
            Devices.open(
                List.of(MISSING),
                config("hip:0", "auto", GpuSettings.DEFAULT),
                model,
                LoadProgress.NONE));
    assertFails(
        DeviceException.Kind.UNAVAILABLE,
        "back end abacus:1 is unknown, expected auto, hip[:N], cpu",
        () ->
            Devices.open(
                List.of(MISSING, Backend.CPU),
                config("abacus:1", "auto", GpuSettings.DEFAULT),
                model,
                LoadProgress.NONE));
  }

  @Test
  @DisplayName("a device is found by name without a model, or the reason why it is none")
  void find() {
    assertThat(Devices.find(List.of(MISSING, EMULATOR), "auto")).isEqualTo("emulator:0");
    assertThat(Devices.find(List.of(MISSING, EMULATOR), "emulator")).isEqualTo("emulator:0");
    assertThat(Devices.find(List.of(MISSING, Backend.CPU), "auto")).isEqualTo("cpu");
    assertFails(
        DeviceException.Kind.UNAVAILABLE,
        "it is none of the devices of emulator, 0: emulator",
        () -> Devices.find(List.of(EMULATOR), "emulator:1"));
    assertFails(
        DeviceException.Kind.UNAVAILABLE,
        "libcairn_abacus.so; a build with -Procm has it, or CAIRN_GPU=rocm bin/cairn",
        () -> Devices.find(List.of(MISSING, EMULATOR), "hip"));
  }

  @Test
  @DisplayName("a back end says what was tried and why it cannot be used")
  void status() {
    assertThat(MISSING.status("auto").available()).isFalse();
    assertThat(MISSING.status("auto").reason()).contains("this build has no native/");
    BackendStatus status = EMULATOR.status("auto");
    assertThat(status.available()).as(status.reason()).isTrue();
    assertThat(status.features()).startsWith("0: emulator wave32");
    assertThat(Path.of(status.library())).isRegularFile();
    assertThat(NativeDevice.readRate(EMULATOR.binding(), 1)).isPositive();
  }

  @Test
  @DisplayName("a runtime of another major version is named with what to do about it")
  void runtimeVersion() throws IOException {
    String failure =
        "library cairn_hip cannot be loaded: java.lang.UnsatisfiedLinkError: /c/libcairn_hip.so:"
            + " libamdhip64.so.5: cannot open shared object file: No such file or directory";
    Path lib = Files.createDirectories(folder.resolve("rocm/lib"));
    assertThat(SharedObjects.hint(failure, "rocm", List.of(lib)))
        .isEqualTo(
            "; it was built for version 5 of libamdhip64.so, and no version was found in ["
                + lib
                + "]: install that version, or build with -Procm against the one that is"
                + " installed");
    Files.createFile(lib.resolve("libamdhip64.so.6"));
    Files.createFile(lib.resolve("libamdhip64.so.6.2.4"));
    Files.createFile(lib.resolve("librocblas.so.4"));
    assertThat(SharedObjects.hint(failure, "rocm", List.of(lib, folder.resolve("none"))))
        .isEqualTo(
            "; it was built for version 5 of libamdhip64.so, and this machine has "
                + lib.resolve("libamdhip64.so.6")
                + ", "
                + lib.resolve("libamdhip64.so.6.2.4")
                + ": install that version, or build with -Procm against the one that is"
                + " installed");
    assertThat(SharedObjects.hint("something else", "rocm", List.of(lib))).isEmpty();
  }
}
