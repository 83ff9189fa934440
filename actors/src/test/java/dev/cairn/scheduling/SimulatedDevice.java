package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.DeviceInfo;
import dev.cairn.device.DeviceStats;
import dev.cairn.device.SlotSpec;
import dev.cairn.device.Step;
import dev.cairn.device.StepResult;
import dev.cairn.model.Pooling;
import dev.cairn.model.TokenLogprobs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/**
 * A device whose "model" is a hash: the next token depends on every token before it, read through
 * the KV blocks of the slot as attention would. A block that two sequences share, that was given
 * back too early or never filled changes the output or breaks an assertion.
 */
public final class SimulatedDevice implements Device {
  public static final int VOCABULARY = 1000;
  public static final int END = 0;

  /** With a negative seed only tokens from 1 to this are drawn, so that some can be guessed. */
  public static final int WORDS = 3;

  /** Numbers of what is pooled. */
  public static final int WIDTH = 8;

  /** A prompt that holds this token makes the model compute values that are not finite. */
  public static final int POISON = 999;

  private final DeviceConfig config;
  private final int endEvery;
  private final long[] kv;
  private final Slot[] slots;
  private final BlockingQueue<Step> submitted = new LinkedBlockingQueue<>();
  private final Semaphore mayRun;
  private volatile boolean closed;
  private volatile boolean lost;
  private long stepsRun;
  private long tokensProcessed;

  private static final class Slot {
    final int[] tokens;
    final SlotSpec spec;
    int length;
    int computed;
    boolean failed;
    float[] pooled = new float[WIDTH];
    final List<Integer> blocks = new ArrayList<>();

    Slot(SlotSpec spec, int context) {
      this.spec = spec;
      this.tokens = Arrays.copyOf(spec.tokens(), context + 1);
      this.length = spec.tokens().length;
    }
  }

  /**
   * @param endEvery about one token in so many ends the sequence; 0: none
   * @param paused whether steps wait for {@link #allow(int)}
   */
  public SimulatedDevice(DeviceConfig config, int endEvery, boolean paused) {
    this.config = config;
    this.endEvery = endEvery;
    this.kv = new long[config.kvBlocks() * config.blockTokens()];
    this.slots = new Slot[config.maxSlots()];
    this.mayRun = new Semaphore(paused ? 0 : Integer.MAX_VALUE / 2);
  }

  /** The output of a request that runs alone and undisturbed. */
  public static int[] expected(SlotSpec spec, int maxTokens, boolean ignoreEos, int endEvery) {
    int[] tokens = Arrays.copyOf(spec.tokens(), spec.promptLength() + maxTokens);
    for (int at = spec.tokens().length; at < tokens.length; at++) {
      long state = 0;
      for (int i = 0; i < at; i++) {
        state = mix(state, tokens[i]);
      }
      tokens[at] = draw(state, spec.seed(), endEvery);
      if (tokens[at] == END && !ignoreEos) {
        return Arrays.copyOfRange(tokens, spec.promptLength(), at + 1);
      }
    }
    return Arrays.copyOfRange(tokens, spec.promptLength(), tokens.length);
  }

  /** What a prompt pools that is alone and undisturbed. */
  public static float[] expectedPooled(int[] tokens, Pooling pooling) {
    float[] pooled = new float[WIDTH];
    long state = 0;
    for (int token : tokens) {
      state = mix(state, token);
      pool(pooled, state, pooling);
    }
    return pooled;
  }

  /** Each state is some small whole numbers, whose sums are exact. */
  private static void pool(float[] pooled, long state, Pooling pooling) {
    for (int i = 0; i < WIDTH; i++) {
      float value = (state >>> (8 * i) & 0xff) - 100;
      pooled[i] = pooling == Pooling.MEAN ? pooled[i] + value : value;
    }
  }

  private static long mix(long state, int token) {
    long z = (state ^ token) * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L;
    z = (z ^ (z >>> 29)) * 0xBF58476D1CE4E5B9L;
    return z ^ (z >>> 32);
  }

