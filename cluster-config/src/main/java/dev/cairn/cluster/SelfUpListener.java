package dev.cairn.cluster;

import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.SelfUp;

/** Waits for this node to be a member of the cluster. */
final class SelfUpListener {
  private SelfUpListener() {}

  static Behavior<SelfUp> create(CompletableFuture<SelfUp> up) {
    return Behaviors.receiveMessage(
        message -> {
          up.complete(message);
          return Behaviors.stopped();
        });
  }
}
