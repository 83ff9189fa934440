package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Candidate;
import dev.cairn.placement.PlacementPolicy;
import dev.cairn.placement.Ranking;
import dev.cairn.request.Placement;
import dev.cairn.request.Target;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Places the requests of a gateway by what its {@link DeviceDirectory} has seen. Between two
 * answers of a device it counts what it gave it itself, so that a burst does not go to one device.
 * Safe for any number of threads.
 */
public final class DevicePlacement implements Placement<ActorRef<SchedulerActor.Command>> {
  /**
   * How requests are placed.
   *
   * @param cooldown how long a device that failed is left alone
   * @param hysteresis share by which another device must be better than the last choice
   * @param prefixTokens tokens at the beginning of a prompt that name it: requests that share them
   *     probably share cached keys and values
   * @param maxPrefixes most beginnings that are remembered
   */
  public record Settings(Duration cooldown, double hysteresis, int prefixTokens, int maxPrefixes) {}

  private final Settings settings;
  private final PlacementPolicy policy;
  private final LongSupplier nanoTime;
  private List<DeviceDirectory.Seen> seen = List.of();
  private final Map<String, Long> assigned = new HashMap<>();
  private final Map<String, Long> failedNanos = new HashMap<>();
  private final Map<Integer, String> prefixes;
  private String preferred = "";
  private final CompletableFuture<Void> any = new CompletableFuture<>();

  public DevicePlacement(Settings settings, LongSupplier nanoTime) {
    this.settings = settings;
    this.policy = new PlacementPolicy(settings.hysteresis());
    this.nanoTime = nanoTime;
    this.prefixes =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, String> eldest) {
            return size() > settings.maxPrefixes();
          }
        };
  }

  /** Completes when the first device is known. */
  public CompletionStage<Void> any() {
    return any;
  }

  synchronized void see(List<DeviceDirectory.Seen> now) {
    seen = now;
    if (!now.isEmpty()) {
      any.complete(null);
    }
    assigned.keySet().removeIf(name -> now.stream().noneMatch(s -> s.status().name().equals(name)));
    long cool = nanoTime.getAsLong() - settings.cooldown().toNanos();
    failedNanos.values().removeIf(failed -> failed - cool < 0);
  }

  /** A device told its queue, which holds what it was given before. */
  synchronized void answered(String device) {
    assigned.remove(device);
  }

  @Override
  public synchronized Optional<Target<ActorRef<SchedulerActor.Command>>> choose(RequestSpec spec) {
    Optional<Candidate<ActorRef<SchedulerActor.Command>>> best = rank(spec).best();
    best.ifPresent(
        candidate -> {
          String name = candidate.status().name();
          assigned.merge(name, (long) spec.promptTokens().length + spec.maxTokens(), Long::sum);
          prefixes.put(prefix(spec), name);
          preferred = name;
        });
    return best.map(DevicePlacement::target);
  }

  @Override
  public synchronized Optional<Target<ActorRef<SchedulerActor.Command>>> named(
      String device, RequestSpec spec) {
    return candidates(spec).stream()
        .filter(candidate -> candidate.status().name().equals(device))
        .filter(candidate -> candidate.status().modelFingerprint().equals(spec.modelFingerprint()))
        .findFirst()
        .map(DevicePlacement::target);
  }

  @Override
  public synchronized void failed(String device) {
    failedNanos.put(device, nanoTime.getAsLong());
  }

  /** What placement thinks of every device for a request, the best first. */
  public synchronized Ranking<ActorRef<SchedulerActor.Command>> rank(RequestSpec spec) {
    return policy.rank(spec, 0, candidates(spec), preferred);
  }

  private List<Candidate<ActorRef<SchedulerActor.Command>>> candidates(RequestSpec spec) {
    long now = nanoTime.getAsLong();
    String cached = prefixes.getOrDefault(prefix(spec), "");
    return seen.stream()
        .map(
            device -> {
              String name = device.status().name();
              Long failed = failedNanos.get(name);
              return new Candidate<>(
                  device.status(),
                  device.roundTripSeconds(),
                  device.answers(),
                  assigned.getOrDefault(name, 0L),
                  name.equals(cached) ? Math.min(settings.prefixTokens(), prompt(spec)) : 0,
                  failed == null ? 0 : failed + settings.cooldown().toNanos() - now,
                  device.scheduler());
            })
        .toList();
  }

  private int prefix(RequestSpec spec) {
    int hash = spec.modelFingerprint().hashCode();
    for (int i = 0; i < Math.min(settings.prefixTokens(), prompt(spec)); i++) {
      hash = hash * 31 + spec.promptTokens()[i];
    }
    return hash;
  }

  private static int prompt(RequestSpec spec) {
    return spec.promptTokens().length;
  }

  private static Target<ActorRef<SchedulerActor.Command>> target(
      Candidate<ActorRef<SchedulerActor.Command>> candidate) {
    return new Target<>(
        candidate.status().name(),
        candidate.status().numericsVersion(),
        candidate.status().maxContext(),
        candidate.scheduler());
  }
}
