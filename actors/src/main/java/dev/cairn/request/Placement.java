package dev.cairn.request;

import dev.cairn.persistence.RequestSpec;
import java.util.Optional;

/**
 * Chooses devices for requests.
 *
 * @param <D> what stands for a scheduler
 */
public interface Placement<D> {
  /** A device for this request, or empty where none serves its model now. */
  Optional<Target<D>> choose(RequestSpec spec);

  /** The device of this name, if it still serves the request's model. */
  default Optional<Target<D>> named(String device, RequestSpec spec) {
    return choose(spec).filter(target -> target.device().equals(device));
  }

  /** A device lost a request: others are to be preferred for a while. */
  default void failed(String device) {}
}
