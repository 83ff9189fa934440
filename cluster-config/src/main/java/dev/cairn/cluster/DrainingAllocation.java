package dev.cairn.cluster;

import java.util.Comparator;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ActorSystemDependentAllocationStrategy;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Where shards are: as Pekko's own strategy has them, but none on a node that is being emptied
 * while there is another. Its shards move when the coordinator looks at them again ({@code
 * pekko.cluster.sharding.rebalance-interval}).
 */
final class DrainingAllocation implements ActorSystemDependentAllocationStrategy {
  private final ShardAllocationStrategy usual;
  private final DrainingNodes draining;

  DrainingAllocation(ShardAllocationStrategy usual, DrainingNodes draining) {
    this.usual = usual;
    this.draining = draining;
  }

  @Override
  public void start(ActorSystem system) {
    if (usual instanceof ActorSystemDependentAllocationStrategy dependent) {
      dependent.start(system);
    }
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester,
      String shard,
      scala.collection.immutable.Map<ActorRef, IndexedSeq<String>> regions) {
    Map<ActorRef, Integer> open = open(regions);
    if (open.isEmpty() || open.size() == regions.size()) {
      return usual.allocateShard(requester, shard, regions);
    }
    return Future.successful(
        open.entrySet().stream()
            .min(Comparator.comparingInt(Map.Entry::getValue))
            .orElseThrow()
            .getKey());
  }

  @Override
  public Future<scala.collection.immutable.Set<String>> rebalance(
      scala.collection.immutable.Map<ActorRef, IndexedSeq<String>> regions,
      scala.collection.immutable.Set<String> moving) {
    Map<ActorRef, Integer> open = open(regions);
    if (open.isEmpty() || open.size() == regions.size()) {
      return usual.rebalance(regions, moving);
    }
    TreeSet<String> leave = new TreeSet<>();
    CollectionConverters.asJava(regions)
        .forEach(
            (region, shards) -> {
              if (!open.containsKey(region)) {
                leave.addAll(CollectionConverters.asJava(shards));
              }
            });
    leave.removeAll(CollectionConverters.asJava(moving));
    return Future.successful(
        scala.collection.immutable.Set.from(CollectionConverters.asScala(leave)));
  }

  /** Regions of the nodes that are not being emptied, and how many shards each has. */
  private Map<ActorRef, Integer> open(
      scala.collection.immutable.Map<ActorRef, IndexedSeq<String>> regions) {
    return CollectionConverters.asJava(regions).entrySet().stream()
        .filter(region -> !draining.contains(region.getKey().path().address()))
        .collect(Collectors.toMap(Map.Entry::getKey, region -> region.getValue().size()));
  }
}
