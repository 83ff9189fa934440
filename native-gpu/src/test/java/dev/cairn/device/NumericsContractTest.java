package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.model.TensorType;
import dev.cairn.model.TokenLogprobs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a slot yields depends on its own tokens and parameters alone, bit for bit. A failure is
 * replayed with the printed seed: {@code -Dcairn.test.seed=N}.
 */
class NumericsContractTest {
  private static final int TOKENS = 24;
  private static final int SLOTS = 33;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private ModelSpec model;

  @BeforeEach
  void writeModel() throws IOException {
    System.out.println("seed " + seed);
    model = new ToyModel(seed).write(folder.resolve("toy.bin"));
  }

  private Device open(String instructionSet, int threads) {
    return Sequences.open(model, instructionSet, threads, SLOTS, ToyModel.CONTEXT);
  }

  private SlotSpec randomSpec() {
    int length = 1 + random.nextInt(60);
    int[] prompt = random.ints(length, 0, ToyModel.VOCABULARY).toArray();
    Sampling sampling =
        random.nextInt(3) == 0
            ? Sampling.GREEDY
            : new Sampling(
                0.5f + random.nextFloat(),
                random.nextInt(2) * 40,
                random.nextBoolean() ? 1f : 0.9f,
                random.nextBoolean() ? 0f : 0.02f,
                random.nextBoolean() ? 1f : 1.2f,
                random.nextFloat(),
                random.nextFloat());
    return new SlotSpec(prompt, length, sampling, random.nextLong(), 3, true);
  }

  private List<SlotSpec> randomSpecs(int count) {
    return IntStream.range(0, count).mapToObj(i -> randomSpec()).toList();
  }

  private static void add(List<Integer> bits, TokenLogprobs logprobs) {
    bits.add(Float.floatToRawIntBits(logprobs.logprob()));
    Arrays.stream(logprobs.topTokens()).forEach(bits::add);
    for (float f : logprobs.topLogprobs()) {
      bits.add(Float.floatToRawIntBits(f));
    }
  }

  /** Tokens and log-probabilities as integers, so that equality is equality of bits. */
  static List<Integer> bits(List<StepResult.Output> outputs) {
    List<Integer> bits = new ArrayList<>();
    for (StepResult.Output output : outputs) {
      assertThat(output.status()).isEqualTo(StepResult.Status.OK);
      bits.add(output.token());
      if (output.logprobs() != null) {
        add(bits, output.logprobs());
      }
      output.promptLogprobs().forEach(p -> add(bits, p));
    }
    return bits;
  }

