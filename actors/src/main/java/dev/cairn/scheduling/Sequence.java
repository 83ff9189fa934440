package dev.cairn.scheduling;

import dev.cairn.device.SlotSpec;
import dev.cairn.model.TokenLogprobs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One request on the device.
 *
 * <p>Positions count from the first prompt token. {@code length} is the number of tokens that the
 * slot knows, those that steps in flight will draw included; {@code computed} the number of
 * positions whose keys and values are in the KV store or will be after the steps in flight. What
 * lies between is to be processed: one token is a decode row, more is a prefill.
 *
 * <p>Indices count from the first generated token: {@code committed} ≤ {@code handedOver} ≤ {@code
 * received} ≤ length - promptLength. Tokens from handedOver to received are the tail.
 */
final class Sequence {
  /** Where a sequence stands. */
  enum State {
    /** In the queue: new, or preempted. */
    WAITING,
    /** In steps. */
    RUNNING,
    /** Gives its blocks back when the steps in flight have ended, then waits again. */
    YIELDING,
    /** Generates no more; its last tokens are not committed yet. */
    ENDED,
    /** Nobody waits for it any more. */
    ABANDONED
  }

  /** Where a sequence stands in the queue of hand-overs. */
  enum Queued {
    NO,
    OTHERS,
    URGENT
  }

  final String requestId;
  final int epoch;
  final int promptLength;

  /** Index of the first token that this epoch generates. */
  final int firstIndex;

  final int maxLength;
  final boolean ignoreEos;

  /** Changes while the sequence stands in no order alone: see {@link StepPlanner#rekey}. */
  QueueKey key;

  State state = State.WAITING;

  /** What the slot is opened with; null once the device holds it. */
  SlotSpec unopened;

  int slot = -1;
  int length;
  int computed;
  int stepsInFlight;
  int received;
  int handedOver;
  int committed;
  long handedOverAtNanos;

  /**
   * Tokens that were handed over and are not committed, to be repeated to another owner; or null.
   */
  Handover commitInFlight;

  Queued queuedAs = Queued.NO;
  Optional<Handover.End> end = Optional.empty();

  /** Names of the full blocks; empty where blocks are not shared. */
  private final Optional<PrefixChain> prefix;

  /** Whether every prompt position has to be computed, for its log-probabilities. */
  private final boolean scoresPrompt;

  private int published;
  private int[] blocks = new int[4];
  private int blockCount;
  private int blocksOnDevice;
  private int[] tail = new int[4];
  private List<TokenLogprobs> tailLogprobs = new ArrayList<>();
  private List<TokenLogprobs> promptLogprobs = new ArrayList<>();
  private boolean promptLogprobsHandedOver;
  private boolean endHandedOver;

  Sequence(Admission admission, QueueKey key, SchedulingLimits limits) {
    this.requestId = admission.requestId();
    this.epoch = admission.epoch();
    this.key = key;
    this.promptLength = admission.promptLength();
    this.length = admission.tokens().length;
    this.maxLength = Math.min(limits.maxContext(), promptLength + admission.maxTokens());
    this.ignoreEos = admission.ignoreEos();
    this.received = length - promptLength;
    this.firstIndex = received;
    this.handedOver = received;
    this.committed = received;
    this.scoresPrompt = admission.promptLogprobs();
    this.prefix =
        limits.prefixCache()
            ? Optional.of(
                new PrefixChain(admission.salt(), limits.blockTokens(), admission.tokens()))
            : Optional.empty();
    this.unopened =
        new SlotSpec(
            admission.tokens(),
            promptLength,
            admission.sampling(),
            admission.seed(),
            admission.logprobs(),
            admission.promptLogprobs());
  }

  /** Tokens to process before the next one can be drawn. */
  int pending() {
    return length - computed;
  }

  /** Tokens to process and to generate at most. */
  long outstanding() {
    boolean over = state == State.ENDED || state == State.ABANDONED;
    return over ? 0 : pending() + (long) maxLength - length;
  }

  /** Whether the output may grow. */
  boolean wantsToken() {
    return length < maxLength;
  }

  /** Whether nothing is to be generated: only the prompt is scored. */
  boolean isPromptOnly() {
    return maxLength == promptLength;
  }

  /** Tokens drawn or to be drawn by steps in flight, and not committed. */
  int uncommitted() {
    return length - promptLength - committed;
  }

