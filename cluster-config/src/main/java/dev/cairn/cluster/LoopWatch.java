package dev.cairn.cluster;

import dev.cairn.actors.Readiness;
import java.util.Map;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Turns readiness off when an actor that never ends has ended: without it the node would go on
 * answering and do only a part of its work.
 */
final class LoopWatch {
  private LoopWatch() {}

  /** An actor that has ended. */
  record Ended(String what) {}

  /**
   * @param loops what each is, as readiness names it, and its actor
   */
  static Behavior<Ended> create(Readiness readiness, Map<String, ActorRef<?>> loops) {
    return Behaviors.setup(
        context -> {
          loops.forEach((what, actor) -> context.watchWith(actor, new Ended(what)));
          return Behaviors.receiveMessage(
              ended -> {
                if (CoordinatedShutdown.get(context.getSystem()).getShutdownReason().isEmpty()) {
                  context.getLog().error("{} ended, and the node is not ready", ended.what());
                  readiness.notReady(ended.what(), ended.what() + " ended");
                }
                return Behaviors.same();
              });
        });
  }
}
