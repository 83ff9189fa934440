package dev.cairn.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.model.TokenLogprobs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The numerics contract for every architecture. A failure is replayed with the printed seed: {@code
 * -Dcairn.test.seed=N}.
 */
class ArchitectureContractTest {
  private static final int GENERATED = 8;
  private static final int LONGEST = 90;
  private static final int SLOTS = 16;
  private static final int CUTS = 6;

  @TempDir private Path folder;
  private final long seed = Long.getLong("cairn.test.seed", System.nanoTime());
  private final Random random = new Random(seed);

  private ModelSpec write(ModelCase which) {
    System.out.println("seed " + seed);
    return which.model(seed).write(folder.resolve("model.gguf"));
  }

  private static Device open(ModelSpec model, String instructionSet, int threads) {
    return Sequences.open(model, instructionSet, threads, SLOTS, RandomModel.CONTEXT);
  }

  private SlotSpec randomSlot(int length) {
    int[] prompt = random.ints(length, 0, RandomModel.VOCABULARY).toArray();
    Sampling sampling = new Sampling(random.nextInt(2), 0, 1, 0, 1, 0, 0);
    return new SlotSpec(prompt, length, sampling, random.nextLong(), 3, true);
  }

  private List<SlotSpec> randomSlots(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> randomSlot(1 + random.nextInt(LONGEST)))
        .toList();
  }

  private static List<List<Integer>> bits(Device device, List<SlotSpec> slots) {
    return Sequences.generate(device, slots, GENERATED).stream()
        .map(NumericsContractTest::bits)
        .toList();
  }

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("R10 sequences of 3 and 16 in a batch yield what each yields alone")
  void batchMates(ModelCase which) {
    List<SlotSpec> slots = randomSlots(SLOTS);
    try (Device device = open(write(which), "auto", 1)) {
      List<List<Integer>> alone =
          slots.stream().map(slot -> bits(device, List.of(slot)).get(0)).toList();
      assertThat(bits(device, slots.subList(0, 3))).isEqualTo(alone.subList(0, 3));
      assertThat(bits(device, slots)).isEqualTo(alone);
    }
  }

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("I4 the points where a prompt is cut do not change a bit")
  void prefillCuts(ModelCase which) {
    SlotSpec slot = randomSlot(LONGEST);
    try (Device device = open(write(which), "auto", 1)) {
      List<Integer> whole = prefill(device, slot, new int[] {LONGEST});
      for (int i = 0; i < CUTS; i++) {
        int[] ends =
            IntStream.concat(random.ints(1 + random.nextInt(7), 1, LONGEST), IntStream.of(LONGEST))
                .sorted()
                .distinct()
                .toArray();
        assertThat(prefill(device, slot, ends)).as("ends %s", ends).isEqualTo(whole);
      }
      assertThat(prefill(device, slot, IntStream.rangeClosed(1, LONGEST).toArray()))
          .isEqualTo(whole);
    }
  }

  private static List<Integer> prefill(Device device, SlotSpec slot, int[] ends) {
    device.openSlot(0, slot);
    List<TokenLogprobs> prompt = new ArrayList<>();
    StepResult.Output last = null;
    int done = 0;
    for (int end : ends) {
      Chunk chunk = Sequences.chunk(device, 0, done, end, end == LONGEST);
      last = Sequences.run(device, chunk).outputs().get(0);
      prompt.addAll(last.promptLogprobs());
      done = end;
    }
    device.freeSlot(0);
    assertThat(prompt).hasSize(LONGEST - 1);
    return NumericsContractTest.bits(
        List.of(new StepResult.Output(last.status(), last.token(), last.logprobs(), prompt)));
  }

  @ParameterizedTest
  @EnumSource(ModelCase.class)
  @DisplayName("I4 instruction sets and thread counts agree bit for bit")
  void instructionSetsAndThreads(ModelCase which) {
    ModelSpec model = write(which);
    List<SlotSpec> slots = randomSlots(3);
    List<List<Integer>> expected;
    try (Device device = open(model, "scalar", 1)) {
      expected = bits(device, slots);
    }
    for (String instructionSet : List.of("scalar", "avx2", "avx512")) {
      for (int threads = 1; threads <= 2; threads++) {
        try (Device device = open(model, instructionSet, threads)) {
          assertThat(bits(device, slots))
              .as(instructionSet + ", " + threads + " threads")
              .isEqualTo(expected);
        } catch (DeviceException e) {
          assertThat(e.kind()).isEqualTo(DeviceException.Kind.UNAVAILABLE);
          System.out.println(e.getMessage());
        }
      }
    }
  }
}
