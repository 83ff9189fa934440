package dev.cairn.cluster;

import dev.cairn.cluster.admin.NodeAdmin;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/** Nodes that are being emptied, as the cluster says. Safe for any number of threads. */
final class DrainingNodes {
  private final Address self;
  private volatile Set<Address> nodes = Set.of();

  DrainingNodes(Address self) {
    this.self = self;
  }

  /** Whether a node is being emptied. An address without a host is this node's. */
  boolean contains(Address node) {
    return nodes.contains(node.hasLocalScope() ? self : node);
  }

  /** Follows what the cluster says. */
  Behavior<Receptionist.Listing> follow() {
    return Behaviors.setup(
        context -> {
          context
              .getSystem()
              .receptionist()
              .tell(Receptionist.subscribe(NodeAdmin.DRAINING, context.getSelf()));
          return Behaviors.receiveMessage(
              listing -> {
                nodes =
                    listing.getAllServiceInstances(NodeAdmin.DRAINING).stream()
                        .map(ActorRef::path)
                        .map(path -> path.address().hasLocalScope() ? self : path.address())
                        .collect(Collectors.toUnmodifiableSet());
                return Behaviors.same();
              });
        });
  }
}
