package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The CPU back end.
 *
 * <p>{@code calls} guards every native call but {@link #await()}, which has {@code awaiting} so
 * that it can block while steps are submitted. Closing takes {@code calls}, ends the native
 * threads, which wakes {@code await}, and frees the engine once {@code awaiting} is free too.
 */
final class CpuDevice implements Device {
  static final String NAME = "cpu";

  private static final Logger LOG = LoggerFactory.getLogger(CpuDevice.class);
  private static final int MIB_SHIFT = 20;

  private final Object calls = new Object();
  private final Object awaiting = new Object();
  private final ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
  private final ByteBuffer step;
  private final ByteBuffer result;
  private final DeviceInfo info;
  private final long handle;
  private volatile boolean closed;

  CpuDevice(DeviceConfig config, ModelSpec model, LoadProgress progress) {
    TensorTable table = new TensorTable(model, config.maxContext());
    String[] probe = probe(config.instructionSet());
    KvType kvType = KvType.of(config.kvType());
    int[] numbers = {
      config.threads(),
      config.maxSlots(),
      config.maxContext(),
      config.kvBlocks(),
      config.blockTokens(),
      config.maxBatchTokens(),
      config.maxStepsInFlight(),
      kvType.ordinal(),
      config.pinThreads() ? 1 : 0,
      WeightStore.of(config.weights()).ordinal()
    };
    int status =
        CpuBinding.open(
            answer,
            table.path(),
            table.dimensions(),
            table.numbers(),
            table.file(),
            numbers,
            config.instructionSet().getBytes(StandardCharsets.UTF_8),
            Objects.requireNonNull(progress));
    NativeAnswer.check(status, answer);
    handle = answer.getLong(0);
    long mapped = answer.getLong(5 * Long.BYTES);
    LOG.info(
        "model {} on {}: weights {} MiB {}, KV store {} MiB, scratch {} MiB, {} threads{}",
        model.name(),
        probe[0],
        answer.getLong(Long.BYTES) >> MIB_SHIFT,
        mapped == 0 ? "packed" : "beside " + (mapped >> MIB_SHIFT) + " MiB mapped and shared",
        answer.getLong(2 * Long.BYTES) >> MIB_SHIFT,
        answer.getLong(3 * Long.BYTES) >> MIB_SHIFT,
        config.threads(),
        config.pinThreads() ? ", " + answer.getLong(4 * Long.BYTES) + " pinned" : "");
    try {
      step = NativeAnswer.allocate(StepCodec.stepBytes(config, model.vocabularySize()));
      result = NativeAnswer.allocate(StepCodec.resultBytes(config));
    } catch (DeviceException | OutOfMemoryError e) {
      CpuBinding.destroy(handle);
      throw e;
    }
    DeviceConfig resolved =
        new DeviceConfig(
            NAME,
            probe[0],
            config.threads(),
            config.maxSlots(),
            config.maxContext(),
            config.kvBlocks(),
            config.blockTokens(),
            config.maxBatchTokens(),
            config.maxStepsInFlight(),
            config.kvType(),
            config.pinThreads(),
            config.weights());
    info =
        new DeviceInfo(
            NAME,
            probe[0],
            kvType.numericsVersion(probe[1] + table.variant()),
            answer.getLong(Long.BYTES),
            mapped,
            answer.getLong(2 * Long.BYTES),
            resolved,
            true);
  }

  /**
   * Instruction set chosen, numerics version, processor features, and why a faster set that the
   * processor has is not used, or an empty text.
   */
  static String[] probe(String instructionSet) {
    ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
    int status = CpuBinding.probe(answer, instructionSet.getBytes(StandardCharsets.UTF_8));
    NativeAnswer.check(status, answer);
    return NativeAnswer.message(answer).split("\n", 4);
  }

  static long readRate(int threads) {
    ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
    NativeAnswer.check(CpuBinding.readRate(answer, threads), answer);
    return answer.getLong(0);
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public void openSlot(int slot, SlotSpec spec) {
    Sampling s = spec.sampling();
    int[] tokens = Objects.requireNonNull(spec.tokens());
    int[] numbers = {spec.promptLength(), spec.logprobs(), spec.promptLogprobs() ? 1 : 0, s.topK()};
    float[] sampling = {
      s.temperature(),
      s.topP(),
      s.minP(),
      s.repetitionPenalty(),
      s.presencePenalty(),
      s.frequencyPenalty()
    };
    int[] biasTokens = s.logitBias().keySet().stream().mapToInt(t -> t).sorted().toArray();
    float[] biases = new float[biasTokens.length];
    for (int i = 0; i < biases.length; i++) {
      biases[i] = s.logitBias().get(biasTokens[i]);
    }
    synchronized (calls) {
      checkOpen();
      NativeAnswer.check(
          CpuBinding.openSlot(
              handle, answer, slot, tokens, numbers, sampling, spec.seed(), biasTokens, biases),
          answer);
    }
  }

  @Override
  public void freeSlot(int slot) {
    synchronized (calls) {
      checkOpen();
      NativeAnswer.check(CpuBinding.freeSlot(handle, answer, slot), answer);
    }
  }

  @Override
  public void submit(Step next) {
    synchronized (calls) {
      checkOpen();
      StepCodec.encode(next, step);
      NativeAnswer.check(CpuBinding.submit(handle, answer, step), answer);
    }
  }

  @Override
  public StepResult await() {
    synchronized (awaiting) {
      checkOpen();
      NativeAnswer.check(CpuBinding.await(handle, result), result);
      return StepCodec.decode(result);
    }
  }

  @Override
  public DeviceStats stats() {
    synchronized (calls) {
      checkOpen();
      NativeAnswer.check(CpuBinding.stats(handle, answer), answer);
      return new DeviceStats(
          (int) answer.getLong(0),
          answer.getLong(Long.BYTES),
          answer.getLong(2 * Long.BYTES),
          answer.getLong(3 * Long.BYTES),
          answer.getLong(4 * Long.BYTES));
    }
  }

  @Override
  public void close() {
    synchronized (calls) {
      if (closed) {
        return;
      }
      closed = true;
      NativeAnswer.check(CpuBinding.shutDown(handle, answer), answer);
      synchronized (awaiting) {
        CpuBinding.destroy(handle);
      }
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new DeviceException(DeviceException.Kind.CLOSED, "the device is closed");
    }
  }
}
