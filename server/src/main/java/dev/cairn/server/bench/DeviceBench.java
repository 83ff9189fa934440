package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.device.Chunk;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.Devices;
import dev.cairn.device.GpuSettings;
import dev.cairn.device.LoadProgress;
import dev.cairn.device.SlotSpec;
import dev.cairn.device.Step;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import dev.cairn.server.http.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Measures a device alone: prefill, then decoding with two steps in flight, by batch size. */
public final class DeviceBench {
  private static final int BLOCK_TOKENS = DeviceConfig.BLOCK_TOKENS_UNIT;
  private static final int MAX_BATCH_TOKENS = 256;
  private static final int STEPS_IN_FLIGHT = 2;
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double BYTES_PER_GB = 1e9;

  private final Settings settings;
  private final ModelSpec model;
  private final double bandwidth;
  private long steps;

  /**
   * What to measure.
   *
   * @param kvType what keys and values are kept in
   * @param weights packed or mapped
   * @param gpu what a GPU's back end takes beside
   * @param prefill prompt tokens of each sequence
   * @param decode tokens that each sequence generates after the first
   * @param repeat measurements, of which the best counts
   */
  public record Settings(
      String backend,
      String instructionSet,
      int threads,
      String kvType,
      boolean pinThreads,
      String weights,
      GpuSettings gpu,
      int prefill,
      int decode,
      int repeat) {}

  /**
   * @param bandwidth bytes a second of a streaming read with as many threads
   */
  public DeviceBench(Settings settings, ModelSpec model, double bandwidth) {
    this.settings = settings;
    this.model = model;
    this.bandwidth = bandwidth;
  }

  /** Opens a device for so many sequences, measures and closes it. */
  public ObjectNode run(int batch, LoadProgress progress) {
    int context = settings.prefill + settings.decode + 1;
    if (context > model.contextLength()) {
      throw new IllegalArgumentException(
          "--prefill and --decode need a context of "
              + context
              + " tokens; expected at most "
              + model.contextLength()
              + ".");
    }
    DeviceConfig config =
        new DeviceConfig(
            settings.backend,
            settings.instructionSet,
            settings.threads,
            batch,
            context,
            batch * blocksFor(context),
            BLOCK_TOKENS,
            Math.max(MAX_BATCH_TOKENS, batch),
            STEPS_IN_FLIGHT,
            settings.kvType,
            settings.pinThreads,
            settings.weights,
            settings.gpu);
    try (Device device = Devices.open(config, model, progress)) {
      warmUp(device, batch);
      double prefillSeconds = Double.MAX_VALUE;
      double decodeSeconds = Double.MAX_VALUE;
      for (int i = 0; i < settings.repeat; i++) {
        prefillSeconds = Math.min(prefillSeconds, open(device, batch));
        decodeSeconds = Math.min(decodeSeconds, decode(device, batch));
        free(device, batch);
      }
      ObjectNode out = Json.object();
      out.put("batch", batch);
      out.put("prefill", settings.prefill);
      out.put("decode", settings.decode);
      out.put("threads", settings.threads);
      out.put("repeat", settings.repeat);
      out.put("decode_tok_s", Percentiles.round(batch * settings.decode / decodeSeconds));
      out.put("prefill_tok_s", Percentiles.round(batch * settings.prefill / prefillSeconds));
      double read = bytesReadAStep(device) * (settings.decode / decodeSeconds);
      out.put("read_gb_s", Percentiles.round(read / BYTES_PER_GB));
      out.put("bandwidth_gb_s", Percentiles.round(bandwidth / BYTES_PER_GB));
      out.put("share", Percentiles.round(read / bandwidth));
      out.put("kv_type", settings.kvType);
      out.put("pin_threads", settings.pinThreads);
      out.put("weights", settings.weights);
      out.put("step_ms", Percentiles.round(1000 * decodeSeconds / settings.decode));
      out.put("backend", device.info().backend());
      out.put("instruction_set", device.info().instructionSet());
      out.put("model", model.name());
      return out;
    }
  }

  /** Once unmeasured: caches and clock frequencies settle. */
  private void warmUp(Device device, int batch) {
    open(device, batch);
    decode(device, Math.min(batch, 1));
    free(device, batch);
  }

  /** All weights, but for an embedding of which a step reads single rows. */
  private long bytesReadAStep(Device device) {
    boolean tied = model.tensor("output.weight").isEmpty();
    return device.info().weightBytes()
        + device.info().mappedBytes()
        - (tied ? 0 : model.tensor("token_embd.weight").orElseThrow().bytes());
  }

  private static void free(Device device, int batch) {
    for (int slot = 0; slot < batch; slot++) {
      device.freeSlot(slot);
    }
  }

  /** Fills the slots with prompts, one chunk after the other; seconds. */
  private double open(Device device, int batch) {
    Random random = new Random(1);
    for (int slot = 0; slot < batch; slot++) {
      int[] prompt = random.ints(settings.prefill, 0, model.vocabularySize()).toArray();
      device.openSlot(slot, new SlotSpec(prompt, prompt.length, Sampling.GREEDY, 1, -1, false));
    }
    long begin = System.nanoTime();
    int inFlight = 0;
    for (int slot = 0; slot < batch; slot++) {
      for (int start = 0; start < settings.prefill; start += MAX_BATCH_TOKENS) {
        int count = Math.min(MAX_BATCH_TOKENS, settings.prefill - start);
        boolean last = start + count == settings.prefill;
        inFlight = submit(device, inFlight, List.of(chunk(slot, start, count, last)));
      }
    }
    drain(device, inFlight);
    return (System.nanoTime() - begin) / NANOS_PER_SECOND;
  }

  private double decode(Device device, int batch) {
    long begin = System.nanoTime();
    int inFlight = 0;
    for (int i = 0; i < settings.decode; i++) {
      List<Chunk> rows = new ArrayList<>(batch);
      for (int slot = 0; slot < batch; slot++) {
        rows.add(chunk(slot, settings.prefill + i, 1, true));
      }
      inFlight = submit(device, inFlight, rows);
    }
    drain(device, inFlight);
    return (System.nanoTime() - begin) / NANOS_PER_SECOND;
  }

  private int submit(Device device, int inFlight, List<Chunk> chunks) {
    if (inFlight == STEPS_IN_FLIGHT) {
      device.await();
      inFlight--;
    }
    device.submit(new Step(steps++, chunks));
    return inFlight + 1;
  }

  private static void drain(Device device, int inFlight) {
    for (int i = 0; i < inFlight; i++) {
      device.await();
    }
  }

  /** A chunk with the blocks that the slot's table lacks for it. */
  private Chunk chunk(int slot, int start, int count, boolean sample) {
    int perSlot = blocksFor(settings.prefill + settings.decode + 1);
    int have = blocksFor(start);
    int[] blocks =
        IntStream.range(have, blocksFor(start + count)).map(i -> slot * perSlot + i).toArray();
    return new Chunk(slot, start, count, sample, have, blocks);
  }

  private static int blocksFor(int tokens) {
    return (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
  }
}
