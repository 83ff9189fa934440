package dev.cairn.actors;

import dev.cairn.scheduling.SchedulingCore;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What a scheduler was told of pauses, and whom it has to tell when nothing runs any more that is
 * paused. It outlives a failure of the scheduler.
 */
final class PauseOrders {
  private boolean awaited;
  private Optional<Pauses> heard = Optional.empty();

  /** Versions whose effect was not confirmed yet, by who wants to know. */
  private final Map<ActorRef<PauseActor.Command>, Long> unconfirmed = new HashMap<>();

  /** Nothing runs until it is heard what is paused: after a start that is in the journal alone. */
  void await() {
    awaited = true;
  }

  /** Takes news; older ones than are known change nothing. */
  void hear(Pauses pauses, ActorRef<PauseActor.Command> from) {
    if (heard.isEmpty() || heard.get().version() <= pauses.version()) {
      heard = Optional.of(pauses);
    }
    unconfirmed.put(from, pauses.version());
  }

  /**
   * Has the core follow.
   *
   * @param device its name; empty while that is not known
   */
  void applyTo(SchedulingCore core, String device) {
    Pauses now = heard.orElse(Pauses.NONE);
    core.hold((awaited && heard.isEmpty()) || now.devices().contains(device));
    Set<String> held = core.heldTenants();
    held.stream().filter(tenant -> !now.tenants().contains(tenant)).forEach(core::letTenantGo);
    now.tenants().stream().filter(tenant -> !held.contains(tenant)).forEach(core::holdTenant);
  }

  /** Confirms what is in force, once nothing runs that is paused. */
  void confirm(SchedulingCore core, ActorRef<SchedulerActor.Command> self) {
    if (!unconfirmed.isEmpty() && core.isHalted()) {
      unconfirmed.forEach((who, version) -> who.tell(new PauseActor.Applied(version, self)));
      unconfirmed.clear();
    }
  }
}
