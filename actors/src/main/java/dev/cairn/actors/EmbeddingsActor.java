package dev.cairn.actors;

import dev.cairn.persistence.Band;
import dev.cairn.persistence.LookUp;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.request.Placement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The calls for vectors that a gateway has taken. A call holds one place of the gateway's {@link
 * AdmissionGate}, and has a bounded number of its texts on devices at a time, each with an {@link
 * EmbeddingActor}; when it ends, however that is, those stop and everything is given back.
 */
public final class EmbeddingsActor extends AbstractBehavior<EmbeddingsActor.Command> {
  /** What it understands. */
  public sealed interface Command {}

  /**
   * Compute the vectors of a call.
   *
   * @param id names the call among all of the cluster
   * @param vectors completed with them; where it is cancelled, {@link Cancel} has to follow
   */
  public record Embed(String id, Embeddings.Call call, CompletableFuture<List<float[]>> vectors)
      implements Command {}

  /** Nobody wants the vectors of a call any more; a no-op where it has ended. */
  public record Cancel(String id) implements Command {}

  private record Ended(String id, int input, EmbeddingActor.Outcome outcome) implements Command {}

  private record TimeOver(String id) implements Command {}

  /**
   * What the calls of a gateway need and are bounded by.
   *
   * @param modelName of the model that is served
   * @param fingerprint of its file
   * @param maxParallel texts of a call that are on devices at the same time
   * @param timeout longest time that a call may take
   * @param retryAssign pause before a text for which there is no device looks again
   * @param checkInterval how often a text asks its scheduler whether it is still there
   * @param maxDeviceLosses devices that may fail a text before its call fails
   * @param clockMillis milliseconds since the epoch
   */
  public record Environment(
      Placement<ActorRef<SchedulerActor.Command>> placement,
      AdmissionGate gate,
      String modelName,
      String fingerprint,
      int maxParallel,
      Duration timeout,
      Duration retryAssign,
      Duration checkInterval,
      int maxDeviceLosses,
      LongSupplier clockMillis) {}

  /** What is held for calls, for the leak registry. Safe for any number of threads. */
  public static final class Held {
    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicInteger texts = new AtomicInteger();

    /** Calls that have not ended. */
    public long calls() {
      return calls.get();
    }

    /** Texts with an actor. */
    public long texts() {
      return texts.get();
    }
  }

  private static final class Running {
    final Embeddings.Call call;
    final CompletableFuture<List<float[]>> result;
    final float[][] vectors;
    final Map<Integer, ActorRef<EmbeddingActor.Command>> texts = new HashMap<>();
    int next;
    int done;

    Running(Embed embed) {
      call = embed.call();
      result = embed.vectors();
      vectors = new float[call.inputs().size()][];
    }
  }

  private final Environment env;
  private final Held held;
  private final TimerScheduler<Command> timers;
  private final Map<String, Running> calls = new HashMap<>();

