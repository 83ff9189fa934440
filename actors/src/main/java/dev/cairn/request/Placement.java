package dev.cairn.request;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.placement.Need;
import dev.cairn.placement.Verdict;
import java.util.List;
import java.util.Optional;

/**
 * Chooses devices for requests.
 *
 * @param <D> what stands for a scheduler
 */
public interface Placement<D> {
  /** A device for this request, which is given to it; none where no device can take it now. */
  Choice<D> choose(Need need);

  /** What is thought of every device now, the best first; nothing is given to any. */
  default List<Verdict> explain(Need need) {
    return List.of();
  }

  /** The device of this name, if it still serves the request's model. */
  default Optional<Target<D>> named(String device, RequestSpec spec) {
    return choose(Need.of(spec)).target().filter(target -> target.device().equals(device));
  }

  /** A device lost a request: others are to be preferred for a while. */
  default void failed(String device) {}

  /**
   * Calls {@code away} when a scheduler does not answer or is no longer listed, and again from time
   * to time while that lasts. It runs on a thread of placement and has to return at once.
   *
   * @return ends the interest
   */
  default Runnable whenAway(D scheduler, Runnable away) {
    return () -> {};
  }
}
