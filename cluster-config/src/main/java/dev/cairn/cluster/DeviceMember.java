package dev.cairn.cluster;

import dev.cairn.actors.SchedulerActor;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;

/** Devices that another process runs for a node, told from all others by roles of their own. */
public final class DeviceMember {
  private final ActorSystem<SpawnProtocol.Command> system;

  DeviceMember(ActorSystem<SpawnProtocol.Command> system) {
    this.system = system;
  }

  /** Host and port of the node, by which the other process joins it. */
  public String seed() {
    return Membership.hostAndPort(Cluster.get(system).selfMember());
  }

  /** How the node talks, and the other process has to. */
  public String transport() {
    return system.settings().config().getString("pekko.remote.artery.transport");
  }

  /**
   * Calls the listener with the roles of all members that have a device, whenever they change.
   *
   * @param listener called on an actor's thread
   */
  public void onDevices(Consumer<Set<String>> listener) {
    Behavior<Receptionist.Listing> watch =
        Behaviors.setup(
            context -> {
              system
                  .receptionist()
                  .tell(Receptionist.subscribe(SchedulerActor.KEY, context.getSelf()));
              return Behaviors.receiveMessage(
                  listing -> {
                    listener.accept(roles(listing.getServiceInstances(SchedulerActor.KEY)));
                    return Behaviors.same();
                  });
            });
    system.tell(
        new SpawnProtocol.Spawn<>(watch, "device-members", Props.empty(), system.ignoreRef()));
  }

  private Set<String> roles(Set<ActorRef<SchedulerActor.Command>> schedulers) {
    Set<String> roles = new HashSet<>();
    for (ActorRef<SchedulerActor.Command> each : schedulers) {
      Address address = each.path().address();
      for (Member member : Cluster.get(system).state().getMembers()) {
        if (member.address().equals(address)) {
          roles.addAll(member.getRoles());
        }
      }
    }
    return roles;
  }

  /**
   * Puts the members of a role out of the cluster at once: the failure detector need not find out
   * what the end of their process has shown.
   */
  public void putOut(String role) {
    Cluster cluster = Cluster.get(system);
    for (Member member : cluster.state().getMembers()) {
      if (member.hasRole(role)) {
        cluster.manager().tell(new Down(member.address()));
      }
    }
  }
}
