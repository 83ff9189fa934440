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
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Small models whose matrices, embedding and output included, are all of one weight type. A failure
 * is replayed with the printed seed: {@code -Dcairn.test.seed=N}.
 */
class WeightTypesTest {
  private static final int SLOTS = 17;
  private static final int TOKENS = 4;
  private static final int PROMPTS = 11;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", System.nanoTime());
  private final Random random = new Random(seed);

  private ModelSpec model(TensorType type) throws IOException {
    System.out.println("seed " + seed);
    return new ToyModel(seed).everywhere(type).write(folder.resolve("typed.bin"));
  }

  private SlotSpec randomSpec(int length) {
    int[] prompt = random.ints(length, 0, ToyModel.VOCABULARY).toArray();
    return new SlotSpec(prompt, length, Sampling.GREEDY, 1, 3, true);
  }

  private static List<Integer> bits(List<StepResult.Output> outputs) {
    List<Integer> bits = new ArrayList<>();
    for (StepResult.Output output : outputs) {
      assertThat(output.status()).isEqualTo(StepResult.Status.OK);
      bits.add(output.token());
      List<TokenLogprobs> all = new ArrayList<>(output.promptLogprobs());
      if (output.logprobs() != null) {
        all.add(output.logprobs());
      }
      for (TokenLogprobs logprobs : all) {
        bits.add(Float.floatToRawIntBits(logprobs.logprob()));
        Arrays.stream(logprobs.topTokens()).forEach(bits::add);
        for (float f : logprobs.topLogprobs()) {
          bits.add(Float.floatToRawIntBits(f));
        }
      }
    }
    return bits;
  }

  /** The first output of a prompt that is cut in two chunks. */
  private static List<Integer> inTwoChunks(Device device, SlotSpec spec, int cut) {
    int length = spec.tokens().length;
    device.openSlot(0, spec);
    StepResult.Output first =
        Sequences.run(device, Sequences.chunk(device, 0, 0, cut, false)).outputs().get(0);
    StepResult.Output second =
        Sequences.run(device, Sequences.chunk(device, 0, cut, length, true)).outputs().get(0);
    device.freeSlot(0);
    List<TokenLogprobs> prompts = new ArrayList<>(first.promptLogprobs());
    prompts.addAll(second.promptLogprobs());
    return bits(
        List.of(
            new StepResult.Output(second.status(), second.token(), second.logprobs(), prompts)));
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  @DisplayName("R10 batch, chunks, threads, instruction set or mapping change no bit of any type")
  void contract(TensorType type) throws IOException {
    ModelSpec model = model(type);
    List<SlotSpec> specs =
        IntStream.range(0, SLOTS).mapToObj(i -> randomSpec(2 + random.nextInt(20))).toList();
    List<List<Integer>> expected = null;
    for (String instructionSet : List.of("scalar", "avx2", "avx512")) {
      try (Device one = Sequences.open(model, instructionSet, 1, SLOTS, ToyModel.CONTEXT);
          Device two = Sequences.open(model, instructionSet, 2, SLOTS, ToyModel.CONTEXT);
          Device mapped = Sequences.openMapped(model, instructionSet, 2, SLOTS, ToyModel.CONTEXT)) {
        List<List<Integer>> together =
            Sequences.generate(two, specs, TOKENS).stream().map(WeightTypesTest::bits).toList();
        expected = expected == null ? together : expected;
        assertThat(together).as(instructionSet).isEqualTo(expected);
        assertThat(Sequences.generate(mapped, specs, TOKENS).stream().map(WeightTypesTest::bits))
            .as("%s mapped", instructionSet)
            .containsExactlyElementsOf(expected);
        assertThat(mapped.info().weightBytes()).isLessThan(two.info().weightBytes());
        for (int i = 0; i < 3; i++) {
          SlotSpec spec = specs.get(i);
          List<StepResult.Output> alone = Sequences.generate(one, List.of(spec), TOKENS).get(0);
          assertThat(bits(alone)).as(instructionSet + " alone").isEqualTo(expected.get(i));
          int cut = 1 + random.nextInt(spec.tokens().length - 1);
          assertThat(inTwoChunks(one, spec, cut))
              .as("%s cut at %s", instructionSet, cut)
              .isEqualTo(bits(alone.subList(0, 1)));
        }
      } catch (DeviceException e) {
        assertThat(e.kind()).isEqualTo(DeviceException.Kind.UNAVAILABLE);
        System.out.println(e.getMessage());
      }
    }
  }

  /** The largest deviation of a log-probability of a prompt from the reference. */
  private static double deviation(Device device, ReferenceModel reference, SlotSpec spec) {
    List<double[]> expected = reference.logProbabilities(spec.tokens());
    StepResult.Output output = Sequences.generate(device, List.of(spec), 1).get(0).get(0);
    double worst = 0;
    for (int p = 0; p + 1 < spec.tokens().length; p++) {
      TokenLogprobs actual = output.promptLogprobs().get(p);
      worst = Math.max(worst, Math.abs(actual.logprob() - expected.get(p)[spec.tokens()[p + 1]]));
      for (int i = 0; i < actual.topTokens().length; i++) {
        double top = expected.get(p)[actual.topTokens()[i]];
        worst = Math.max(worst, Math.abs(actual.topLogprobs()[i] - top));
      }
    }
    return worst;
  }

  /**
   * An input that lies between two 8-bit integers may be rounded otherwise in single precision,
   * which these models amplify in all that follows; prompts where none is agree closely.
   */
  @ParameterizedTest
  @EnumSource(TensorType.class)
  @DisplayName("R21 every weight type agrees with a reference in double precision")
  void reference(TensorType type) throws IOException {
    ModelSpec model = model(type);
    ReferenceModel reference = new ReferenceModel(ModelValues.read(model), ToyModel.CONTEXT);
    try (Device device = Sequences.open(model, "auto", 1, 1, ToyModel.CONTEXT)) {
      double[] deviations =
          IntStream.range(0, PROMPTS)
              .mapToDouble(i -> deviation(device, reference, randomSpec(6)))
              .sorted()
              .toArray();
      System.out.printf("%s: deviations %s%n", type, Arrays.toString(deviations));
      assertThat(deviations[1]).isLessThan(1e-4);
    }
  }
}
