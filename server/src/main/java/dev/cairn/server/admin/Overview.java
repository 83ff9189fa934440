package dev.cairn.server.admin;

import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NewestFilter;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.server.LocalNode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** What the dashboard shows, as its node finds it out. */
public interface Overview {
  /** The newest requests of each node. */
  CompletionStage<Gathered<NodeAdmin.NewestPage>> newest(NewestFilter filter);

  /** How every node is. */
  CompletionStage<Gathered<NodeReport>> nodes();

  /** Why a request waits; empty where it does not. */
  CompletionStage<Optional<Requests.Waiting>> whyWaiting(String requestId);

  /**
   * What the whole cluster of a node says.
   *
   * @param most longest wait for its answers
   */
  static Overview of(LocalNode node, Duration most) {
    ClusterAdmin cluster = node.admin();
    return new Overview() {
      @Override
      public CompletionStage<Gathered<NodeAdmin.NewestPage>> newest(NewestFilter filter) {
        return cluster.newest(filter, most);
      }

      @Override
      public CompletionStage<Gathered<NodeReport>> nodes() {
        return cluster.describe(most);
      }

      @Override
      public CompletionStage<Optional<Requests.Waiting>> whyWaiting(String requestId) {
        return node.requests().whyWaiting(requestId);
      }
    };
  }
}
