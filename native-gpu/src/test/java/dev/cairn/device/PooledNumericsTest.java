package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Pooling;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What is pooled of a prompt is right, and has the same bits whatever surrounds it. A failure is
 * replayed with the printed seed: {@code -Dcairn.test.seed=N}.
 */
class PooledNumericsTest {
  private static final int LENGTH = 70;
  private static final int SLOTS = 6;

  /** As {@link ArchitectureFidelityTest} allows a log-probability to depart, of states near 1. */
  private static final double LIMIT = 1e-3;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", System.nanoTime());
  private final Random random = new Random(seed);

  private ModelSpec toy() throws IOException {
    System.out.println("seed " + seed);
    return new ToyModel(seed).write(folder.resolve("toy.bin"));
  }

  private int[] prompt(int length) {
    return random.ints(length, 0, ToyModel.VOCABULARY).toArray();
  }

  private static Device open(ModelSpec model, String instructionSet, int threads) {
    return Sequences.open(model, instructionSet, threads, SLOTS, ToyModel.CONTEXT);
  }

  /** Runs a prompt in chunks that end at these positions; what the last one pooled. */
  private static float[] pooled(Device device, int slot, SlotSpec spec, int... ends) {
    device.openSlot(slot, spec);
    float[] pooled = {};
    int done = 0;
    for (int end : ends) {
      assertThat(pooled).isEmpty();
      StepResult result = Sequences.run(device, Sequences.chunk(device, slot, done, end, false));
      pooled = result.outputs().get(0).pooled();
      done = end;
    }
    device.freeSlot(slot);
    return pooled;
  }

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("R21 what is pooled are the hidden states of the architecture's definition")
  void agreesWithReference(ModelCase which) {
    long fixed = 31;
    RandomModel model = which.model(fixed);
    ModelSpec spec = model.write(folder.resolve("model.gguf"));
    try (Device device = Sequences.open(spec, "auto", 1, 1, RandomModel.CONTEXT)) {
      for (int length : new int[] {1, 40, 97}) {
        int[] prompt = model.prompt(length, fixed + length);
        List<double[]> states = new ReferenceModel(model, RandomModel.CONTEXT).hiddenStates(prompt);
        double[] mean = new double[spec.embeddingLength()];
        for (double[] state : states) {
          for (int i = 0; i < mean.length; i++) {
            mean[i] += state[i] / length;
          }
        }
        float[] sum = pooled(device, 0, SlotSpec.pooled(prompt, Pooling.MEAN), length);
        float[] last = pooled(device, 0, SlotSpec.pooled(prompt, Pooling.LAST), length);
        assertThat(sum).hasSize(mean.length);
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < mean.length; i++) {
          double state = states.get(length - 1)[i];
          largest = Math.max(largest, Math.abs(state));
          worst = Math.max(worst, Math.abs(sum[i] / length - mean[i]));
          worst = Math.max(worst, Math.abs(last[i] - state));
        }
        System.out.printf("%s %d tokens: departs by %.6f of %.3f%n", which, length, worst, largest);
        assertThat(worst).isLessThan(LIMIT * Math.max(1, largest));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MEAN", "LAST"})
  @DisplayName("I4 cuts, batch neighbours, threads and instruction sets change no bit of a vector")
  void sameBits(Pooling pooling) throws IOException {
    ModelSpec model = toy();
    SlotSpec spec = SlotSpec.pooled(prompt(LENGTH), pooling);
    SlotSpec other = SlotSpec.pooled(prompt(50), Pooling.MEAN);
    int[] spoken = prompt(20);
    float[] expected = null;
    for (String instructionSet : List.of("scalar", "avx2", "avx512", "amx")) {
      for (int threads = 1; threads <= 2; threads++) {
        try (Device device = open(model, instructionSet, threads)) {
          float[] whole = pooled(device, 0, spec, LENGTH);
          expected = expected == null ? whole : expected;
          assertThat(whole).as(instructionSet + " " + threads).isEqualTo(expected);
          int cut = 1 + random.nextInt(LENGTH - 1);
          assertThat(pooled(device, 1, spec, cut, LENGTH)).as("cut " + cut).isEqualTo(expected);
          int[] ones = IntStream.rangeClosed(1, LENGTH).toArray();
          assertThat(pooled(device, 2, spec, ones)).isEqualTo(expected);
          assertThat(inCompany(device, spec, other, spoken)).isEqualTo(expected);
        } catch (DeviceException e) {
          assertThat(e.kind()).isEqualTo(DeviceException.Kind.UNAVAILABLE);
          System.out.println(e.getMessage());
        }
      }
    }
  }

  /** Beside another prompt that is pooled, and one that generates. */
  private static float[] inCompany(Device device, SlotSpec spec, SlotSpec other, int[] spoken) {
    device.openSlot(3, Sequences.greedy(spoken, 2));
    device.openSlot(4, other);
    device.openSlot(5, spec);
    Sequences.run(
        device,
        Sequences.chunk(device, 3, 0, spoken.length, true),
        Sequences.chunk(device, 4, 0, 30, false),
        Sequences.chunk(device, 5, 0, 33, false));
    StepResult result =
        Sequences.run(
            device,
            Sequences.chunk(device, 5, 33, LENGTH, false),
            Sequences.chunk(device, 4, 30, 50, false),
            Sequences.chunk(device, 3, spoken.length, spoken.length + 1, true));
    List.of(3, 4, 5).forEach(device::freeSlot);
    assertThat(result.outputs().get(1).pooled()).isNotEmpty();
    assertThat(result.outputs().get(2).pooled()).isEmpty();
    return result.outputs().get(0).pooled();
  }

  @Test
  @DisplayName("I4 a prompt that was preempted, and begins anew, pools the same bits")
  void preemption() throws IOException {
    try (Device device = open(toy(), "auto", 2)) {
      for (Pooling pooling : List.of(Pooling.MEAN, Pooling.LAST)) {
        SlotSpec spec = SlotSpec.pooled(prompt(LENGTH), pooling);
        float[] expected = pooled(device, 0, spec, LENGTH);
        device.openSlot(1, spec);
        Sequences.run(device, Sequences.chunk(device, 1, 0, 45, false));
        int[] blocks = Sequences.blocks(device, 2, LENGTH);
        StepResult again = Sequences.run(device, new Chunk(1, 0, LENGTH, false, 0, blocks));
        device.freeSlot(1);
        assertThat(again.outputs().get(0).pooled()).isEqualTo(expected);
      }
    }
  }

  @Test
  @DisplayName("I4 the last state may follow blocks that another slot filled; a sum may not")
  void sharedPrefix() throws IOException {
    int[] prompt = prompt(LENGTH);
    try (Device device = open(toy(), "auto", 1)) {
      float[] expected = pooled(device, 2, SlotSpec.pooled(prompt, Pooling.LAST), LENGTH);
      device.openSlot(0, new SlotSpec(prompt, LENGTH, Sampling.GREEDY, 1, -1, false));
      Sequences.run(device, Sequences.chunk(device, 0, 0, LENGTH, true));
      int[] own = Sequences.blocks(device, 1, LENGTH);
      int[] shared = Sequences.blocks(device, 0, LENGTH);
      int[] blocks = {shared[0], shared[1], own[2]};
      device.openSlot(1, SlotSpec.pooled(prompt, Pooling.LAST));
      StepResult result = Sequences.run(device, new Chunk(1, 64, 6, false, 0, blocks));
      assertThat(result.outputs().get(0).pooled()).isEqualTo(expected);
      device.freeSlot(1);
      device.openSlot(1, SlotSpec.pooled(prompt, Pooling.MEAN));
      refused("expected 0 for a slot whose positions are summed", device, blocks);
    }
  }

  private static void refused(String message, Device device, int[] blocks) {
    Step step = new Step(1, List.of(new Chunk(1, 64, 6, false, 0, blocks)));
    assertThatThrownBy(() -> device.submit(step))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(message);
  }

  @Test
  @DisplayName("a slot that is pooled draws nothing and holds a prompt alone")
  void misuse() throws IOException {
    int[] tokens = prompt(5);
    try (Device device = open(toy(), "auto", 1)) {
      SlotSpec half = new SlotSpec(tokens, 3, Sampling.GREEDY, 0, -1, false, Pooling.MEAN);
      SlotSpec scored = new SlotSpec(tokens, 5, Sampling.GREEDY, 0, 1, true, Pooling.LAST);
      for (SlotSpec wrong : List.of(half, scored)) {
        assertThatThrownBy(() -> device.openSlot(0, wrong))
            .isInstanceOf(DeviceException.class)
            .hasMessageContaining("slot 0 is pooled, expected a prompt alone");
      }
      device.openSlot(0, SlotSpec.pooled(tokens, Pooling.LAST));
      Step step = new Step(1, List.of(Sequences.chunk(device, 0, 0, 5, true)));
      assertThatThrownBy(() -> device.submit(step))
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining("draws a token, and the slot is pooled");
    }
  }

  @Test
  @DisplayName("R19 a state that is not finite fails its own prompt and no other")
  void notFinite() throws IOException {
    int[] good = prompt(20);
    int poison = (good[0] + 1) % ToyModel.VOCABULARY;
    for (int i = 0; i < good.length; i++) {
      good[i] = good[i] == poison ? good[0] : good[i];
    }
    int[] bad = Arrays.copyOf(good, 20);
    bad[10] = poison;
    ModelSpec model = new ToyModel(seed).infiniteToken(poison).write(folder.resolve("inf.bin"));
    try (Device device = open(model, "auto", 1)) {
      float[] expected = pooled(device, 0, SlotSpec.pooled(good, Pooling.MEAN), 20);
      device.openSlot(0, SlotSpec.pooled(good, Pooling.MEAN));
      device.openSlot(1, SlotSpec.pooled(bad, Pooling.MEAN));
      StepResult result =
          Sequences.run(
              device,
              Sequences.chunk(device, 1, 0, 20, false),
              Sequences.chunk(device, 0, 0, 20, false));
      assertThat(result.outputs().get(0).status()).isEqualTo(StepResult.Status.NOT_FINITE);
      assertThat(result.outputs().get(0).pooled()).isEmpty();
      assertThat(result.outputs().get(1).pooled()).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MEAN", "LAST"})
  @DisplayName("R21 the GPU's emulator pools the bits of the CPU")
  void asOnTheGpu(Pooling pooling) throws IOException {
    ModelSpec model = toy();
    SlotSpec spec = SlotSpec.pooled(prompt(LENGTH), pooling);
    DeviceConfig config = Sequences.config("auto", 1, SLOTS, ToyModel.CONTEXT);
    try (Device cpu = Sequences.openCpu(model, SLOTS, ToyModel.CONTEXT);
        Device emulator =
            Devices.open(
                List.of(Sequences.EMULATOR),
                config.withBackend("emulator"),
                model,
                LoadProgress.NONE)) {
      float[] expected = pooled(cpu, 0, spec, LENGTH);
      assertThat(pooled(emulator, 0, spec, LENGTH)).isEqualTo(expected);
      assertThat(pooled(emulator, 1, spec, 41, LENGTH)).isEqualTo(expected);
    }
  }
}
