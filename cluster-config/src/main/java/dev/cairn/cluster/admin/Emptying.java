package dev.cairn.cluster.admin;

import dev.cairn.actors.SchedulerActor;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;

/** What a {@link NodeAdmin} does to its node to empty it; called on the actor's thread. */
public interface Emptying {
  /** From now on the node takes no new work, or takes it again. */
  void draining(boolean on);

  /** Whether another gateway can take this one's requests. */
  boolean goesElsewhere();

  /** Tells how many shards are here; nobody answers where the node is no gateway. */
  void askShards(ActorRef<CurrentShardRegionState> replyTo);

  /** Schedulers of the node's devices; the same ones whenever it is asked. */
  List<ActorRef<SchedulerActor.Command>> schedulers();

  /** Whether the node has requests. */
  boolean isGateway();
}