  int blockCount() {
    return blockCount;
  }

  void addBlock(int block) {
    if (blockCount == blocks.length) {
      blocks = Arrays.copyOf(blocks, blockCount * 2);
    }
    blocks[blockCount++] = block;
  }

  int blocksOnDevice() {
    return blocksOnDevice;
  }

  /** Blocks that the device's table lacks to cover a number of blocks. */
  int[] blocksUpTo(int count) {
    int[] added = Arrays.copyOfRange(blocks, blocksOnDevice, Math.max(count, blocksOnDevice));
    blocksOnDevice = Math.max(count, blocksOnDevice);
    return added;
  }

  /** Gives every block back, the last first so that the cache gives up ends before beginnings. */
  void giveBlocks(BlockPool pool) {
    while (blockCount > 0) {
      pool.give(blocks[--blockCount]);
    }
    blocksOnDevice = 0;
    computed = 0;
    published = 0;
  }

  int block(int index) {
    return blocks[index];
  }

  /**
   * Blocks at the beginning that are in the pool already and can be shared. The last token known is
   * computed always: what comes after it is drawn from it.
   */
  int sharable(BlockPool pool, int blockTokens) {
    if (prefix.isEmpty() || scoresPrompt) {
      return 0;
    }
    int most = Math.min(prefix.get().size(), (length - 1) / blockTokens);
    int count = 0;
    while (count < most && pool.find(prefix.get().get(count)).isPresent()) {
      count++;
    }
    return count;
  }

  /** The pool's block with the name of this sequence's block. */
  int sharedBlock(BlockPool pool, int index) {
    return pool.find(prefix.orElseThrow().get(index)).orElseThrow();
  }

  /** Takes shared blocks as its own first ones. */
  void shareBlocks(BlockPool pool, int count, int blockTokens) {
    for (int i = 0; i < count; i++) {
      int block = sharedBlock(pool, i);
      pool.share(block);
      addBlock(block);
    }
    computed = count * blockTokens;
    published = count;
  }

  /** Lets others share the blocks that completed steps have filled. */
  void publishBlocks(BlockPool pool, int fullBlocks) {
    prefix.ifPresent(
        chain -> {
          for (; published < fullBlocks; published++) {
            pool.publish(blocks[published], chain.get(published));
          }
        });
  }

  void appendToTail(int token, TokenLogprobs logprobs) {
    int size = tailSize();
    if (size == tail.length) {
      tail = Arrays.copyOf(tail, size * 2);
    }
    tail[size] = token;
    prefix.ifPresent(chain -> chain.add(token));
    if (logprobs != null) {
      tailLogprobs.add(logprobs);
    }
    received++;
  }

  /**
   * Log-probabilities of the prompt, in order; recomputed ones that are here already are not kept.
   */
  void appendPromptLogprobs(int start, List<TokenLogprobs> more) {
    for (int i = 0; i < more.size(); i++) {
      if (!promptLogprobsHandedOver && start + i == promptLogprobs.size()) {
        promptLogprobs.add(more.get(i));
      }
    }
  }

  int tailSize() {
    return received - handedOver;
  }

  boolean isFirstHandOver() {
    return handedOver == firstIndex;
  }

  boolean hasSomethingToHandOver() {
    return commitInFlight == null && (tailSize() > 0 || (end.isPresent() && !endHandedOver));
  }

  /** Whether all that there will ever be was handed over. */
  boolean isHandedOver() {
    return endHandedOver;
  }

  /** Moves the tail out. */
  Handover handOver(long nowNanos) {
    int[] tokens = Arrays.copyOf(tail, tailSize());
    Handover handover =
        new Handover(requestId, epoch, handedOver, tokens, tailLogprobs, promptLogprobs, end);
    handedOver = received;
    commitInFlight = handover;
    handedOverAtNanos = nowNanos;
    tail = new int[4];
    tailLogprobs = new ArrayList<>();
    promptLogprobs = List.of();
    promptLogprobsHandedOver = true;
    endHandedOver = end.isPresent();
    return handover;
  }

  void dropTail() {
    received = handedOver;
    commitInFlight = null;
    tailLogprobs = new ArrayList<>();
    promptLogprobs = List.of();
    promptLogprobsHandedOver = true;
  }
}
