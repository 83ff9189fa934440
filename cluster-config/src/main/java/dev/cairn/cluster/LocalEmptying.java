package dev.cairn.cluster;

import dev.cairn.actors.Readiness;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.cluster.admin.Emptying;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;
import org.apache.pekko.cluster.sharding.typed.GetShardRegionState;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.typed.Cluster;

/** How this node is emptied. */
final class LocalEmptying implements Emptying {
  private final ActorSystem<?> system;
  private final Readiness readiness;
  private final DrainSwitch draining;
  private final Optional<RequestSharding> gateway;
  private final List<ActorRef<SchedulerActor.Command>> schedulers;

  /**
   * @param gateway empty where the node is none
   * @param schedulers of the node's devices
   */
  LocalEmptying(
      ActorSystem<?> system,
      Readiness readiness,
      DrainSwitch draining,
      Optional<RequestSharding> gateway,
      List<ActorRef<SchedulerActor.Command>> schedulers) {
    this.system = system;
    this.readiness = readiness;
    this.draining = draining;
    this.gateway = gateway;
    this.schedulers = schedulers;
  }

  @Override
  public void draining(boolean on) {
    if (on) {
      readiness.notReady("drain", "the node is being drained");
      system.log().info("the node is drained; it takes no new requests");
    } else {
      readiness.ready("drain");
      system.log().info("the node takes requests again");
    }
    draining.set(on, on && goesElsewhere());
  }

  @Override
  public boolean goesElsewhere() {
    return gateway.isPresent() && otherGateway(gateway.get().drainingNodes());
  }

  private boolean otherGateway(DrainingNodes drainingNodes) {
    Member self = Cluster.get(system).selfMember();
    return StreamSupport.stream(Cluster.get(system).state().getMembers().spliterator(), false)
        .filter(member -> !member.uniqueAddress().equals(self.uniqueAddress()))
        .filter(member -> member.status() == MemberStatus.up())
        .filter(member -> member.hasRole(ClusterSettings.GATEWAY))
        .anyMatch(member -> !drainingNodes.contains(member.address()));
  }

  @Override
  public void askShards(ActorRef<CurrentShardRegionState> replyTo) {
    if (isGateway()) {
      ClusterSharding.get(system)
          .shardState()
          .tell(new GetShardRegionState(RequestSharding.REQUEST, replyTo));
    }
  }

  @Override
  public List<ActorRef<SchedulerActor.Command>> schedulers() {
    return schedulers;
  }

  @Override
  public boolean isGateway() {
    return gateway.isPresent();
  }
}
