package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.SlotSpec;
import dev.cairn.device.Step;
import dev.cairn.device.StepResult;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;

/** Drives a scheduling core and a simulated device, and owns the tokens as requests would. */
final class CoreDriver {
  static final int BLOCK = 4;
  final SchedulingLimits limits;
  final SchedulingCore core;
  final SimulatedDevice device;
  final int endEvery;
  final Map<String, Request> requests = new HashMap<>();
  final Deque<StepPlan> submitted = new ArrayDeque<>();
  final List<Handover> uncommitted = new ArrayList<>();
  long now;

  /** Requests that were admitted again; a commit may have been under way. */
  int readmissions;

  /** Tokens of drafts, and those of them that were drawn. */
  int drafted;

  int held;

  /** What a step takes. */
  ToLongFunction<Step> stepNanos =
      step -> 1_000_000 + 1000L * step.chunks().stream().mapToInt(Chunk::count).sum();

  /** What a request's owner knows. */
  static final class Request {
    final Admission admission;

    /** What it was admitted with last. */
    int[] slotSpecTokens;

    final List<Integer> output = new ArrayList<>();
    Optional<Handover.End> end = Optional.empty();
    boolean released;
    int epoch;
    int ends;

    Request(Admission admission) {
      this.admission = admission;
      this.slotSpecTokens = admission.tokens();
      this.epoch = admission.epoch();
    }

    FinishReason reason() {
      return end.orElseThrow().reason();
    }
  }

  CoreDriver(int slots, int batchTokens, int blocks, int context, int endEvery) {
    this(slots, batchTokens, blocks, context, endEvery, 2, 8, true);
  }

  CoreDriver(
      int slots,
      int batch,
      int blocks,
      int context,
      int endEvery,
      int inFlight,
      int handOvers,
      boolean prefixCache) {
    this(
        new SchedulingLimits(
            slots, batch, blocks, BLOCK, context, inFlight, handOvers, 8, 32, prefixCache),
        SchedulingPolicy.of(slots),
        endEvery);
  }

  CoreDriver(SchedulingLimits limits, SchedulingPolicy policy, int endEvery) {
    this(
        limits,
        policy,
        endEvery,
        (admission, most) -> {
          throw new AssertionError("nothing is held to a grammar here");
        });
  }

  CoreDriver(SchedulingLimits limits, SchedulingPolicy policy, int endEvery, Guide.Factory guides) {
    this.limits = limits;
    core = new SchedulingCore(limits, policy, token -> token == SimulatedDevice.END, guides);
    core.mayDraft(true);
    this.endEvery = endEvery;
    device =
        new SimulatedDevice(
            new DeviceConfig(
                "simulated",
                "auto",
                1,
                limits.maxSlots(),
                limits.maxContext(),
                limits.kvBlocks(),
                BLOCK,
                limits.maxBatchTokens(),
                limits.maxStepsInFlight()),
            endEvery,
            false);
  }

  static Admission admission(String id, int[] prompt, int maxTokens) {
    return admission(id, prompt, maxTokens, "");
  }

  static Admission admission(String id, int[] prompt, int maxTokens, String salt) {
    return new Admission(
        id,
        1,
        Standing.alone(Band.INTERACTIVE, "", 0),
        1000,
        prompt,
        prompt.length,
        maxTokens,
        Sampling.GREEDY,
        7,
        false,
        -1,
        false,
        salt);
  }

  static int[] prompt(int seed, int length) {
    int[] tokens = new int[length];
    for (int i = 0; i < length; i++) {
      tokens[i] = 1 + Math.floorMod(seed * 31 + i * 17, SimulatedDevice.VOCABULARY - 2);
    }
    return tokens;
  }

  Request admit(Admission admission) {
    Request request = new Request(admission);
    requests.put(admission.requestId(), request);
    core.admit(admission, now);
    return request;
  }

  /** Everything on the device is lost; its owners know, and have not come back yet. */
  List<SchedulingCore.Released> loseDevice() {
    List<SchedulingCore.Released> lost = core.deviceLost();
    submitted.clear();
    for (int slot = 0; slot < limits.maxSlots(); slot++) {
      device.freeSlot(slot);
    }
    return lost;
  }

