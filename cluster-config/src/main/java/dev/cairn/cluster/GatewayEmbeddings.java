package dev.cairn.cluster;

import dev.cairn.actors.Embeddings;
import dev.cairn.actors.EmbeddingsActor;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RejectedException.Kind;
import dev.cairn.persistence.RequestIds;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;

/** Vectors for those who ask this gateway, from the devices of its cluster. */
final class GatewayEmbeddings implements Embeddings {
  /**
   * What a call is bounded by.
   *
   * @param maxInputTokens tokens of an input
   * @param maxInputs inputs of a call
   * @param width numbers of a vector
   * @param maxMessageBytes most that a message between nodes may hold
   * @param timeout longest time that a call may take
   */
  record Limits(
      int maxInputTokens, int maxInputs, int width, long maxMessageBytes, Duration timeout) {}

  private final ActorRef<EmbeddingsActor.Command> calls;
  private final Limits limits;
  private final DrainSwitch draining;
  private final RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());
  private volatile boolean closed;

  GatewayEmbeddings(ActorRef<EmbeddingsActor.Command> calls, Limits limits, DrainSwitch draining) {
    this.calls = calls;
    this.limits = limits;
    this.draining = draining;
  }

  @Override
  public CompletableFuture<List<float[]>> embed(Call call) {
    Optional<RejectedException> refusal = refusal(call);
    if (refusal.isPresent()) {
      return CompletableFuture.failedFuture(refusal.get());
    }
    String id = "emb-" + ids.next();
    CompletableFuture<List<float[]>> vectors = new CompletableFuture<>();
    calls.tell(new EmbeddingsActor.Embed(id, call, vectors));
    vectors.whenComplete(
        (done, failure) -> {
          if (failure != null) {
            calls.tell(new EmbeddingsActor.Cancel(id));
          }
        });
    // The actor keeps the time; this is for a node that stops between here and there.
    return vectors.orTimeout(2 * limits.timeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  private Optional<RejectedException> refusal(Call call) {
    if (closed) {
      return Optional.of(new RejectedException(Kind.UNAVAILABLE, "the server is stopping"));
    }
    if (draining.isOn()) {
      return Optional.of(
          new RejectedException(
              Kind.UNAVAILABLE, "the node is being drained; another one takes requests"));
    }
    if (call.inputs().size() > limits.maxInputs()) {
      return Optional.of(
          new RejectedException(
              Kind.TOO_LONG,
              "the call has "
                  + call.inputs().size()
                  + " inputs, expected at most "
                  + limits.maxInputs()
                  + " (cairn.embeddings.max-inputs)"));
    }
    int longest = call.inputs().stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    if (longest > limits.maxInputTokens()) {
      return Optional.of(
          new RejectedException(
              Kind.TOO_LONG,
              "an input has " + longest + " tokens, expected at most " + limits.maxInputTokens()));
    }
    return MessageSize.refusal(longest, limits.width(), limits.maxMessageBytes())
        .map(why -> new RejectedException(Kind.TOO_LONG, why));
  }

  /** Takes no more calls. */
  void close() {
    closed = true;
  }
}
