package dev.cairn.actors;

import dev.cairn.model.TextStream;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.RequestState;
import dev.cairn.request.Snapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.IntUnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests without a device and a journal: the tokens of a request are given by a script, and come
 * at once or when the test says so.
 */
public final class InMemoryRequests implements Requests {
  private static final Logger LOG = LoggerFactory.getLogger(InMemoryRequests.class);

  private final Tokenizer tokenizer;
  private final IntUnaryOperator script;
  private final Map<String, Running> requests = new ConcurrentHashMap<>();
  private final List<String> order = new CopyOnWriteArrayList<>();
  private volatile boolean manual;
  private volatile RuntimeException refusal;
  private volatile int left = -1;

  /**
   * @param script token at each index of every output
   */
  public InMemoryRequests(Tokenizer tokenizer, IntUnaryOperator script) {
    this.tokenizer = tokenizer;
    this.script = script;
  }

  /** From now on tokens come only when {@link #generate} is called. */
  public void manual() {
    manual = true;
  }

  /** From now on every submission fails with this; null accepts again. */
  public void refuseWith(RuntimeException failure) {
    refusal = failure;
  }

  /** From now on so many are accepted and the rest finds the queue full; -1: all are accepted. */
  public void refuseAfter(int count) {
    left = count;
  }

  /** Lets a request have so many tokens more, in one commit. */
  public void generate(String id, int count) {
    requests.get(id).generate(count);
  }

  /** Ends a request with an error. */
  public void fail(String id, String detail) {
    requests.get(id).finish(FinishReason.ERROR, detail);
  }

  public RequestView view(String id) {
    return requests.get(id).view;
  }

  /** Publishes a request's state once more, unchanged. */
  public void publishAgain(String id) {
    RequestView view = requests.get(id).view;
    view.publish(view.snapshot(), LOG);
  }

  /** Ids in the order of submission. */
  public List<String> ids() {
    return List.copyOf(order);
  }

  public int size() {
    return order.size();
  }

  /** Readers of all requests. */
  public int readers() {
    return requests.values().stream().mapToInt(r -> r.view.readers()).sum();
  }

  @Override
  public CompletionStage<RequestView> submit(RequestSpec spec) {
    if (refusal != null) {
      return CompletableFuture.failedFuture(refusal);
    }
    if (left == 0) {
      return CompletableFuture.failedFuture(
          new RejectedException(RejectedException.Kind.QUEUE_FULL, "the queue is full"));
    }
    left -= left > 0 ? 1 : 0;
    Running request = new Running(spec);
    Running known = requests.putIfAbsent(spec.id(), request);
    if (known == null) {
      order.add(spec.id());
    } else {
      request = known;
    }
    if (!manual) {
      request.generate(spec.maxTokens());
    }
    return CompletableFuture.completedFuture(request.view);
  }

  @Override
  public CompletionStage<Optional<RequestView>> find(String requestId) {
    return CompletableFuture.completedFuture(
        Optional.ofNullable(requests.get(requestId)).map(r -> r.view));
  }

  @Override
  public CompletionStage<Optional<RequestView>> cancel(String requestId) {
    Optional<Running> request = Optional.ofNullable(requests.get(requestId));
    request.ifPresent(r -> r.finish(FinishReason.CANCELLED, ""));
    return CompletableFuture.completedFuture(request.map(r -> r.view));
  }

  @Override
  public CompletionStage<Boolean> delete(String requestId) {
    order.remove(requestId);
    return cancel(requestId).thenApply(view -> requests.remove(requestId) != null);
  }

  @Override
  public CompletionStage<Optional<Waiting>> whyWaiting(String requestId) {
    return CompletableFuture.completedFuture(Optional.empty());
  }

  @Override
  public CompletionStage<Optional<RequestView>> pause(String requestId) {
    return told(requestId, r -> r.pause(true));
  }

  @Override
  public CompletionStage<Optional<RequestView>> resume(String requestId) {
    return told(requestId, r -> r.pause(false));
  }

