package dev.cairn.placement;

import dev.cairn.persistence.Constraints;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * Ranks devices for a request by the time until they would be done with it: queued tokens over
 * observed rate, and a round trip. What is unknown of a device counts as what is usual among the
 * others, never as zero.
 *
 * <p>Requests of one session, or of one group, go to one device ({@link MeetingPlace}), whatever
 * else is faster.
 *
 * <p>A request whose beginning a device has cached goes to another one only if that is faster and
 * can start it now, or is faster by far. A device that failed lately comes after all that did not,
 * and one of another numerics version after all of the request's own. A paused one is taken only
 * where there is no other.
 *
 * @param hysteresis a device other than the preferred one must be better by this share of its time
 * @param spillover a device that cannot start the request now must need less than this share of the
 *     time of the one that has its beginning cached
 */
public record PlacementPolicy(double hysteresis, double spillover) {
  /** Rate of a cluster in which no device has computed anything yet, tokens a second. */
  private static final double ANY_RATE = 1000;

  /** A device that cools down counts as later than every other by this much. */
  private static final double COOLING_SECONDS = 1e6;

  /** And one of another numerics version by this much. */
  private static final double OTHER_NUMERICS_SECONDS = 1e9;

  /** One that is paused counts as later than every other by this much. */
  private static final double PAUSED_SECONDS = 1e12;

  public PlacementPolicy {
    if (!(hysteresis >= 0 && hysteresis < 1)) {
      throw new IllegalArgumentException(
          "cairn.placement.hysteresis is " + hysteresis + ", expected 0 or more and less than 1");
    }
    if (!(spillover > 0 && spillover <= 1)) {
      throw new IllegalArgumentException(
          "cairn.placement.spillover is " + spillover + ", expected more than 0 and at most 1");
    }
  }

  /** What one ranking has in common: the request, and what is usual among the devices. */
  private record Round(
      Need need, double rate, double roundTrip, String preferred, String home, String meeting) {}

  /**
   * @param preferred device that the requests of this gateway went to last, or empty
   * @param pinned device that the request's session or group went to last, or empty
   */
  public <D> Ranking<D> rank(
      Need need, List<Candidate<D>> candidates, String preferred, String pinned) {
    Round round =
        new Round(
            need,
            usual(candidates, c -> c.status().load().tokensPerSecond(), ANY_RATE),
            usual(candidates, Candidate::roundTripSeconds, 0),
            preferred,
            home(need, candidates),
            MeetingPlace.of(need.spec())
                .map(place -> place.among(able(need, candidates), pinned))
                .orElse(""));
    List<Ranking.Judged<D>> judged = new ArrayList<>(candidates.size());
    for (Candidate<D> candidate : candidates) {
      judged.add(judge(round, candidate));
    }
    judged.sort(
        Comparator.<Ranking.Judged<D>>comparingDouble(Ranking.Judged::rank)
            .thenComparing(j -> j.candidate().status().name()));
    return new Ranking<>(judged);
  }

  /** Names of the devices that can take the request and have not failed lately. */
  private static <D> List<String> able(Need need, List<Candidate<D>> candidates) {
    return candidates.stream()
        .filter(c -> c.coolingNanos() <= 0 && !isOther(need, c.status()))
        .filter(c -> obstacle(need, c).isEmpty() && length(need, c.status()).isEmpty())
        .map(c -> c.status().name())
        .toList();
  }

  /** The device that has most of the beginning cached, or empty. */
  private static <D> String home(Need need, List<Candidate<D>> candidates) {
    return candidates.stream()
        .filter(c -> c.sharedTokens() > 0 && c.coolingNanos() <= 0 && obstacle(need, c).isEmpty())
        .max(Comparator.comparingInt(Candidate::sharedTokens))
        .map(c -> c.status().name())
        .orElse("");
  }

