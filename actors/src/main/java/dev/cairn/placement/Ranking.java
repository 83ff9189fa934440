package dev.cairn.placement;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * What placement thinks of every device, for one request.
 *
 * @param devices the best first, those that cannot take the request last
 */
public record Ranking<D>(List<Judged<D>> devices) {
  public Ranking {
    devices = List.copyOf(devices);
  }

  /**
   * One device.
   *
   * @param rank its place, the lower the better; infinite where it cannot take the request
   * @param seconds expected time until the request's last token, as far as it depends on the device
   * @param lengthAlone whether it cannot take the request for its length and for nothing else
   * @param text the reason, made when somebody wants it
   */
  public record Judged<D>(
      Candidate<D> candidate,
      double rank,
      double seconds,
      boolean lengthAlone,
      Supplier<String> text) {
    /** Whether it can take the request. */
    public boolean fits() {
      return rank < Double.POSITIVE_INFINITY;
    }

    /** One sentence. */
    public String reason() {
      return text.get();
    }
  }

  /** The device that is chosen, if any can take the request. */
  public Optional<Candidate<D>> best() {
    return devices.stream().filter(Judged::fits).findFirst().map(Judged::candidate);
  }

  /** Longest sequence of those devices for which the request is too long and nothing else. */
  public OptionalInt longest() {
    return devices.stream()
        .filter(Judged::lengthAlone)
        .mapToInt(judged -> judged.candidate().status().longest())
        .max();
  }

  /** The first devices with their reasons. */
  public List<Verdict> verdicts(int most) {
    return devices.stream()
        .limit(most)
        .map(
            judged ->
                new Verdict(
                    judged.candidate().status().name(),
                    judged.fits() ? OptionalDouble.of(judged.seconds()) : OptionalDouble.empty(),
                    judged.reason()))
        .toList();
  }
}