  private static int draw(long state, long seed, int endEvery) {
    long z = mix(state, (int) (seed ^ (seed >>> 32)));
    if (endEvery > 0 && Math.floorMod(z, endEvery) == 0) {
      return END;
    }
    return 1 + Math.floorMod(z >>> 8, seed < 0 ? WORDS : VOCABULARY - 2);
  }

  /** Lets paused steps run. */
  public void allow(int steps) {
    mayRun.release(steps);
  }

  /** The device is gone: whatever is asked of it fails. */
  public void lose() {
    lost = true;
    submitted.add(new Step(-1, List.of()));
    mayRun.release(1000);
  }

  /** Runs a plan as the device's actor would, at once. */
  public StepResult run(StepPlan plan) {
    plan.frees().forEach(this::freeSlot);
    plan.opens().forEach(open -> openSlot(open.slot(), open.spec()));
    return run(plan.step());
  }

  @Override
  public DeviceInfo info() {
    String name = config.backend().startsWith("simulated:") ? config.backend() : "simulated";
    return new DeviceInfo(name, "none", "sim-1", 1000, 0, kv.length * 8L, config, true);
  }

  @Override
  public synchronized void openSlot(int slot, SlotSpec spec) {
    check(slots[slot] == null, "slot " + slot + " is open");
    slots[slot] = new Slot(spec, config.maxContext());
  }

  @Override
  public synchronized void freeSlot(int slot) {
    slots[slot] = null;
  }

  @Override
  public void submit(Step step) {
    if (lost) {
      throw new DeviceException(DeviceException.Kind.LOST, "the simulated device is lost");
    }
    check(submitted.size() < config.maxStepsInFlight(), "too many steps in flight");
    submitted.add(step);
  }