  private <D> Ranking.Judged<D> judge(Round round, Candidate<D> candidate) {
    Optional<String> obstacle = obstacle(round.need(), candidate);
    Optional<String> length = length(round.need(), candidate.status());
    if (obstacle.isPresent() || length.isPresent()) {
      String why = obstacle.or(() -> length).orElseThrow();
      double never = Double.POSITIVE_INFINITY;
      return new Ranking.Judged<>(candidate, never, never, obstacle.isEmpty(), () -> why);
    }
    DeviceStatus status = candidate.status();
    double prompt = Math.max(0, round.need().known() - candidate.sharedTokens());
    double tokens = status.load().queuedTokens() + candidate.assigned().tokens() + prompt;
    double rate = status.load().tokensPerSecond().orElse(round.rate());
    double roundTrip = candidate.roundTripSeconds().orElse(round.roundTrip());
    double seconds = tokens / rate + roundTrip;
    boolean isHome = status.name().equals(round.home());
    boolean isPreferred =
        isHome || (round.home().isEmpty() && status.name().equals(round.preferred()));
    boolean mustSpill =
        !isHome && !round.home().isEmpty() && !candidate.startsNow(round.need().known());
    boolean isOther = isOther(round.need(), status);
    double rank = seconds;
    if (isPreferred) {
      rank *= 1 - hysteresis;
    }
    if (mustSpill) {
      rank /= spillover;
    }
    if (candidate.coolingNanos() > 0) {
      rank += COOLING_SECONDS;
    }
    if (isOther) {
      rank += OTHER_NUMERICS_SECONDS;
    }
    boolean meets = status.name().equals(round.meeting());
    if (meets) {
      rank = -1;
    } else if (status.paused()) {
      rank += PAUSED_SECONDS;
    }
    return new Ranking.Judged<>(
        candidate,
        rank,
        seconds,
        false,
        () ->
            String.format(
                    Locale.ROOT,
                    "%.0f tokens at %.0f a second%s, round trip %.1f ms%s",
                    tokens,
                    rate,
                    status.load().tokensPerSecond().isEmpty() ? " (assumed)" : "",
                    roundTrip * 1e3,
                    candidate.roundTripSeconds().isEmpty() ? " (assumed)" : "")
                + (candidate.sharedTokens() > 0
                    ? ", " + candidate.sharedTokens() + " tokens of the prompt cached"
                    : "")
                + (isPreferred && !isHome ? ", preferred as the last choice" : "")
                + (meets ? ", the others of its session or group are there" : "")
                + (mustSpill ? ", cannot start it now as the device with its beginning waits" : "")
                + (candidate.coolingNanos() > 0
                    ? String.format(
                        Locale.ROOT,
                        ", failed: left alone for %.1f s",
                        candidate.coolingNanos() / 1e9)
                    : "")
                + (status.paused() ? ", is paused" : "")
                + (isOther
                    ? ", numerics "
                        + status.numericsVersion()
                        + " and not "
                        + round.need().numericsVersion()
                    : ""));
  }

  private static boolean isOther(Need need, DeviceStatus status) {
    return !need.numericsVersion().isEmpty()
        && !need.numericsVersion().equals(status.numericsVersion());
  }

  /** Why a device cannot take the request, apart from its length. */
  private static <D> Optional<String> obstacle(Need need, Candidate<D> candidate) {
    DeviceStatus status = candidate.status();
    if (!status.model().fingerprint().equals(need.spec().modelFingerprint())) {
      return Optional.of("it serves another model file");
    }
    Optional<String> unmet = unmet(need.spec().constraints(), status);
    if (unmet.isPresent()) {
      return unmet;
    }
    if (status.name().equals(need.except())) {
      return Optional.of("the request is to leave it");
    }
    if (status.draining()) {
      return Optional.of("it is being drained");
    }
    if (!candidate.answers()) {
      return Optional.of("it does not answer");
    }
    if (need.exact() && isOther(need, status)) {
      return Optional.of(
          "its numerics are "
              + status.numericsVersion()
              + ", the request's "
              + need.numericsVersion());
    }
    return Optional.empty();
  }

  private static Optional<String> unmet(Constraints asked, DeviceStatus status) {
    if (!matches(asked.backend(), status.backend())) {
      return Optional.of("its back end is " + status.backend() + ", not " + asked.backend());
    }
    if (!matches(asked.weightType(), status.model().weightType())) {
      return Optional.of(
          "its weights are " + status.model().weightType() + ", not " + asked.weightType());
    }
    if (!matches(asked.architecture(), status.model().architecture())) {
      return Optional.of(
          "its architecture is " + status.model().architecture() + ", not " + asked.architecture());
    }
    if (status.kvTokens() < asked.minKvTokens()) {
      return Optional.of(
          "its KV store holds " + status.kvTokens() + " tokens, asked for " + asked.minKvTokens());
    }
    return Optional.empty();
  }

  private static boolean matches(String asked, String is) {
    return asked.isEmpty() || asked.equals(is);
  }

  private static Optional<String> length(Need need, DeviceStatus status) {
    int known = need.known();
    if (known > status.maxContext()) {
      return Optional.of("the request has " + known + " tokens, it takes " + status.maxContext());
    }
    if (known > status.kvTokens()) {
      return Optional.of(
          "the request has " + known + " tokens, its KV store holds " + status.kvTokens());
    }
    return Optional.empty();
  }

  private static <D> double usual(
      List<Candidate<D>> candidates, Function<Candidate<D>, OptionalDouble> value, double none) {
    return candidates.stream()
        .map(value)
        .filter(OptionalDouble::isPresent)
        .mapToDouble(OptionalDouble::getAsDouble)
        .filter(v -> v > 0 || none == 0)
        .average()
        .orElse(none);
  }
}
