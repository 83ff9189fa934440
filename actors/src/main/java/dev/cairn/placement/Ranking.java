package dev.cairn.placement;

import java.util.List;
import java.util.Optional;

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
   * @param seconds expected time until the request's last token, as far as it depends on the
   *     device; infinite where it cannot take the request
   * @param reason one sentence
   */
  public record Judged<D>(Candidate<D> candidate, double seconds, String reason) {
    /** Whether it can take the request. */
    public boolean fits() {
      return seconds < Double.POSITIVE_INFINITY;
    }
  }

  /** The device that is chosen, if any can take the request. */
  public Optional<Candidate<D>> best() {
    return devices.stream().filter(Judged::fits).findFirst().map(Judged::candidate);
  }
}
