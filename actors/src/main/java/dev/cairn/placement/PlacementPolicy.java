package dev.cairn.placement;

import dev.cairn.persistence.RequestSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * Ranks devices for a request by the time until they would be done with it: queued tokens over
 * observed rate, and a round trip. What is unknown of a device counts as what is usual among the
 * others, never as zero. A device that failed lately comes after all that did not.
 *
 * @param hysteresis a device other than the preferred one must be better by this share of its time
 */
public record PlacementPolicy(double hysteresis) {
  /** Rate of a cluster in which no device has computed anything yet, tokens a second. */
  private static final double ANY_RATE = 1000;

  /** A device that cools down counts as later than every other by this much. */
  private static final double COOLING_SECONDS = 1e6;

  /**
   * @param committed tokens of the output that exist already
   * @param preferred device that the requests of this gateway went to last, or empty
   */
  public <D> Ranking<D> rank(
      RequestSpec spec, int committed, List<Candidate<D>> candidates, String preferred) {
    double rate = usual(candidates, c -> c.status().tokensPerSecond(), ANY_RATE);
    double roundTrip = usual(candidates, Candidate::roundTripSeconds, 0);
    List<Ranking.Judged<D>> judged = new ArrayList<>(candidates.size());
    for (Candidate<D> candidate : candidates) {
      String obstacle = obstacle(spec, committed, candidate);
      judged.add(
          obstacle.isEmpty()
              ? judge(spec, candidate, rate, roundTrip, preferred)
              : new Ranking.Judged<>(candidate, Double.POSITIVE_INFINITY, obstacle));
    }
    judged.sort(
        Comparator.<Ranking.Judged<D>>comparingDouble(Ranking.Judged::seconds)
            .thenComparing(j -> j.candidate().status().name()));
    return new Ranking<>(judged);
  }

  private <D> Ranking.Judged<D> judge(
      RequestSpec spec, Candidate<D> candidate, double rate, double roundTrip, String preferred) {
    DeviceStatus status = candidate.status();
    double prompt = Math.max(0, spec.promptTokens().length - candidate.sharedTokens());
    double tokens = status.queuedTokens() + candidate.assignedTokens() + prompt;
    double ownRate = status.tokensPerSecond().orElse(rate);
    double ownRoundTrip = candidate.roundTripSeconds().orElse(roundTrip);
    double seconds = tokens / ownRate + ownRoundTrip;
    String reason =
        String.format(
            Locale.ROOT,
            "%.0f tokens at %.0f a second%s, round trip %.1f ms%s",
            tokens,
            ownRate,
            status.tokensPerSecond().isEmpty() ? " (assumed)" : "",
            ownRoundTrip * 1e3,
            candidate.roundTripSeconds().isEmpty() ? " (assumed)" : "");
    if (candidate.sharedTokens() > 0) {
      reason += ", " + candidate.sharedTokens() + " tokens of the prompt cached";
    }
    if (status.name().equals(preferred)) {
      seconds *= 1 - hysteresis;
      reason += ", preferred as the last choice";
    }
    if (candidate.coolingNanos() > 0) {
      seconds += COOLING_SECONDS;
      reason +=
          String.format(
              Locale.ROOT, ", failed: left alone for %.1f s", candidate.coolingNanos() / 1e9);
    }
    return new Ranking.Judged<>(candidate, seconds, reason);
  }

  private static <D> String obstacle(RequestSpec spec, int committed, Candidate<D> candidate) {
    DeviceStatus status = candidate.status();
    int known = spec.promptTokens().length + committed;
    if (!status.modelFingerprint().equals(spec.modelFingerprint())) {
      return "it serves another model file";
    }
    if (status.draining()) {
      return "it is being drained";
    }
    if (!candidate.answers()) {
      return "it does not answer";
    }
    if (known > status.maxContext()) {
      return "the request has " + known + " tokens, it takes " + status.maxContext();
    }
    if (known > status.kvTokens()) {
      return "the request has " + known + " tokens, its KV store holds " + status.kvTokens();
    }
    return "";
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