  /** The calls of a gateway. */
  public static Behavior<Command> create(Environment env, Held held) {
    Behavior<Command> calls =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(timers -> new EmbeddingsActor(context, timers, env, held)));
    return Behaviors.supervise(calls).onFailure(SupervisorStrategy.restart());
  }

  private EmbeddingsActor(
      ActorContext<Command> context, TimerScheduler<Command> timers, Environment env, Held held) {
    super(context);
    context.setLoggerName(EmbeddingsActor.class);
    this.timers = timers;
    this.env = env;
    this.held = held;
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(Embed.class, this::onEmbed)
        .onMessage(Ended.class, this::onEnded)
        .onMessage(Cancel.class, this::onCancel)
        .onMessage(TimeOver.class, this::onTimeOver)
        .onSignal(PreRestart.class, restart -> onStop("the calls' actor failed; ask again"))
        .onSignal(PostStop.class, stop -> onStop("the server is stopping"))
        .build();
  }

  private Behavior<Command> onEmbed(Embed embed) {
    String tenant = embed.call().tenant();
    AdmissionGate gate = env.gate();
    AdmissionGate.Entry entry = gate.enter(embed.id(), tenant);
    if (entry == AdmissionGate.Entry.FULL) {
      refuse(embed, RejectedException.Kind.QUEUE_FULL, AdmissionGate.full(gate.limit()));
    } else if (entry == AdmissionGate.Entry.TENANT_FULL) {
      refuse(
          embed,
          RejectedException.Kind.TENANT_QUEUE_FULL,
          AdmissionGate.tenantFull(tenant, gate.maxQueued(tenant)));
    } else {
      Running running = new Running(embed);
      calls.put(embed.id(), running);
      held.calls.incrementAndGet();
      timers.startSingleTimer(embed.id(), new TimeOver(embed.id()), env.timeout());
      startTexts(embed.id(), running);
    }
    return this;
  }

  private static void refuse(Embed embed, RejectedException.Kind kind, String message) {
    embed.vectors().completeExceptionally(new RejectedException(kind, message));
  }

  private void startTexts(String id, Running running) {
    while (running.texts.size() < env.maxParallel() && running.next < running.vectors.length) {
      int input = running.next++;
      ActorRef<Command> self = getContext().getSelf();
      running.texts.put(
          input,
          getContext()
              .spawn(
                  EmbeddingActor.create(
                      env,
                      text(id + "." + input, running.call, input),
                      running.call.pooling(),
                      running.call.weight(),
                      outcome -> self.tell(new Ended(id, input, outcome))),
                  id + "." + input));
      held.texts.incrementAndGet();
    }
  }

  private RequestSpec text(String id, Embeddings.Call call, int input) {
    Scheduling scheduling =
        new Scheduling(
            Band.INTERACTIVE,
            call.tenant(),
            "",
            0,
            0,
            false,
            "",
            "",
            0,
            0,
            LookUp.OFF,
            call.weight());
    return RequestSpec.of(id, env.modelName(), env.fingerprint(), call.inputs().get(input))
        .submittedAtMillis(env.clockMillis().getAsLong())
        .maxTokens(0)
        .scheduling(scheduling)
        .build();
  }

  private Behavior<Command> onEnded(Ended ended) {
    Running running = calls.get(ended.id());
    if (running == null || running.texts.remove(ended.input()) == null) {
      return this;
    }
    held.texts.decrementAndGet();
    if (ended.outcome() instanceof EmbeddingActor.Failed failed) {
      end(ended.id()).result.completeExceptionally(named(failed.cause(), running, ended.input()));
      return this;
    }
    running.vectors[ended.input()] = ((EmbeddingActor.Vector) ended.outcome()).values();
    running.done++;
    if (running.done < running.vectors.length) {
      startTexts(ended.id(), running);
    } else {
      end(ended.id()).result.complete(new ArrayList<>(Arrays.asList(running.vectors)));
    }
    return this;
  }

  private static RuntimeException named(RuntimeException cause, Running running, int input) {
    return cause instanceof Embeddings.NotFinite && running.vectors.length > 1
        ? new Embeddings.NotFinite("input[" + input + "]: " + cause.getMessage())
        : cause;
  }

  private Behavior<Command> onCancel(Cancel cancel) {
    if (calls.containsKey(cancel.id())) {
      end(cancel.id());
    }
    return this;
  }

  private Behavior<Command> onTimeOver(TimeOver over) {
    if (calls.containsKey(over.id())) {
      Running running = end(over.id());
      String message =
          running.done
              + " of "
              + running.vectors.length
              + " embeddings were computed within "
              + env.timeout().toMillis()
              + " ms (cairn.embeddings.timeout); try again later or with fewer inputs";
      getContext().getLog().warn("call {}: {}", over.id(), message);
      running.result.completeExceptionally(
          new RejectedException(RejectedException.Kind.UNAVAILABLE, message));
    }
    return this;
  }

  /** Gives back what a call holds. */
  private Running end(String id) {
    Running running = calls.remove(id);
    timers.cancel(id);
    running.texts.values().forEach(getContext()::stop);
    held.texts.addAndGet(-running.texts.size());
    held.calls.decrementAndGet();
    env.gate().leave(id);
    return running;
  }

  private Behavior<Command> onStop(String why) {
    for (String id : List.copyOf(calls.keySet())) {
      end(id)
          .result
          .completeExceptionally(new RejectedException(RejectedException.Kind.UNAVAILABLE, why));
    }
    return this;
  }
}
