package dev.cairn.actors;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestSpec;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** The requests of a node, as the HTTP API, the command line and a host application use them. */
public interface Requests {
  /**
   * Accepts a request.
   *
   * @return its view, once the request is durable. A request of this id that exists already is
   *     joined, not started again. Fails with {@link RejectedException} where it is refused
   */
  CompletionStage<RequestView> submit(RequestSpec spec);

  /**
   * The same, for a client that follows a trace.
   *
   * @param traceParent as HTTP's {@code traceparent} names it; empty: none
   */
  default CompletionStage<RequestView> submit(RequestSpec spec, String traceParent) {
    return submit(spec);
  }

  /** The view of a request, running or ended; empty where there is none of this id. */
  CompletionStage<Optional<RequestView>> find(String requestId);

  /**
   * Cancels a request and all that is part of it, but for what asked to stay.
   *
   * @return its view once the device has let go and the end is durable; a request that had ended
   *     before is left as it was. Empty where there is none of this id
   */
  CompletionStage<Optional<RequestView>> cancel(String requestId);

  /**
   * Deletes a request: nobody finds it any more, and the journal erases what it had of it. One that
   * runs is cancelled first, with all that is part of it. Its id is not free again before the
   * journal would have forgotten the request: a submission under it is refused.
   *
   * @return once that is durable, whether there was one; true where it was deleted before
   */
  CompletionStage<Boolean> delete(String requestId);

  /**
   * Why a request waits.
   *
   * @param code for programs
   * @param text for people
   */
  record Waiting(String code, String text) {}

  /** Why a request waits; empty where it does not, and where there is none of this id. */
  CompletionStage<Optional<Waiting>> whyWaiting(String requestId);

  /**
   * Halts a request until it is resumed, over restarts as well.
   *
   * @return its view once the device has let go and the pause is durable; a request that had ended
   *     before is left as it was. Empty where there is none of this id
   */
  CompletionStage<Optional<RequestView>> pause(String requestId);

  /**
   * Lets a paused request go on.
   *
   * @return its view once that is durable; a request that is not paused is left as it was. Empty
   *     where there is none of this id
   */
  CompletionStage<Optional<RequestView>> resume(String requestId);

  /**
   * Changes a request's urgency.
   *
   * @return its view once that is durable; a request that had ended before is left as it was. Empty
   *     where there is none of this id
   */
  CompletionStage<Optional<RequestView>> prioritize(String requestId, Band band);

  /** Why a request is where it is; empty where there is none of this id. */
  CompletionStage<Optional<RequestActor.Explanation>> explain(String requestId);
}
