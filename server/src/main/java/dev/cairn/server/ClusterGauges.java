package dev.cairn.server;

import dev.cairn.server.metrics.CairnMetrics;
import java.util.List;
import java.util.Locale;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;

/** Shows who is in the cluster, as this node sees it, whenever metrics are read. */
final class ClusterGauges {
  private static final List<MemberStatus> STATUSES =
      List.of(
          MemberStatus.joining(),
          MemberStatus.weaklyUp(),
          MemberStatus.up(),
          MemberStatus.leaving(),
          MemberStatus.exiting(),
          MemberStatus.down());

  private ClusterGauges() {}

  static void register(CairnMetrics metrics, ClassicActorSystemProvider system) {
    Cluster cluster = Cluster.get(system);
    metrics.cluster(
        STATUSES.stream().map(ClusterGauges::name).toList(),
        status -> count(cluster, status),
        () -> cluster.state().getUnreachable().size());
  }

  private static int count(Cluster cluster, String status) {
    int count = 0;
    for (Member member : cluster.state().getMembers()) {
      if (name(member.status()).equals(status)) {
        count++;
      }
    }
    return count;
  }

  private static String name(MemberStatus status) {
    return status.toString().toLowerCase(Locale.ROOT);
  }
}
