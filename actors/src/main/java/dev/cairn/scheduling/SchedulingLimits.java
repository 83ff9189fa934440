package dev.cairn.scheduling;

/**
 * Bounds of one device's scheduler.
 *
 * @param maxSlots sequences on the device at once, preempted ones included
 * @param maxBatchTokens tokens of one step, prefill and decode together
 * @param kvBlocks blocks of the KV store
 * @param blockTokens tokens of a block
 * @param maxContext longest sequence, prompt and output, in tokens
 * @param maxStepsInFlight steps submitted and not completed
 * @param maxHandOvers hand-overs a step, first tokens and ends not counted
 * @param minWindow uncommitted tokens that a sequence may always have
 * @param maxWindow uncommitted tokens that a sequence may have at most
 * @param prefixCache whether sequences share the blocks of equal prefixes
 */
public record SchedulingLimits(
    int maxSlots,
    int maxBatchTokens,
    int kvBlocks,
    int blockTokens,
    int maxContext,
    int maxStepsInFlight,
    int maxHandOvers,
    int minWindow,
    int maxWindow,
    boolean prefixCache) {
  public SchedulingLimits {
    atLeast("max-slots", maxSlots, 1);
    atLeast("block-tokens", blockTokens, 1);
    atLeast("max-context", maxContext, 1);
    atLeast("max-steps-in-flight", maxStepsInFlight, 1);
    atLeast("max-hand-overs", maxHandOvers, 1);
    atLeast("min-window", minWindow, 1);
    atLeast("max-window", maxWindow, minWindow);
    // A step always has room for a decode row of every slot, so decode never waits for decode.
    atLeast("max-batch-tokens", maxBatchTokens, maxSlots);
    // One sequence of full length fits alone, so the first in order can always go on.
    atLeast("kv-blocks", kvBlocks, blocksFor(maxContext, blockTokens));
  }

  /** Blocks that hold this many tokens. */
  public int blocksFor(int tokens) {
    return blocksFor(tokens, blockTokens);
  }

  private static int blocksFor(int tokens, int blockTokens) {
    return (tokens + blockTokens - 1) / blockTokens;
  }

  private static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " is " + value + ", expected at least " + least);
    }
  }
}
