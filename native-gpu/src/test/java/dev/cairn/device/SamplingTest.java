package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sampling parameters belong to a slot and do what they say. */
class SamplingTest {
  private static final int TOKENS = 40;
  private static final int[] PROMPT = {5, 9, 77, 3, 12};
  private static final Sampling HOT = new Sampling(1.5f, 0, 1, 0, 1, 0, 0);

  @TempDir private Path folder;
  private ModelSpec model;

  @BeforeEach
  void writeModel() throws IOException {
    model = new ToyModel(11).write(folder.resolve("toy.bin"));
  }

  private static SlotSpec spec(Sampling sampling, long seed) {
    return new SlotSpec(PROMPT, PROMPT.length, sampling, seed, 0, false);
  }

  private static int[] tokens(Device device, SlotSpec spec) {
    return Sequences.tokens(Sequences.generate(device, List.of(spec), TOKENS).get(0));
  }

  private Device open() {
    return Sequences.open(model, "auto", 1, 4, ToyModel.CONTEXT);
  }

  private static Set<Integer> distinct(int[] tokens) {
    return new HashSet<>(Arrays.stream(tokens).boxed().toList());
  }

  @Test
  @DisplayName("R11 greedy and hot sequences share a batch and keep their own parameters")
  void greedyAndHotTogether() {
    try (Device device = open()) {
      int[] greedy = tokens(device, spec(Sampling.GREEDY, 1));
      int[] hot = tokens(device, spec(HOT, 1));
      List<List<StepResult.Output>> both =
          Sequences.generate(
              device, List.of(spec(HOT, 1), spec(Sampling.GREEDY, 1), spec(HOT, 2)), TOKENS);
      assertThat(Sequences.tokens(both.get(0))).isEqualTo(hot).isNotEqualTo(greedy);
      assertThat(Sequences.tokens(both.get(1))).isEqualTo(greedy);
      assertThat(Sequences.tokens(both.get(2))).isNotEqualTo(hot);
    }
  }

  @Test
  @DisplayName("R11 narrow top-k, top-p, min-p and temperature all lead to the greedy tokens")
  void narrowLimitsAreGreedy() {
    try (Device device = open()) {
      int[] greedy = tokens(device, spec(Sampling.GREEDY, 1));
      for (Sampling narrow :
          List.of(
              new Sampling(1.5f, 1, 1, 0, 1, 0, 0),
              new Sampling(1.5f, 0, 0, 0, 1, 0, 0),
              new Sampling(1.5f, 0, 1, 1, 1, 0, 0),
              new Sampling(1e-4f, 0, 1, 0, 1, 0, 0))) {
        assertThat(tokens(device, spec(narrow, 3))).as(narrow.toString()).isEqualTo(greedy);
      }
    }
  }

  @Test
  @DisplayName("R11 every parameter changes the output")
  void everyParameterMatters() {
    try (Device device = open()) {
      int[] base = tokens(device, spec(HOT, 3));
      assertThat(tokens(device, spec(HOT, 3))).isEqualTo(base);
      for (Sampling other :
          List.of(
              new Sampling(0.7f, 0, 1, 0, 1, 0, 0),
              new Sampling(1.5f, 3, 1, 0, 1, 0, 0),
              new Sampling(1.5f, 0, 0.4f, 0, 1, 0, 0),
              new Sampling(1.5f, 0, 1, 0.3f, 1, 0, 0),
              new Sampling(1.5f, 0, 1, 0, 4, 0, 0),
              new Sampling(1.5f, 0, 1, 0, 1, 8, 0),
              new Sampling(1.5f, 0, 1, 0, 1, 0, 8))) {
        assertThat(tokens(device, spec(other, 3))).as(other.toString()).isNotEqualTo(base);
      }
      assertThat(tokens(device, spec(HOT, 4))).isNotEqualTo(base);
    }
  }

  @Test
  @DisplayName(
      "R11 a bias makes a token likelier or forbids it, and leaves log-probabilities as they are")
  void logitBias() {
    try (Device device = open()) {
      int[] greedy = tokens(device, spec(Sampling.GREEDY, 1));
      int[] wanted = tokens(device, spec(Sampling.GREEDY.with(Map.of(42, 1e4f), ""), 1));
      assertThat(distinct(wanted)).containsExactly(42);
      int[] without = tokens(device, spec(Sampling.GREEDY.with(Map.of(greedy[0], -1e4f), ""), 1));
      assertThat(without).doesNotContain(greedy[0]);
      float plain = first(device, Sampling.GREEDY.with(Map.of(greedy[0], 5f), ""));
      assertThat(plain).isEqualTo(first(device, Sampling.GREEDY));
    }
  }

  private static float first(Device device, Sampling sampling) {
    return Sequences.generate(device, List.of(spec(sampling, 1)), 1)
        .get(0)
        .get(0)
        .logprobs()
        .logprob();
  }

  @Test
  @DisplayName("a chunk's mask leaves the allowed tokens alone, for that token and that sequence")
  void mask() {
    try (Device device = open()) {
      int[] greedy = tokens(device, spec(Sampling.GREEDY, 1));
      device.openSlot(0, spec(HOT, 1));
      Chunk all = Sequences.chunk(device, 0, 0, PROMPT.length, true);
      long[] allowed = new long[(model.vocabularySize() + 63) / 64];
      allowed[0] = 1L << 3 | 1L << 17;
      StepResult result = Sequences.run(device, masked(all, allowed));
      assertThat(result.outputs().get(0).token()).isIn(3, 17);
      device.freeSlot(0);
      assertThat(tokens(device, spec(Sampling.GREEDY, 1))).isEqualTo(greedy);

      device.openSlot(0, spec(HOT, 1));
      assertThatThrownBy(() -> Sequences.run(device, masked(all, new long[allowed.length])))
          .hasMessageContaining("allows no token");
      assertThatThrownBy(() -> Sequences.run(device, masked(all, new long[] {1})))
          .hasMessageContaining("words of allowed tokens");
    }
  }

  private static Chunk masked(Chunk chunk, long[] allowed) {
    return new Chunk(
        chunk.slot(),
        chunk.start(),
        chunk.count(),
        chunk.sample(),
        chunk.firstBlock(),
        chunk.blocks(),
        allowed);
  }

  @Test
  @DisplayName("R11 penalties count the sequence's own tokens")
  void penalties() {
    try (Device device = open()) {
      int[] unbounded = tokens(device, spec(new Sampling(0, 0, 1, 0, 1, 1e5f, 0), 1));
      assertThat(distinct(unbounded)).as("presence forbids repeats").hasSize(TOKENS);
      int[] frequency = tokens(device, spec(new Sampling(0, 0, 1, 0, 1, 0, 1e5f), 1));
      assertThat(frequency).isEqualTo(unbounded);
      int[] rewarded = tokens(device, spec(new Sampling(0, 0, 1, 0, 1, 0, -1e5f), 1));
      assertThat(distinct(rewarded)).as("a reward repeats the first token").hasSize(1);
      int[] repetition = tokens(device, spec(new Sampling(0, 0, 1, 0, 1e6f, 0, 0), 1));
      assertThat(repetition).doesNotContain(PROMPT);
    }
  }
}