  @Override
  public StepResult await() {
    try {
      Step step = submitted.take();
      mayRun.acquire();
      if (closed) {
        throw new DeviceException(DeviceException.Kind.CLOSED, "closed");
      }
      if (lost) {
        throw new DeviceException(DeviceException.Kind.LOST, "the simulated device is lost");
      }
      return run(step);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private synchronized StepResult run(Step step) {
    long start = System.nanoTime();
    int tokens = step.chunks().stream().mapToInt(Chunk::rows).sum();
    check(tokens <= config.maxBatchTokens(), tokens + " tokens in a step");
    check(!step.chunks().isEmpty(), "an empty step");
    List<StepResult.Output> outputs = step.chunks().stream().map(this::run).toList();
    stepsRun++;
    tokensProcessed += tokens;
    return new StepResult(step.id(), outputs, start, System.nanoTime());
  }

  private StepResult.Output run(Chunk chunk) {
    Slot slot = slots[chunk.slot()];
    check(slot != null, "slot " + chunk.slot() + " is empty");
    if (chunk.firstBlock() == 0 && (chunk.start() == 0 || chunk.blocks().length > 0)) {
      slot.blocks.clear();
      slot.computed = chunk.start();
      slot.pooled = new float[WIDTH];
      check(chunk.start() % config.blockTokens() == 0, "a shared prefix ends inside a block");
      check(
          chunk.start() == 0 || slot.spec.pooling() != Pooling.MEAN, "a sum begins in the middle");
    }
    if (slot.failed) {
      return new StepResult.Output(StepResult.Status.NOT_FINITE, -1, null, List.of());
    }
    check(chunk.firstBlock() == slot.blocks.size(), "blocks are not appended");
    Arrays.stream(chunk.blocks()).forEach(slot.blocks::add);
    check(chunk.start() == slot.computed, "positions are not contiguous");
    int end = chunk.start() + chunk.count();
    check(end <= slot.length, "the slot does not know " + end + " tokens");
    int covered = slot.blocks.size() * config.blockTokens();
    check(covered >= end + chunk.draft().length, "blocks do not cover the chunk");
    checkHistory(slot, chunk.start());
    List<TokenLogprobs> prompt = new ArrayList<>();
    boolean finite = true;
    for (int at = chunk.start(); at < end; at++) {
      long before = at == 0 ? 0 : kv[cell(slot, at - 1)];
      kv[cell(slot, at)] = mix(before, slot.tokens[at]);
      pool(slot.pooled, kv[cell(slot, at)], slot.spec.pooling());
      finite &= slot.tokens[at] != POISON;
      if (slot.spec.promptLogprobs() && at + 1 < slot.spec.promptLength()) {
        prompt.add(logprobs(slot.tokens[at + 1]));
      }
    }
    slot.computed = end;
    if (!finite) {
      slot.failed = true;
      return new StepResult.Output(StepResult.Status.NOT_FINITE, -1, null, List.of());
    }
    if (!chunk.sample()) {
      boolean pools = slot.spec.pooling() != Pooling.NONE && end == slot.spec.promptLength();
      float[] pooled = pools ? slot.pooled.clone() : new float[0];
      return new StepResult.Output(StepResult.Status.OK, -1, null, prompt, List.of(), pooled);
    }
    check(slot.spec.pooling() == Pooling.NONE, "a token would be drawn of what is pooled");
    check(end == slot.length, "a token would be drawn in the middle");
    int token = drawNext(slot, chunk.allowed());
    return new StepResult.Output(
        StepResult.Status.OK, token, logprobs(slot, token), prompt, verify(slot, chunk, token));
  }

  /** Fills the blocks of a draft, and draws on as long as it holds. */
  private List<StepResult.Drawn> verify(Slot slot, Chunk chunk, int first) {
    List<StepResult.Drawn> drawn = new ArrayList<>();
    int end = chunk.start() + chunk.count();
    int token = first;
    boolean holds = true;
    for (int i = 0; i < chunk.draft().length; i++) {
      int guess = chunk.draft()[i];
      kv[cell(slot, end + i)] = mix(kv[cell(slot, end + i - 1)], guess);
      holds &= guess == token && guess != POISON;
      if (holds) {
        slot.computed = end + i + 1;
        token = drawNext(slot, Chunk.ALL);
        drawn.add(new StepResult.Drawn(token, logprobs(slot, token)));
      }
    }
    return drawn;
  }

  private int drawNext(Slot slot, long[] mask) {
    long state = kv[cell(slot, slot.computed - 1)];
    int token = draw(state, slot.spec.seed(), endEvery);
    if (mask.length > 0) {
      BitSet allowed = BitSet.valueOf(mask);
      check(!allowed.isEmpty(), "no token is allowed");
      token = allowed.stream().skip(token % allowed.cardinality()).findFirst().orElseThrow();
    }
    slot.tokens[slot.length++] = token;
    return token;
  }

  private static TokenLogprobs logprobs(Slot slot, int token) {
    return slot.spec.logprobs() < 0 ? null : logprobs(token);
  }

  /** What the slot's blocks hold before a position is what its own tokens make. */
  private void checkHistory(Slot slot, int end) {
    long state = 0;
    for (int at = 0; at < end; at++) {
      state = mix(state, slot.tokens[at]);
      check(kv[cell(slot, at)] == state, "position " + at + " is of another sequence");
    }
  }

  private static TokenLogprobs logprobs(int token) {
    return new TokenLogprobs(-token / 100f, new int[] {token}, new float[] {-token / 100f});
  }

  private int cell(Slot slot, int position) {
    return slot.blocks.get(position / config.blockTokens()) * config.blockTokens()
        + position % config.blockTokens();
  }

  @Override
  public synchronized DeviceStats stats() {
    int open = (int) Arrays.stream(slots).filter(s -> s != null).count();
    return new DeviceStats(open, stepsRun, tokensProcessed, 0, 0);
  }

  @Override
  public void close() {
    closed = true;
    submitted.add(new Step(-1, List.of()));
    mayRun.release(1000);
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new DeviceException(DeviceException.Kind.MISUSE, message);
    }
  }
}
