package dev.cairn.device;

/**
 * How a device is opened. Every bound is checked when it opens.
 *
 * @param backend {@code auto} or a back end's name: {@code cpu}, {@code hip}, {@code cuda}; of a
 *     GPU with its number where there are several, {@code hip:1}
 * @param instructionSet {@code auto}, {@code scalar}, {@code avx2}, {@code avx512}, {@code amx};
 *     for tests and diagnosis: results are the same bits
 * @param threads compute threads, at least 1
 * @param maxSlots number of slots
 * @param maxContext longest sequence of a slot, prompt and generated, in tokens
 * @param kvBlocks blocks of the KV store
 * @param blockTokens tokens of a block, a multiple of {@link #BLOCK_TOKENS_UNIT}
 * @param maxBatchTokens most tokens that one step processes
 * @param maxStepsInFlight most steps submitted and not awaited
 * @param kvType what keys and values are kept in: {@code F16}, {@code F32} or {@code Q8_0}; results
 *     of different types are of different numerics versions
 * @param pinThreads whether each compute thread stays on one processor
 * @param weights {@code packed}: into memory of this process when the model loads; {@code mapped}:
 *     they stay in the file, which processes share, and are packed as each step needs them. Results
 *     are the same bits
 * @param gpu what a GPU's back end takes beside
 */
public record DeviceConfig(
    String backend,
    String instructionSet,
    int threads,
    int maxSlots,
    int maxContext,
    int kvBlocks,
    int blockTokens,
    int maxBatchTokens,
    int maxStepsInFlight,
    String kvType,
    boolean pinThreads,
    String weights,
    GpuSettings gpu) {
  /**
   * Attention walks the KV store in tiles of this many tokens; a block is a whole number of them.
   */
  public static final int BLOCK_TOKENS_UNIT = 32;

  /** What keys and values are kept in where nothing else is asked for. */
  public static final String DEFAULT_KV_TYPE = "F16";

  /** Where weights are kept where nothing else is asked for. */
  public static final String DEFAULT_WEIGHTS = "packed";

  /** The same on another device. */
  public DeviceConfig withBackend(String other) {
    return new DeviceConfig(
        other,
        instructionSet,
        threads,
        maxSlots,
        maxContext,
        kvBlocks,
        blockTokens,
        maxBatchTokens,
        maxStepsInFlight,
        kvType,
        pinThreads,
        weights,
        gpu);
  }

  /**
   * Keys and values of {@link #DEFAULT_KV_TYPE}, threads wherever the system puts them, packed
   * weights.
   */
  public DeviceConfig(
      String backend,
      String instructionSet,
      int threads,
      int maxSlots,
      int maxContext,
      int kvBlocks,
      int blockTokens,
      int maxBatchTokens,
      int maxStepsInFlight) {
    this(
        backend,
        instructionSet,
        threads,
        maxSlots,
        maxContext,
        kvBlocks,
        blockTokens,
        maxBatchTokens,
        maxStepsInFlight,
        DEFAULT_KV_TYPE,
        false,
        DEFAULT_WEIGHTS);
  }

  /** Default settings of a GPU. */
  public DeviceConfig(
      String backend,
      String instructionSet,
      int threads,
      int maxSlots,
      int maxContext,
      int kvBlocks,
      int blockTokens,
      int maxBatchTokens,
      int maxStepsInFlight,
      String kvType,
      boolean pinThreads,
      String weights) {
    this(
        backend,
        instructionSet,
        threads,
        maxSlots,
        maxContext,
        kvBlocks,
        blockTokens,
        maxBatchTokens,
        maxStepsInFlight,
        kvType,
        pinThreads,
        weights,
        GpuSettings.DEFAULT);
  }
}
