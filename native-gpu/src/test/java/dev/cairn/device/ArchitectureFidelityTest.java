package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every architecture from file to log-probabilities against a reference in double precision. A
 * failure is replayed with the printed seed: {@code -Dcairn.test.seed=N}.
 */
class ArchitectureFidelityTest {
  /**
   * The reference rounds keys and values as the store does, so that single precision is what is
   * left: some 10⁻⁶ of logits of size 10. A key on the edge between two half-precision numbers may
   * fall to the other side, 2⁻¹¹ of itself, which moves a log-probability by some 10⁻⁵.
   */
  private static final double LIMIT = 1e-3;

  /** What a wrong constant moves at least. */
  private static final double VISIBLE = 2e-2;

  private static final int TOP = 20;
  private static final int[] LENGTHS = {5, 40, 97};
  private static final int GENERATED = 4;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", 31);

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("R21 log-probabilities are those of the architecture's definition")
  void agreesWithReference(ModelCase which) {
    System.out.println("seed " + seed);
    RandomModel model = which.model(seed);
    ModelSpec spec = model.write(folder.resolve("model.gguf"));
    for (int maxContext : new int[] {64, RandomModel.CONTEXT}) {
      double worst = 0;
      try (Device device = Sequences.open(spec, "auto", 1, 1, maxContext)) {
        for (int length : LENGTHS) {
          if (length + GENERATED <= maxContext) {
            int[] prompt = model.prompt(length, seed + length);
            worst = Math.max(worst, departure(device, model, maxContext, prompt));
          }
        }
      }
      System.out.printf("%s context %d departs by %.6f%n", which, maxContext, worst);
      assertThat(worst).isLessThan(LIMIT);
    }
  }

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("R21 each constant comes from its key")
  void everyConstantCounts(ModelCase which) {
    System.out.println("seed " + seed);
    ModelSpec spec = which.model(seed).write(folder.resolve("model.gguf"));
    try (Device device = Sequences.open(spec, "auto", 1, 1, RandomModel.CONTEXT)) {
      which.changes.forEach(
          (key, value) -> {
            RandomModel changed = which.model(seed).key(key, value);
            int[] prompt = changed.prompt(97, seed);
            double moved = departure(device, changed, RandomModel.CONTEXT, prompt);
            System.out.printf("%s %s moves by %.6f%n", which, key, moved);
            assertThat(moved).as(key).isGreaterThan(VISIBLE);
          });
    }
  }

  /** Largest difference of a log-probability over the prompt and some greedy tokens. */
  private static double departure(Device device, RandomModel model, int maxContext, int[] prompt) {
    SlotSpec slot = new SlotSpec(prompt, prompt.length, Sampling.GREEDY, 0, TOP, true);
    List<StepResult.Output> outputs = Sequences.generate(device, List.of(slot), GENERATED).get(0);
    int[] all = java.util.Arrays.copyOf(prompt, prompt.length + GENERATED);
    System.arraycopy(Sequences.tokens(outputs), 0, all, prompt.length, GENERATED);
    List<double[]> expected = new ReferenceModel(model, maxContext).logProbabilities(all);
    double worst = 0;
    List<TokenLogprobs> ofPrompt = outputs.get(0).promptLogprobs();
    for (int i = 1; i < all.length; i++) {
      TokenLogprobs actual =
          i < prompt.length ? ofPrompt.get(i - 1) : outputs.get(i - prompt.length).logprobs();
      worst = Math.max(worst, departure(actual, all[i], expected.get(i - 1)));
    }
    return worst;
  }

  private static double departure(TokenLogprobs actual, int token, double[] expected) {
    double worst = Math.abs(actual.logprob() - expected[token]);
    for (int i = 0; i < actual.topTokens().length; i++) {
      double d = Math.abs(actual.topLogprobs()[i] - expected[actual.topTokens()[i]]);
      worst = Math.max(worst, d);
    }
    return worst;
  }
}
