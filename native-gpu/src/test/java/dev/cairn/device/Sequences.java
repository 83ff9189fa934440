package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Runs sequences on a device: each slot has its own run of KV blocks. The device is the CPU unless
 * {@code -Dcairn.test.backend=cuda}, {@code hip} or {@code emulator} names another, on which tests
 * then run that are of numbers alone; instruction sets are the CPU's.
 */
final class Sequences {
  static final int BLOCK_TOKENS = 32;
  static final Backend EMULATOR =
      new Backend("emulator", new NativeLibrary("cairn_emulator"), new EmulatorBinding(), "", true);

  private static final String BACKEND = System.getProperty("cairn.test.backend", "cpu");
  private static final List<Backend> BACKENDS =
      Stream.concat(Backend.ALL.stream(), Stream.of(EMULATOR)).toList();

  private Sequences() {}

  static DeviceConfig config(String instructionSet, int threads, int slots, int context) {
    int blocks = slots * ((context + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
    String kernels = BACKEND.equals("cpu") ? instructionSet : "auto";
    return new DeviceConfig(
        BACKEND, kernels, threads, slots, context, blocks, BLOCK_TOKENS, 256, 2);
  }

  /** The CPU, whatever the back end is on which other tests run. */
  static Device openCpu(ModelSpec model, int slots, int context) {
    return Devices.open(
        config("auto", 1, slots, context).withBackend("cpu"), model, LoadProgress.NONE);
  }

  static Device open(ModelSpec model, String instructionSet, int threads, int slots, int context) {
    return Devices.open(
        BACKENDS, config(instructionSet, threads, slots, context), model, LoadProgress.NONE);
  }

  /** A device whose weights stay in the mapped file. */
  static Device openMapped(
      ModelSpec model, String instructionSet, int threads, int slots, int context) {
    DeviceConfig c = config(instructionSet, threads, slots, context);
    return Devices.open(
        new DeviceConfig(
            c.backend(),
            instructionSet,
            threads,
            slots,
            context,
            c.kvBlocks(),
            c.blockTokens(),
            c.maxBatchTokens(),
            c.maxStepsInFlight(),
            c.kvType(),
            c.pinThreads(),
            "mapped"),
        model,
        LoadProgress.NONE);
  }

  static SlotSpec greedy(int[] prompt, int logprobs) {
    return new SlotSpec(prompt, prompt.length, Sampling.GREEDY, 1, logprobs, false);
  }

  /** The whole block table of a slot for so many tokens, from its own run of blocks. */
  static int[] blocks(Device device, int slot, int tokens) {
    int perSlot = (device.info().config().maxContext() + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
    int count = (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
    return IntStream.range(slot * perSlot, slot * perSlot + count).toArray();
  }

  /** The chunk that follows `done` tokens and ends at `end`, with the blocks it needs. */
  static Chunk chunk(Device device, int slot, int done, int end, boolean sample) {
    int have = (done + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
    int[] all = blocks(device, slot, end);
    int[] fresh = java.util.Arrays.copyOfRange(all, have, all.length);
    return new Chunk(slot, done, end - done, sample, have, fresh);
  }

  static StepResult run(Device device, Chunk... chunks) {
    device.submit(new Step(7, List.of(chunks)));
    return device.await();
  }

  /** Opens slots 0..n-1, prefills each in one step and decodes all together. */
  static List<List<StepResult.Output>> generate(Device device, List<SlotSpec> specs, int tokens) {
    List<List<StepResult.Output>> outputs = new ArrayList<>();
    for (int s = 0; s < specs.size(); s++) {
      device.openSlot(s, specs.get(s));
      int length = specs.get(s).tokens().length;
      List<StepResult.Output> list = new ArrayList<>();
      list.add(run(device, chunk(device, s, 0, length, true)).outputs().get(0));
      outputs.add(list);
    }
    for (int i = 1; i < tokens; i++) {
      Chunk[] chunks = new Chunk[specs.size()];
      for (int s = 0; s < chunks.length; s++) {
        int done = specs.get(s).tokens().length + i - 1;
        chunks[s] = chunk(device, s, done, done + 1, true);
      }
      StepResult result = run(device, chunks);
      for (int s = 0; s < chunks.length; s++) {
        outputs.get(s).add(result.outputs().get(s));
      }
    }
    for (int s = 0; s < specs.size(); s++) {
      device.freeSlot(s);
    }
    return outputs;
  }

  static int[] tokens(List<StepResult.Output> outputs) {
    return outputs.stream().mapToInt(StepResult.Output::token).toArray();
  }
}
