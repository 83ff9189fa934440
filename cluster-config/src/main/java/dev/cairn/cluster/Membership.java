package dev.cairn.cluster;

import dev.cairn.cluster.admin.ClusterAdmin;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.apache.pekko.cluster.typed.SelfUp;
import org.apache.pekko.cluster.typed.Subscribe;

/** How a node becomes a member of its cluster. */
final class Membership {
  private final StartUp startUp;
  private final ClusterSettings settings;
  private final Cluster node;

  Membership(StartUp startUp, ClusterSettings settings) {
    this.startUp = startUp;
    this.settings = settings;
    this.node = Cluster.get(startUp.system());
  }

  /** Where the device is; the same after a restart at the same address. */
  String nodeName() {
    return settings.seeds().isEmpty() ? "" : hostAndPort(node.selfMember());
  }

  /** This node, HOST:PORT. */
  String address() {
    return hostAndPort(node.selfMember());
  }

  /** Joins and waits to be a member. */
  void join() {
    CompletableFuture<SelfUp> up = new CompletableFuture<>();
    ActorRef<SelfUp> listener = startUp.spawn(SelfUpListener.create(up), "self-up");
    node.subscriptions().tell(Subscribe.create(listener, SelfUp.class));
    node.manager()
        .tell(
            settings.seeds().isEmpty()
                ? Join.create(node.selfMember().address())
                : new JoinSeedNodes(settings.seeds()));
    startUp.await(up, "the cluster");
    refuseOtherJournal();
  }

  /** A gateway answers for every request: it has to have the journal of the others. */
  private void refuseOtherJournal() {
    if (!settings.isGateway()) {
      return;
    }
    for (Member member : node.state().getMembers()) {
      if (member.hasRole(ClusterSettings.GATEWAY) && member.isOlderThan(node.selfMember())) {
        JournalRole.refusal(node.selfMember(), member)
            .ifPresent(
                sentence -> {
                  throw new IllegalStateException(sentence);
                });
      }
    }
  }

  static String hostAndPort(Member member) {
    return ClusterAdmin.hostAndPort(member.address());
  }
}
