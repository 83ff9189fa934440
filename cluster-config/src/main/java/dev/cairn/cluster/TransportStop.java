package dev.cairn.cluster;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.Done;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * Ends the streams to other nodes when a node stops, whether they like it or not.
 *
 * <p>Artery waits without limit for them to complete (Pekko 1.7, its issue 3247). When the stream
 * of inbound control messages happens to end first, it completes those of outbound ones instead of
 * aborting them; and a stream that completes wants to be rid of its last message, over Aeron for
 * give-up-system-message-after, which is 6 hours, and over TLS until the other side closes. If that
 * other node has died, the node that stops never does.
 */
final class TransportStop {
  /** What runs Artery's streams; at the end of a node nothing else runs any. */
  private static final String STREAMS = "/system/Materializers/StreamSupervisor-*";

  private TransportStop() {}

  /**
   * @param most how long the streams may take to end by themselves, from when everything else has
   */
  static void bound(ActorSystem<?> system, Duration most) {
    CoordinatedShutdown.get(system)
        .addTask(
            CoordinatedShutdown.PhaseBeforeActorSystemTerminate(),
            "bound-transport",
            () -> {
              system
                  .scheduler()
                  .scheduleOnce(most, () -> endStreams(system), system.executionContext());
              return CompletableFuture.completedFuture(Done.getInstance());
            });
  }

  private static void endStreams(ActorSystem<?> system) {
    system
        .classicSystem()
        .actorSelection(STREAMS)
        .tell(PoisonPill.getInstance(), ActorRef.noSender());
  }
}
