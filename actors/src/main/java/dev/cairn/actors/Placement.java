package dev.cairn.actors;

import dev.cairn.persistence.RequestSpec;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** Chooses a device for a request. */
public interface Placement {
  /**
   * A device that can run a request.
   *
   * @param device its name, for the journal
   * @param numericsVersion its numerics version, for the journal
   * @param maxContext longest sequence it takes, in tokens
   * @param scheduler its scheduler
   */
  record Target(
      String device,
      String numericsVersion,
      int maxContext,
      ActorRef<SchedulerActor.Command> scheduler) {}

  /** A device for this request, or empty where none serves its model now. */
  Optional<Target> choose(RequestSpec spec);
}