  private static List<Integer> alone(Device device, SlotSpec spec) {
    return bits(Sequences.generate(device, List.of(spec), TOKENS).get(0));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 16, 33})
  @DisplayName("R10 sequences in one batch yield what each yields alone")
  void batchMates(int batch) {
    List<SlotSpec> specs = randomSpecs(batch);
    try (Device device = open("auto", 1)) {
      List<List<StepResult.Output>> together = Sequences.generate(device, specs, TOKENS);
      for (int i = 0; i < batch; i++) {
        assertThat(bits(together.get(i)))
            .as("sequence " + i)
            .isEqualTo(alone(device, specs.get(i)));
      }
    }
  }

  @Test
  @DisplayName("R10 two interleaved sequences have the same log-probabilities as alone")
  void interleaved() {
    SlotSpec a = randomSpec();
    SlotSpec b = randomSpec();
    try (Device device = open("auto", 1)) {
      device.openSlot(0, a);
      device.openSlot(1, b);
      List<List<StepResult.Output>> outputs = List.of(new ArrayList<>(), new ArrayList<>());
      int[] done = {0, 0};
      int[] known = {a.tokens().length, b.tokens().length};
      while (outputs.get(0).size() < TOKENS || outputs.get(1).size() < TOKENS) {
        int slot = outputs.get(0).size() == TOKENS ? 1 : random.nextInt(2);
        slot = outputs.get(1).size() == TOKENS ? 0 : slot;
        Chunk chunk = Sequences.chunk(device, slot, done[slot], known[slot], true);
        outputs.get(slot).add(Sequences.run(device, chunk).outputs().get(0));
        done[slot] = known[slot]++;
      }
      device.freeSlot(0);
      device.freeSlot(1);
      assertThat(bits(outputs.get(0))).isEqualTo(alone(device, a));
      assertThat(bits(outputs.get(1))).isEqualTo(alone(device, b));
    }
  }

  @Test
  @DisplayName("I4 the point where a prompt is cut does not change a bit")
  void prefillCut() {
    int[] prompt = random.ints(70, 0, ToyModel.VOCABULARY).toArray();
    SlotSpec spec = new SlotSpec(prompt, 70, new Sampling(1, 0, 1, 0, 1, 0, 0), seed, 2, true);
    try (Device device = open("auto", 1)) {
      device.openSlot(0, spec);
      StepResult.Output whole =
          Sequences.run(device, Sequences.chunk(device, 0, 0, 70, true)).outputs().get(0);
      device.freeSlot(0);
      for (int cut = 1; cut < 70; cut++) {
        device.openSlot(0, spec);
        StepResult.Output first =
            Sequences.run(device, Sequences.chunk(device, 0, 0, cut, false)).outputs().get(0);
        StepResult.Output second =
            Sequences.run(device, Sequences.chunk(device, 0, cut, 70, true)).outputs().get(0);
        device.freeSlot(0);
        assertThat(first.token()).isEqualTo(-1);
        List<TokenLogprobs> prompts = new ArrayList<>(first.promptLogprobs());
        prompts.addAll(second.promptLogprobs());
        assertThat(prompts).hasSize(69);
        StepResult.Output joined =
            new StepResult.Output(second.status(), second.token(), second.logprobs(), prompts);
        assertThat(bits(List.of(joined))).as("cut " + cut).isEqualTo(bits(List.of(whole)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TensorType.class,
      names = {"F32", "F16", "Q8_0", "Q4_0"})
  @DisplayName("I4 instruction sets and thread counts agree bit for bit")
  void instructionSetsAndThreads(TensorType type) throws IOException {
    model = new ToyModel(seed).type(type).write(folder.resolve("typed.bin"));
    List<SlotSpec> specs = randomSpecs(5);
    List<List<Integer>> expected = null;
    for (String instructionSet : List.of("scalar", "avx2", "avx512", "amx")) {
      for (int threads = 1; threads <= 2; threads++) {
        try (Device device = open(instructionSet, threads)) {
          List<List<Integer>> actual =
              Sequences.generate(device, specs, TOKENS).stream()
                  .map(NumericsContractTest::bits)
                  .toList();
          expected = expected == null ? actual : expected;
          assertThat(actual).as(instructionSet + " " + threads).isEqualTo(expected);
        } catch (DeviceException e) {
          assertThat(e.kind()).isEqualTo(DeviceException.Kind.UNAVAILABLE);
          System.out.println(e.getMessage());
        }
      }
    }
  }

  @Test
  @DisplayName("I4 a preempted sequence goes on as if it had not been")
  void preemption() {
    SlotSpec spec = randomSpec();
    int length = spec.tokens().length;
    try (Device device = open("auto", 2)) {
      List<Integer> expected = alone(device, spec);
      device.openSlot(0, spec);
      List<StepResult.Output> outputs = new ArrayList<>();
      outputs.add(
          Sequences.run(device, Sequences.chunk(device, 0, 0, length, true)).outputs().get(0));
      for (int i = 1; i < TOKENS; i++) {
        int known = length + i;
        Chunk chunk = Sequences.chunk(device, 0, known - 1, known, true);
        if (i % 7 == 0) {
          chunk = new Chunk(0, 0, known, true, 0, Sequences.blocks(device, i, known));
        } else if (i > 7) {
          int[] all = Sequences.blocks(device, i / 7 * 7, known);
          int have = (known - 1 + Sequences.BLOCK_TOKENS - 1) / Sequences.BLOCK_TOKENS;
          chunk = new Chunk(0, known - 1, 1, true, have, Arrays.copyOfRange(all, have, all.length));
        }
        StepResult.Output output = Sequences.run(device, chunk).outputs().get(0);
        outputs.add(
            new StepResult.Output(output.status(), output.token(), output.logprobs(), List.of()));
      }
      device.freeSlot(0);
      assertThat(bits(outputs)).isEqualTo(expected);
    }
  }

  @Test
  @DisplayName("I4 a slot opened with the tokens generated before continues them")
  void continuedElsewhere() {
    SlotSpec spec = randomSpec();
    try (Device device = open("auto", 1);
        Device other = open("scalar", 1)) {
      List<StepResult.Output> outputs = Sequences.generate(device, List.of(spec), TOKENS).get(0);
      int[] generated = Sequences.tokens(outputs);
      int half = TOKENS / 2;
      int length = spec.tokens().length;
      int[] tokens = Arrays.copyOf(spec.tokens(), length + half);
      System.arraycopy(generated, 0, tokens, length, half);
      SlotSpec rest = new SlotSpec(tokens, length, spec.sampling(), spec.seed(), 3, false);
      assertThat(bits(Sequences.generate(other, List.of(rest), TOKENS - half).get(0)))
          .isEqualTo(bits(outputs.subList(half, TOKENS)));
    }
  }

  @Test
  @DisplayName("I4 a prompt whose first blocks another slot filled yields the same")
  void sharedPrefix() {
    int[] prompt = random.ints(70, 0, ToyModel.VOCABULARY).toArray();
    SlotSpec spec = Sequences.greedy(prompt, 3);
    try (Device device = open("auto", 1)) {
      device.openSlot(0, spec);
      StepResult.Output first =
          Sequences.run(device, Sequences.chunk(device, 0, 0, 70, true)).outputs().get(0);
      device.openSlot(1, spec);
      int[] blocks = {0, 1, 50};
      StepResult.Output second =
          Sequences.run(device, new Chunk(1, 64, 6, true, 0, blocks)).outputs().get(0);
      assertThat(bits(List.of(second))).isEqualTo(bits(List.of(first)));
    }
  }

  @Test
  @DisplayName("I4 a step submitted before the result of the one before yields the same tokens")
  void twoStepsInFlight() {
    SlotSpec spec = randomSpec();
    int length = spec.tokens().length;
    try (Device device = open("auto", 1)) {
      List<Integer> expected = alone(device, spec);
      device.openSlot(0, spec);
      List<StepResult.Output> outputs = new ArrayList<>();
      device.submit(new Step(0, List.of(Sequences.chunk(device, 0, 0, length, true))));
      for (int i = 1; i < TOKENS; i++) {
        Chunk next = Sequences.chunk(device, 0, length + i - 1, length + i, true);
        device.submit(new Step(i, List.of(next)));
        outputs.add(device.await().outputs().get(0));
      }
      StepResult last = device.await();
      assertThat(last.id()).isEqualTo(TOKENS - 1);
      outputs.add(last.outputs().get(0));
      assertThat(bits(outputs)).isEqualTo(expected);
    }
  }

  @Test
  @DisplayName("R19 a row that is not finite leaves the others of its batch unchanged")
  void notFinite() throws IOException {
    int[] good = random.ints(40, 0, ToyModel.VOCABULARY).toArray();
    List<StepResult.Output> expected;
    try (Device device = open("auto", 1)) {
      expected = Sequences.generate(device, List.of(Sequences.greedy(good, 3)), 2).get(0);
    }
    int poison =
        IntStream.range(0, ToyModel.VOCABULARY)
            .filter(t -> t != expected.get(0).token() && Arrays.stream(good).noneMatch(g -> g == t))
            .findFirst()
            .orElseThrow();
    model = new ToyModel(seed).infiniteToken(poison).write(folder.resolve("infinite.bin"));
    int[] bad = good.clone();
    bad[35] = poison;
    try (Device device = open("auto", 1)) {
      device.openSlot(0, Sequences.greedy(good, 3));
      device.openSlot(1, Sequences.greedy(bad, 3));
      Chunk chunk = Sequences.chunk(device, 0, 0, 40, true);
      StepResult result = Sequences.run(device, Sequences.chunk(device, 1, 0, 40, true), chunk);
      assertThat(result.outputs().get(0).status()).isEqualTo(StepResult.Status.NOT_FINITE);
      assertThat(result.outputs().get(0).token()).isEqualTo(-1);
      StepResult next =
          Sequences.run(
              device,
              Sequences.chunk(device, 1, 40, 41, true),
              Sequences.chunk(device, 0, 40, 41, true));
      assertThat(next.outputs().get(0).status()).isEqualTo(StepResult.Status.NOT_FINITE);
      assertThat(bits(List.of(result.outputs().get(1), next.outputs().get(1))))
          .isEqualTo(bits(expected));
      device.freeSlot(1);
      device.openSlot(1, Sequences.greedy(good, 3));
      StepResult again = Sequences.run(device, Sequences.chunk(device, 1, 0, 40, true));
      assertThat(bits(again.outputs())).isEqualTo(bits(expected.subList(0, 1)));
    }
  }
}
