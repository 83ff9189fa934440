package dev.cairn.cluster;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/**
 * What every part of a node needs while it comes up: to make actors, and to wait for what is not
 * ready yet.
 *
 * @param system the node's actors
 * @param most longest wait for any one thing, {@code cairn.node.start-timeout}
 */
record StartUp(ActorSystem<SpawnProtocol.Command> system, Duration most) {
  /** Makes an actor. */
  <T> ActorRef<T> spawn(Behavior<T> behavior, String name) {
    return spawn(behavior, name, Props.empty());
  }

  /** Makes an actor with a dispatcher of its own, for instance. */
  <T> ActorRef<T> spawn(Behavior<T> behavior, String name, Props props) {
    return await(
        AskPattern.<SpawnProtocol.Command, ActorRef<T>>ask(
            system,
            replyTo -> new SpawnProtocol.Spawn<>(behavior, name, props, replyTo),
            most,
            system.scheduler()),
        name);
  }

  /**
   * Waits for a result.
   *
   * @param what names it in the error
   * @throws IllegalStateException if it does not come in time, or the node ends before, or it fails
   *     with a checked exception; an unchecked one is thrown as it is
   */
  <T> T await(CompletionStage<T> stage, String what) {
    CompletableFuture<T> waited = stage.toCompletableFuture().copy();
    system
        .getWhenTerminated()
        .thenRun(
            () ->
                waited.completeExceptionally(
                    new IllegalStateException(
                        "the node ended before " + what + " was ready; its log says why")));
    try {
      return waited.get(most.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      Throwable cause =
          e.getCause() instanceof CompletionException ? e.getCause().getCause() : e.getCause();
      if (cause instanceof RuntimeException runtime) {
        throw runtime;
      }
      throw new IllegalStateException(what + " failed: " + cause, cause);
    } catch (TimeoutException e) {
      throw new IllegalStateException(
          what
              + " was not ready within "
              + most.toSeconds()
              + " seconds (cairn.node.start-timeout)",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for " + what, e);
    }
  }
}