  /** An owner admits its request again, with the tokens that it has. */
  void readmit(Request request) {
    readmissions++;
    Admission first = request.admission;
    request.epoch++;
    int[] known = Arrays.copyOf(first.tokens(), first.promptLength() + request.output.size());
    for (int i = 0; i < request.output.size(); i++) {
      known[first.promptLength() + i] = request.output.get(i);
    }
    request.slotSpecTokens = known;
    core.admit(
        new Admission(
            first.requestId(),
            request.epoch,
            first.standing(),
            first.submittedAtMillis(),
            known,
            first.promptLength(),
            first.maxTokens(),
            first.sampling(),
            first.seed(),
            first.ignoreEos(),
            first.logprobs(),
            first.promptLogprobs(),
            first.salt(),
            first.lookUp()),
        now);
  }

  Request admit(String id, int promptLength, int maxTokens) {
    return admit(admission(id, prompt(id.hashCode(), promptLength), maxTokens));
  }

  /** Plans as many steps as may be in flight. */
  void plan() {
    for (Optional<StepPlan> plan = core.plan(now); plan.isPresent(); plan = core.plan(now)) {
      submitted.addLast(plan.get());
    }
  }

  /** The device ends its oldest step. */
  StepResult runOne() {
    StepPlan plan = submitted.removeFirst();
    StepResult ran = device.run(plan);
    long start = now;
    now += stepNanos.applyAsLong(plan.step());
    StepResult result = new StepResult(ran.id(), ran.outputs(), start, now);
    core.complete(result)
        .ifPresent(
            step -> {
              drafted += step.drafted();
              held += step.held();
            });
    return result;
  }

  /** Takes what the core hands over, as tokens that are being committed. */
  void collect() {
    for (Handover handover : core.handOvers(now)) {
      Request request = requests.get(handover.requestId());
      if (handover.epoch() != request.epoch) {
        throw new AssertionError("a hand-over of epoch " + handover.epoch());
      }
      if (handover.firstIndex() != request.output.size()) {
        throw new AssertionError(
            "index " + handover.firstIndex() + ", expected " + request.output.size());
      }
      if (handover.logprobs().size()
          != (request.admission.logprobs() < 0 ? 0 : handover.tokens().length)) {
        throw new AssertionError(handover.logprobs().size() + " log-probabilities");
      }
      Arrays.stream(handover.tokens()).forEach(request.output::add);
      if (handover.end().isPresent()) {
        request.end = handover.end();
        request.ends++;
      }
      uncommitted.add(handover);
    }
    core.takeEvicted().forEach(each -> readmit(requests.get(each.requestId())));
    core.takeReleased().forEach(r -> requests.get(r.requestId()).released = true);
    core.takeFrees().forEach(device::freeSlot);
  }

  void commit(int which) {
    Handover handover = uncommitted.remove(which);
    now += 1000;
    core.committed(
        handover.requestId(),
        handover.epoch(),
        handover.firstIndex() + handover.tokens().length,
        now);
  }

  void commitAll() {
    while (!uncommitted.isEmpty()) {
      commit(0);
    }
  }

  /** Goes on until nothing is left to do. */
  void drain() {
    for (int quiet = 0; quiet < 2; ) {
      plan();
      boolean worked = !submitted.isEmpty() || !uncommitted.isEmpty();
      if (!submitted.isEmpty()) {
        runOne();
      }
      collect();
      commitAll();
      quiet = worked ? 0 : quiet + 1;
    }
  }

  int[] alone(Admission admission) {
    SlotSpec spec =
        new SlotSpec(
            Arrays.copyOf(admission.tokens(), admission.promptLength()),
            admission.promptLength(),
            admission.sampling(),
            admission.seed(),
            -1,
            false);
    int room = limits.maxContext() - admission.promptLength();
    return SimulatedDevice.expected(
        spec, Math.min(room, admission.maxTokens()), admission.ignoreEos(), endEvery);
  }
}
