package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Candidate;
import dev.cairn.placement.Candidate.Assigned;
import dev.cairn.placement.MeetingPlace;
import dev.cairn.placement.Need;
import dev.cairn.placement.PlacementPolicy;
import dev.cairn.placement.Ranking;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Choice;
import dev.cairn.request.Placement;
import dev.cairn.request.Target;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
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
   * @param spillover share of the time of the device that has a request's beginning cached, which
   *     another must stay under where it cannot start the request now
   * @param prefixTokens tokens at the beginning of a prompt that name it: requests that share them
   *     probably share cached keys and values
   * @param maxPrefixes most beginnings that are remembered, and most sessions and groups
   * @param maxVerdicts most devices of which a decision says what it thought
   * @param awayInterval how often requests whose device is away look for another one
   */
  public record Settings(
      Duration cooldown,
      double hysteresis,
      double spillover,
      int prefixTokens,
      int maxPrefixes,
      int maxVerdicts,
      Duration awayInterval) {}

  private final Settings settings;
  private final PlacementPolicy policy;
  private final LongSupplier nanoTime;
  private List<DeviceDirectory.Seen> seen = List.of();
  private final Map<String, Assigned> assigned = new HashMap<>();
  private final Map<String, Long> failedNanos = new HashMap<>();
  private final Map<Integer, String> prefixes;
  private final Map<MeetingPlace, String> meetings;
  private String preferred = "";
  private final CompletableFuture<Void> any = new CompletableFuture<>();
  private final AwayWatch<ActorRef<SchedulerActor.Command>> away;

  public DevicePlacement(Settings settings, LongSupplier nanoTime) {
    this.settings = settings;
    this.policy = new PlacementPolicy(settings.hysteresis(), settings.spillover());
    this.nanoTime = nanoTime;
    this.away = new AwayWatch<>(settings.awayInterval().toNanos());
    this.prefixes = lastUsed(settings.maxPrefixes());
    this.meetings = lastUsed(settings.maxPrefixes());
  }

  /** Forgets what was not used for longest. */
  private static <K> Map<K, String> lastUsed(int most) {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<K, String> eldest) {
        return size() > most;
      }
    };
  }

  /** Completes when the first device is known. */
  public CompletionStage<Void> any() {
    return any;
  }

  void see(List<DeviceDirectory.Seen> now) {
    long nanos = nanoTime.getAsLong();
    synchronized (this) {
      seen = now;
      Set<String> names = now.stream().map(s -> s.status().name()).collect(Collectors.toSet());
      assigned.keySet().retainAll(names);
      long cool = nanos - settings.cooldown().toNanos();
      failedNanos.values().removeIf(failed -> failed - cool < 0);
    }
    if (!now.isEmpty()) {
      any.complete(null);
    }
    away.see(
        now.stream()
            .filter(DeviceDirectory.Seen::answers)
            .map(DeviceDirectory.Seen::scheduler)
            .collect(Collectors.toSet()),
        nanos);
  }

  /** A device told its queue, which holds what it was given before. */
  synchronized void answered(String device) {
    assigned.remove(device);
  }

  /** The devices of the cluster as they were seen last. */
  public synchronized List<DeviceDirectory.Seen> devices() {
    return seen;
  }

  @Override
  public synchronized Choice<ActorRef<SchedulerActor.Command>> choose(Need need) {
    Ranking<ActorRef<SchedulerActor.Command>> ranking = rank(need);
    Optional<Candidate<ActorRef<SchedulerActor.Command>>> best = ranking.best();
    best.ifPresent(
        candidate -> {
          String name = candidate.status().name();
          RequestSpec spec = need.spec();
          long tokens = (long) spec.promptTokens().length + spec.maxTokens();
          assigned.put(name, assigned.getOrDefault(name, Assigned.NONE).and(tokens));
          prefixes.put(prefix(spec), name);
          MeetingPlace.of(spec).ifPresent(place -> meetings.put(place, name));
          preferred = name;
        });
    return new Choice<>(
        best.map(DevicePlacement::target),
        ranking.longest(),
        ranking.verdicts(settings.maxVerdicts()));
  }

  @Override
  public synchronized List<Verdict> explain(Need need) {
    return rank(need).verdicts(settings.maxVerdicts());
  }

  @Override
  public synchronized Optional<Target<ActorRef<SchedulerActor.Command>>> named(
      String device, RequestSpec spec) {
    return candidates(spec).stream()
        .filter(candidate -> candidate.status().name().equals(device))
        .filter(c -> c.status().model().fingerprint().equals(spec.modelFingerprint()))
        .findFirst()
        .map(DevicePlacement::target);
  }

  @Override
  public synchronized void failed(String device) {
    failedNanos.put(device, nanoTime.getAsLong());
    // What it had cached is gone, or as good as gone.
    prefixes.values().removeIf(device::equals);
  }

  @Override
  public Runnable whenAway(ActorRef<SchedulerActor.Command> scheduler, Runnable told) {
    return away.follow(scheduler, told);
  }

  /** Requests that are told when their device is away. */
  public int followers() {
    return away.size();
  }

  private Ranking<ActorRef<SchedulerActor.Command>> rank(Need need) {
    String pinned = MeetingPlace.of(need.spec()).map(meetings::get).orElse("");
    return policy.rank(need, candidates(need.spec()), preferred, pinned);
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
                  assigned.getOrDefault(name, Assigned.NONE),
                  name.equals(cached) ? Math.min(settings.prefixTokens(), prompt(spec)) : 0,
                  failed == null ? 0 : failed + settings.cooldown().toNanos() - now,
                  device.scheduler());
            })
        .toList();
  }

  /** Beginnings of different tenants are different: they share nothing. */
  private int prefix(RequestSpec spec) {
    int hash = spec.modelFingerprint().hashCode() * 31 + spec.scheduling().tenant().hashCode();
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
        candidate.status().name(), candidate.status().numericsVersion(), candidate.scheduler());
  }
}
