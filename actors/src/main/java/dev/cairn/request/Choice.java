package dev.cairn.request;

import dev.cairn.placement.Verdict;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A decision of placement, with its reasons.
 *
 * @param target the device chosen, or empty where none can take the request now
 * @param longest longest sequence of the devices for which the request is too long and nothing else
 * @param verdicts what was thought of the devices, the best first
 * @param <D> what stands for a scheduler
 */
public record Choice<D>(Optional<Target<D>> target, OptionalInt longest, List<Verdict> verdicts) {
  public Choice {
    verdicts = List.copyOf(verdicts);
  }

  /** This device, without a reason. */
  public static <D> Choice<D> of(Target<D> target) {
    return new Choice<>(Optional.of(target), OptionalInt.empty(), List.of());
  }

  /** No device, without a reason. */
  public static <D> Choice<D> none() {
    return new Choice<>(Optional.empty(), OptionalInt.empty(), List.of());
  }
}
