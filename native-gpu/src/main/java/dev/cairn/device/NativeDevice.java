package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.Sampling;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device behind a native library.
 *
 * <p>{@code calls} guards every native call but {@link #await()}, which has {@code awaiting} so
 * that it can block while steps are submitted. Closing takes {@code calls}, ends the native
 * threads, which wakes {@code await}, and frees the engine once {@code awaiting} is free too.
 */
final class NativeDevice implements Device {
  private static final Logger LOG = LoggerFactory.getLogger(NativeDevice.class);
  private static final int MIB_SHIFT = 20;

  private final Binding binding;
  private final Object calls = new Object();
  private final Object awaiting = new Object();
  private final ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
  private final ByteBuffer step;
  private final ByteBuffer result;
  private final DeviceInfo info;
  private final long handle;
  private volatile boolean closed;

  /**
   * Loads a model.
   *
   * @param ordinal number of the back end's device
   */
  NativeDevice(
      Backend backend, int ordinal, DeviceConfig config, ModelSpec model, LoadProgress progress) {
    binding = backend.binding();
    TensorTable table = new TensorTable(model, config.maxContext());
    String[] probe = probe(binding, config.instructionSet());
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
      WeightStore.of(config.weights()).ordinal(),
      ordinal,
      config.gpu().memoryShareThousandths(),
      config.gpu().stepTimeoutMillis(),
      config.gpu().graphs()
    };
    int status =
        binding.open(
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
      result = NativeAnswer.allocate(StepCodec.resultBytes(config, model.embeddingLength()));
    } catch (DeviceException | OutOfMemoryError e) {
      binding.destroy(handle);
      throw e;
    }
    DeviceConfig resolved =
        new DeviceConfig(
            backend.name(ordinal),
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
            config.weights(),
            config.gpu());
    info =
        new DeviceInfo(
            backend.name(ordinal),
            probe[0],
            kvType.numericsVersion(probe[1] + table.variant()),
            answer.getLong(Long.BYTES),
            mapped,
            answer.getLong(2 * Long.BYTES),
            resolved,
            answer.getLong(6 * Long.BYTES) != 0);
  }

  /**
   * Instruction set chosen, numerics version, processor features, and why a faster set that the
   * processor has is not used, or an empty text.
   */
  static String[] probe(Binding binding, String instructionSet) {
    ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
    int status = binding.probe(answer, instructionSet.getBytes(StandardCharsets.UTF_8));
    NativeAnswer.check(status, answer);
    return NativeAnswer.message(answer).split("\n", 4);
  }

  static long readRate(Binding binding, int threads) {
    ByteBuffer answer = NativeAnswer.allocate(NativeAnswer.BYTES);
    NativeAnswer.check(binding.readRate(answer, threads), answer);
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
    int[] numbers = {
      spec.promptLength(),
      spec.logprobs(),
      spec.promptLogprobs() ? 1 : 0,
      s.topK(),
      spec.pooling().ordinal()
    };
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
          binding.openSlot(
              handle, answer, slot, tokens, numbers, sampling, spec.seed(), biasTokens, biases),
          answer);
    }
  }

  @Override
  public void freeSlot(int slot) {
    synchronized (calls) {
      checkOpen();
      NativeAnswer.check(binding.freeSlot(handle, answer, slot), answer);
    }
  }

  @Override
  public void submit(Step next) {
    synchronized (calls) {
      checkOpen();
      StepCodec.encode(next, step);
      NativeAnswer.check(binding.submit(handle, answer, step), answer);
    }
  }

  @Override
  public StepResult await() {
    synchronized (awaiting) {
      checkOpen();
      NativeAnswer.check(binding.await(handle, result), result);
      return StepCodec.decode(result);
    }
  }

  @Override
  public DeviceStats stats() {
    synchronized (calls) {
      checkOpen();
      NativeAnswer.check(binding.stats(handle, answer), answer);
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
      NativeAnswer.check(binding.shutDown(handle, answer), answer);
      synchronized (awaiting) {
        binding.destroy(handle);
      }
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new DeviceException(DeviceException.Kind.CLOSED, "the device is closed");
    }
  }
}
