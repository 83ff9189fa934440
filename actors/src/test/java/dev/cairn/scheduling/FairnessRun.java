package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.StepResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * Simulated time on a device that takes 4 ms for a step, 50 µs more for each row and 200 µs for a
 * prefill token; tenants that keep so much waiting, or come at random moments.
 */
final class FairnessRun {
  private static final StepResult.Output TOKEN =
      new StepResult.Output(StepResult.Status.OK, 5, null, List.of());

  private final SchedulingCore core;
  private final Random random;
  private final List<Source> sources = new ArrayList<>();
  private final Map<String, Double> weights = new HashMap<>();
  private final Map<String, Long> submitted = new HashMap<>();
  private final Map<String, List<Long>> firstTokens = new HashMap<>();
  private final List<StepPlan> inFlight = new ArrayList<>();
  private long now;
  private int nextId;

  private final class Source {
    final String tenant;
    final int keepWaiting;
    final long meanGapNanos;
    final int prompt;
    final int most;
    int unfinished;
    long next;

    Source(String tenant, int keepWaiting, long meanGapNanos, int prompt, int most) {
      this.tenant = tenant;
      this.keepWaiting = keepWaiting;
      this.meanGapNanos = meanGapNanos;
      this.prompt = prompt;
      this.most = most;
    }

    void submit() {
      while (meanGapNanos == 0 ? unfinished < keepWaiting : next <= now) {
        next += (long) (-Math.log(1 - random.nextDouble()) * meanGapNanos);
        unfinished++;
        String id = tenant + "/" + nextId++;
        submitted.put(id, now);
        int length = 1 + random.nextInt(2 * prompt);
        Requested requested = Requested.of(id).tenant(tenant).at(now / 1_000_000);
        requested = requested.tokens(length, 1 + random.nextInt(2 * most));
        core.admit(requested.weight(weights.getOrDefault(tenant, 0.0)).admission(), now);
      }
    }
  }

  FairnessRun(SchedulingPolicy policy, long seed) {
    int slots = policy.maxRunning() + 16;
    SchedulingLimits limits =
        new SchedulingLimits(slots, 256, slots * 20, 16, 320, 2, 1000, 64, 64, true);
    core = new SchedulingCore(limits, policy, token -> false);
    random = new Random(seed);
  }

  /** Requests of a tenant that come from now on bring this weight. */
  void weigh(String tenant, double weight) {
    weights.put(tenant, weight);
  }

  /** A tenant that has always so many unfinished. */
  void backlog(String tenant, int unfinished, int meanPrompt, int meanTokens) {
    sources.add(new Source(tenant, unfinished, 0, meanPrompt, meanTokens));
  }

  /** A tenant whose requests come at random moments. */
  void arrivals(String tenant, long meanGapNanos, int meanPrompt, int meanTokens) {
    sources.add(new Source(tenant, 0, meanGapNanos, meanPrompt, meanTokens));
  }

  void until(long nanos) {
    while (now < nanos) {
      sources.forEach(Source::submit);
      for (Optional<StepPlan> plan = core.plan(now); plan.isPresent(); plan = core.plan(now)) {
        inFlight.add(plan.get());
      }
      StepPlan plan = inFlight.remove(0);
      long start = now;
      List<StepResult.Output> outputs = new ArrayList<>();
      now += 4_000_000;
      for (Chunk chunk : plan.step().chunks()) {
        now += chunk.count() == 1 ? 50_000 : 200_000L * chunk.count();
        outputs.add(
            chunk.sample() ? TOKEN : new StepResult.Output(TOKEN.status(), -1, null, List.of()));
      }
      core.complete(new StepResult(plan.step().id(), outputs, start, now));
      core.handOvers(now).forEach(this::take);
    }
  }

  private void take(Handover handover) {
    String id = handover.requestId();
    String tenant = id.substring(0, id.indexOf('/'));
    if (handover.firstIndex() == 0) {
      long waited = now - submitted.remove(id);
      firstTokens.computeIfAbsent(tenant, t -> new ArrayList<>()).add(waited);
    }
    core.committed(id, 1, handover.firstIndex() + handover.tokens().length, now);
    if (handover.end().isPresent()) {
      sources.stream().filter(s -> s.tenant.equals(tenant)).forEach(s -> s.unfinished--);
    }
  }

  double served(String tenant) {
    return core.tenants().stream()
        .filter(t -> t.tenant().equals(tenant))
        .mapToLong(TenantStats::servedNanos)
        .sum();
  }

  long firstTokenP99(String tenant) {
    List<Long> sorted = new ArrayList<>(firstTokens.get(tenant));
    Collections.sort(sorted);
    return sorted.get(sorted.size() * 99 / 100);
  }

  SchedulingStats stats() {
    return core.stats();
  }
}