  @Override
  public CompletionStage<Optional<RequestView>> prioritize(String requestId, Band band) {
    return find(requestId);
  }

  @Override
  public CompletionStage<Optional<RequestActor.Explanation>> explain(String requestId) {
    return CompletableFuture.completedFuture(Optional.empty());
  }

  private CompletionStage<Optional<RequestView>> told(String requestId, Consumer<Running> what) {
    Optional<Running> request = Optional.ofNullable(requests.get(requestId));
    request.ifPresent(what);
    return CompletableFuture.completedFuture(request.map(r -> r.view));
  }

  private final class Running {
    private final RequestView view;
    private final TextStream text;
    private RequestState state;

    Running(RequestSpec spec) {
      state = RequestState.NONE.apply(new RequestEvent.Accepted(spec));
      this.view = new RequestView(spec, state.snapshot());
      this.text = new TextStream(tokenizer, spec.stop());
    }

    synchronized void generate(int count) {
      RequestSpec spec = view.spec();
      Snapshot before = view.snapshot();
      if (before.finish().isPresent()) {
        return;
      }
      int size = before.tokens().size();
      List<Integer> tokens = new ArrayList<>();
      List<TokenLogprobs> logprobs = new ArrayList<>();
      FinishReason reason = null;
      while (reason == null && tokens.size() < count && size + tokens.size() < spec.maxTokens()) {
        int token = script.applyAsInt(size + tokens.size());
        tokens.add(token);
        if (spec.logprobs() >= 0) {
          logprobs.add(logprobs(token, spec.logprobs()));
        }
        if (text.append(token) || (!spec.ignoreEos() && tokenizer.endsGeneration(token))) {
          reason = FinishReason.STOP;
        }
      }
      if (reason == null && size + tokens.size() == spec.maxTokens()) {
        reason = FinishReason.LENGTH;
      }
      List<TokenLogprobs> prompt = new ArrayList<>();
      if (spec.promptLogprobs() && size == 0) {
        for (int i = 1; i < spec.promptTokens().length; i++) {
          prompt.add(logprobs(spec.promptTokens()[i], spec.logprobs()));
        }
      }
      int[] more = tokens.stream().mapToInt(t -> t).toArray();
      write(new RequestEvent.TokensCommitted(spec.id(), 1, size, more, logprobs, prompt));
      if (reason != null) {
        finish(reason, "");
      } else {
        view.publish(state.snapshot(), LOG);
      }
    }

    synchronized void finish(FinishReason reason, String detail) {
      if (state.isUnfinished()) {
        int index = state.tokens().size();
        write(new RequestEvent.Finished(view.spec().id(), state.epoch(), index, reason, detail));
        view.publish(state.snapshot(), LOG);
      }
    }

    synchronized void pause(boolean wanted) {
      if (state.isUnfinished() && state.paused() != wanted) {
        String id = view.spec().id();
        int index = state.tokens().size();
        write(
            wanted
                ? new RequestEvent.Paused(id, state.epoch(), index)
                : new RequestEvent.Resumed(id, state.epoch(), index));
        view.publish(state.snapshot(), LOG);
      }
    }

    private void write(RequestEvent event) {
      if (event instanceof RequestEvent.TokensCommitted && state.epoch() == 0) {
        int index = state.tokens().size();
        state = state.apply(new RequestEvent.Assigned(event.requestId(), 1, index, "memory", "0"));
      }
      state = state.apply(event);
    }
  }

  /** The token itself first, then the lowest ids. */
  private static TokenLogprobs logprobs(int token, int top) {
    int[] tokens = new int[top];
    float[] values = new float[top];
    int next = 0;
    for (int i = 0; i < top; i++) {
      if (i == 0) {
        tokens[i] = token;
      } else {
        next += next == token ? 1 : 0;
        tokens[i] = next++;
      }
      values[i] = -0.5f - i;
    }
    return new TokenLogprobs(-0.5f, tokens, values);
  }
}
