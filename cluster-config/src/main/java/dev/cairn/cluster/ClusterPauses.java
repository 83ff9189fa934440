package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.PauseActor;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.ClusterSingletonSettings;
import org.apache.pekko.cluster.typed.SingletonActor;

/** The one {@link PauseActor} of a cluster, on its oldest gateway, and the way to it. */
final class ClusterPauses {
  private ClusterPauses() {}

  /** Takes part in running it where this node is a gateway; returns the way to it in any case. */
  static ActorRef<PauseActor.Command> start(ActorSystem<?> system, Config config) {
    Config pauses = config.getConfig("cairn.pauses");
    NodeSettings.Requests requests = NodeSettings.from(config).requests();
    PauseActor.Limits limits =
        new PauseActor.Limits(
            pauses.getInt("max-paused"),
            pauses.getDuration("confirm-timeout"),
            pauses.getDuration("tell-again"),
            requests.minRestartBackoff(),
            requests.maxRestartBackoff());
    return ClusterSingleton.get(system)
        .init(
            SingletonActor.of(PauseActor.create(limits), "pauses")
                .withStopMessage(PauseActor.Stop.INSTANCE)
                .withSettings(
                    ClusterSingletonSettings.create(system).withRole(ClusterSettings.GATEWAY)));
  }
}
