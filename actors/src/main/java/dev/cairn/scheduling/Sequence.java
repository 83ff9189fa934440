package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.SlotSpec;
import dev.cairn.model.Pooling;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.LookUp;
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
  final Standing standing;
  final Tenant tenant;
  final long submittedAtMillis;

  /** Urgency that was asked for. */
  Band band;

  /** Changes while the sequence stands in no order alone: see {@link Residency#replace}. */
  QueueKey key;

  final int promptLength;

  /** Index of the first token that this epoch generates. */
  final int firstIndex;

  final int maxLength;
  final boolean ignoreEos;

  State state = State.WAITING;

  /** What holds its output to a language; null where nothing does. */
  Guide guide;

  /** What the slot is opened with; null once the device holds it. */
  SlotSpec unopened;

  int slot = -1;
  int length;
  int computed;
  int stepsInFlight;

  /** Whether a step in flight has a draft: what comes after it is known when it has ended. */
  boolean drafted;

  int received;
  int handedOver;
  int committed;
  long handedOverAtNanos;

  /**
   * Tokens that were handed over and are not committed, to be repeated to another owner; or null.
   */
  Handover commitInFlight;

  Queued queuedAs = Queued.NO;

  /** What it is admitted with; null while its group gathers. */
  Ticket ticket;

  /** Those it falls with. */
  Optional<Groups.Group> group = Optional.empty();

  /** The member of its group whose prompt blocks it waits for, or null. */
  Sequence follows;

  /** Blocks of the pool that are set aside for it while it follows. */
  int reservedBlocks;

  /** Device time of its prefill that its tenant was charged in advance, nanoseconds. */
  double prepaidNanos;

  Optional<Handover.End> end = Optional.empty();

  /** How long it waited and computed its prompt, until that is handed over. */
  final SequenceClock clock;

  /** Guesses how it goes on; null where it is not to be drafted. */
  final PromptLookUp lookUp;

  /** Salt of the names of its blocks; null where blocks are not shared. */
  private final String salt;

  /** Names of the full blocks; null before they were asked for. */
  private PrefixChain prefix;

  /** Whether every prompt position has to be computed: for its log-probabilities, or its mean. */
  private final boolean needsWholePrompt;

  private final Pooling pooling;

  /** What the device pooled of the prompt; empty before its end. */
  private float[] pooled = {};

  private final int blockTokens;
  private int followedBlocks;
  private int published;
  private int[] blocks = new int[4];
  private int blockCount;
  private int blocksOnDevice;
  private int[] tail = new int[4];
  private List<TokenLogprobs> tailLogprobs = new ArrayList<>();
  private List<TokenLogprobs> promptLogprobs = new ArrayList<>();
  private boolean promptLogprobsHandedOver;
  private boolean endHandedOver;

  Sequence(
      Admission admission,
      QueueKey key,
      Tenant tenant,
      SchedulingLimits limits,
      LookUpPolicy drafts,
      long nowNanos) {
    this.clock = new SequenceClock(nowNanos);
    this.requestId = admission.requestId();
    this.epoch = admission.epoch();
    this.standing = admission.standing();
    this.submittedAtMillis = admission.submittedAtMillis();
    this.tenant = tenant;
    this.band = admission.standing().band();
    this.key = key;
    this.promptLength = admission.promptLength();
    this.length = admission.tokens().length;
    this.maxLength = Math.min(limits.maxContext(), promptLength + admission.maxTokens());
    this.ignoreEos = admission.ignoreEos();
    this.received = length - promptLength;
    this.firstIndex = received;
    this.handedOver = received;
    this.committed = received;
    this.pooling = admission.pooling();
    this.needsWholePrompt = admission.promptLogprobs() || pooling == Pooling.MEAN;
    this.salt = limits.prefixCache() ? admission.salt() : null;
    this.blockTokens = limits.blockTokens();
    this.lookUp =
        isToBeDrafted(admission, drafts) ? new PromptLookUp(drafts, admission.tokens()) : null;
    this.unopened =
        new SlotSpec(
            admission.tokens(),
            promptLength,
            admission.sampling(),
            admission.seed(),
            admission.logprobs(),
            admission.promptLogprobs(),
            pooling);
  }

  /** What may be drawn of a grammar is known only when the token before it is. */
  private static boolean isToBeDrafted(Admission admission, LookUpPolicy drafts) {
    boolean wanted =
        admission.lookUp() == LookUp.ON
            || (admission.lookUp() == LookUp.AS_CONFIGURED && drafts.byDefault());
    return wanted && drafts.maxDraft() > 0 && !admission.sampling().isConstrained();
  }

  /** Those that fall with it. */
  List<Sequence> othersOfGroup() {
    List<Sequence> others = new ArrayList<>();
    for (Sequence member : group.map(all -> all.members).orElse(List.of())) {
      if (member != this && member.isLive()) {
        others.add(member);
      }
    }
    return others;
  }

  /** Whether it waits or generates. */
  boolean isLive() {
    return state != State.ENDED && state != State.ABANDONED;
  }

  /** Tokens to process before the next one can be drawn. */
  int pending() {
    return length - computed;
  }

  /** Whether the output may grow. */
  boolean wantsToken() {
    return length < maxLength;
  }

  /** Whether one vector of it is wanted, and no token. */
  boolean isPooled() {
    return pooling != Pooling.NONE;
  }

  /** Takes the vector that the device made of its prompt. */
  void receivePooled(float[] vector) {
    pooled = vector;
  }

  /** Whether nothing is to be generated: only the prompt is scored, or pooled. */
  boolean isPromptOnly() {
    return maxLength == promptLength;
  }

  /** Whether every token that was to be drawn has come. */
  boolean isSettled() {
    return received == length - promptLength;
  }

  /** Whether it is not known yet which tokens it may draw. */
  boolean awaitsGuide() {
    return guide != null && !(isSettled() && guide.next() instanceof Guide.Allowed);
  }

  /** The tokens that it may draw, as a chunk names them. */
  long[] allowed() {
    return guide != null && guide.next() instanceof Guide.Allowed allowed
        ? allowed.tokens()
        : Chunk.ALL;
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

  /** Whether it can use blocks that another sequence computed. */
  boolean mayShare() {
    return salt != null && !needsWholePrompt;
  }

  /** Full blocks of its prompt that it has in common with another sequence's. */
  int promptBlocksLike(Sequence other) {
    if (!mayShare() || !other.mayShare() || !salt.equals(other.salt)) {
      return 0;
    }
    int most = Math.min(promptBlocks(), other.promptBlocks());
    int common = 0;
    while (common < most && prefix().get(common).equals(other.prefix().get(common))) {
      common++;
    }
    return common;
  }

  private int promptBlocks() {
    return Math.min(promptLength, length - 1) / blockTokens;
  }

  /** Waits until another sequence has computed so many blocks that both need. */
  void follow(Sequence leader, int blocks) {
    follows = leader;
    followedBlocks = blocks;
  }

  /** Whether the blocks that it waits for are there, or will not come. */
  boolean mayStopFollowing() {
    return follows.state != State.RUNNING || follows.published >= followedBlocks;
  }

  private PrefixChain prefix() {
    if (prefix == null) {
      prefix = new PrefixChain(salt, blockTokens, unopened.tokens());
    }
    return prefix;
  }

  /**
   * Blocks at the beginning that are in the pool already and can be shared. The last token known is
   * computed always: what comes after it is drawn from it.
   */
  int sharable(BlockPool pool) {
    if (salt == null) {
      return 0;
    }
    PrefixChain names = prefix();
    if (needsWholePrompt) {
      return 0;
    }
    int most = Math.min(names.size(), (length - 1) / blockTokens);
    int count = 0;
    while (count < most && pool.find(names.get(count)).isPresent()) {
      count++;
    }
    return count;
  }

  /** The pool's block with the name of this sequence's block. */
  int sharedBlock(BlockPool pool, int index) {
    return pool.find(prefix().get(index)).orElseThrow();
  }

  /** Takes shared blocks as its own first ones. */
  void shareBlocks(BlockPool pool, int count) {
    for (int i = 0; i < count; i++) {
      int block = sharedBlock(pool, i);
      pool.share(block);
      addBlock(block);
    }
    computed = count * blockTokens;
    published = count;
  }

  /** Tokens drawn or to be drawn by steps in flight and not received. */
  int unseen() {
    return length - promptLength - received;
  }

  /** Of a draft in a step that ended, so many tokens are what was drawn. */
  void draftEnded(int draftLength, int held) {
    drafted = false;
    computed += held;
    length += held;
    lookUp.ended(draftLength, held);
  }

  /** Lets others share the blocks that completed steps have filled. */
  void publishBlocks(BlockPool pool, int fullBlocks) {
    if (salt != null) {
      for (; published < fullBlocks; published++) {
        pool.publish(blocks[published], prefix().get(published));
      }
    }
  }

  void appendToTail(int token, TokenLogprobs logprobs) {
    int size = tailSize();
    if (size == tail.length) {
      tail = Arrays.copyOf(tail, size * 2);
    }
    tail[size] = token;
    if (salt != null) {
      prefix().add(token);
    }
    if (lookUp != null) {
      lookUp.add(token);
    }
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
        new Handover(
            requestId,
            epoch,
            handedOver,
            tokens,
            tailLogprobs,
            promptLogprobs,
            pooled,
            end,
            clock.handedOver(end.isPresent(), nowNanos));
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
