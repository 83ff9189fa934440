package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
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
