package dev.cairn.server.tracing;

import dev.cairn.actors.RequestObserver;
import dev.cairn.persistence.FinishReason;
import dev.cairn.scheduling.Handover;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The spans of one life of a request: its own, below it one for each time that it waited, computed
 * its prompt, generated or was paused, and one that sums up its commits. Their number is bounded:
 * of what comes later it is counted how much there was. No span has text of the prompt or of the
 * output.
 *
 * <p>A recovered request begins a trace of its own, for the journal has no place for the first one;
 * {@code cairn.request.id} is the same in both.
 */
final class RequestSpans implements RequestObserver {
  private static final AttributeKey<String> ID = AttributeKey.stringKey("cairn.request.id");
  private static final AttributeKey<String> TENANT = AttributeKey.stringKey("cairn.tenant");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("gen_ai.request.model");
  private static final AttributeKey<Boolean> RECOVERED = AttributeKey.booleanKey("cairn.recovered");
  private static final AttributeKey<Boolean> INTERRUPTED =
      AttributeKey.booleanKey("cairn.interrupted");
  private static final AttributeKey<Long> PROMPT =
      AttributeKey.longKey("gen_ai.usage.input_tokens");
  private static final AttributeKey<Long> OUTPUT =
      AttributeKey.longKey("gen_ai.usage.output_tokens");
  private static final AttributeKey<List<String>> FINISH =
      AttributeKey.stringArrayKey("gen_ai.response.finish_reasons");
  private static final AttributeKey<Long> EPOCH = AttributeKey.longKey("cairn.epoch");
  private static final AttributeKey<String> DEVICE = AttributeKey.stringKey("cairn.device");
  private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("cairn.tokens");
  private static final AttributeKey<Long> COMMITS = AttributeKey.longKey("cairn.commits");
  private static final AttributeKey<Double> COMMIT_SECONDS =
      AttributeKey.doubleKey("cairn.commit.seconds");
  private static final AttributeKey<Double> LONGEST_COMMIT =
      AttributeKey.doubleKey("cairn.commit.max_seconds");
  private static final AttributeKey<Long> LEFT_OUT = AttributeKey.longKey("cairn.left_out_spans");
  private static final double NANOS_PER_SECOND = 1e9;

  /** Spans of every life beside the phases: its own, and that of the commits. */
  private static final int OTHERS = 2;

  private enum Phase {
    QUEUE,
    PREFILL,
    DECODE,
    PAUSED
  }

  private final Tracer tracer;
  private final Span root;
  private final Context context;
  private final long anchorNanos = System.nanoTime();
  private final long anchorEpochNanos = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
  private final int maxPhases;
  private int phases;
  private int leftOut;
  private boolean isOver;

  /** What goes on now, since when, and how many tokens it has brought; null: nothing. */
  private Phase phase;

  private long sinceNanos;
  private int phaseTokens;
  private int epoch;
  private String device = "";

  private long firstHandOverNanos;
  private long handedOverNanos;
  private long lastCommitNanos;
  private long commits;
  private long commitNanos;
  private long longestCommitNanos;
  private int output;

  private RequestSpans(Tracer tracer, Beginning beginning, int maxSpans) {
    this.tracer = tracer;
    this.maxPhases = maxSpans - OTHERS;
    this.output = beginning.tokens();
    long beganNanos = anchorNanos - Math.max(0, beginning.sinceNanos());
    SpanBuilder builder =
        tracer
            .spanBuilder("cairn.request")
            .setSpanKind(SpanKind.SERVER)
            .setParent(parent(beginning.traceParent()))
            .setStartTimestamp(wall(beganNanos), TimeUnit.NANOSECONDS)
            .setAttribute(ID, beginning.spec().id())
            .setAttribute(MODEL, beginning.spec().model())
            .setAttribute(PROMPT, (long) beginning.spec().promptTokens().length);
    if (!beginning.spec().scheduling().tenant().isEmpty()) {
      builder.setAttribute(TENANT, beginning.spec().scheduling().tenant());
    }
    if (beginning.isRecovered()) {
      builder.setAttribute(RECOVERED, true);
    }
    this.root = builder.startSpan();
    this.context = Context.root().with(root);
    if (!beginning.isRecovered()) {
      commit(beganNanos, anchorNanos);
    }
  }

  /** The observer of a life; {@link RequestObserver#NONE} where it is not sampled. */
  static RequestObserver begin(Tracer tracer, Beginning beginning, int maxSpans) {
    RequestSpans spans = new RequestSpans(tracer, beginning, maxSpans);
    return spans.root.isRecording() ? spans : NONE;
  }

  private static Context parent(String traceParent) {
    return traceParent.isEmpty()
        ? Context.root()
        : W3CTraceContextPropagator.getInstance()
            .extract(Context.root(), traceParent, new TraceParent());
  }

  private static final class TraceParent implements TextMapGetter<String> {
    @Override
    public Iterable<String> keys(String carrier) {
      return List.of("traceparent");
    }

    @Override
    public String get(String carrier, String key) {
      return key.equals("traceparent") ? carrier : null;
    }
  }

  /** Nanoseconds since the epoch. */
  private long wall(long nanoTime) {
    return anchorEpochNanos + (nanoTime - anchorNanos);
  }

  @Override
  public void admitted(int newEpoch, String newDevice) {
    long now = System.nanoTime();
    endPhase(now);
    epoch = newEpoch;
    device = newDevice;
    beginPhase(Phase.QUEUE, now);
  }

  /**
   * The scheduler says how long it took to get here; the phases before are laid out backwards from
   * now, none before the one that was going on.
   */
  @Override
  public void generated(int tokens, Optional<Handover.Timing> timing) {
    long now = System.nanoTime();
    handedOverNanos = now;
    firstHandOverNanos = firstHandOverNanos == 0 ? now : firstHandOverNanos;
    if (timing.isPresent()) {
      long least = sinceNanos;
      long drew = Math.max(least, now - timing.get().decodedNanos());
      long started = Math.max(least, drew - timing.get().prefillNanos());
      if (phase == Phase.DECODE) {
        long stopped = Math.max(least, started - timing.get().waitedNanos());
        endPhase(stopped);
        beginPhase(Phase.QUEUE, stopped);
      } else if (phase == null) {
        beginPhase(Phase.QUEUE, started);
      }
      endPhase(started);
      beginPhase(Phase.PREFILL, started);
      endPhase(drew);
      beginPhase(Phase.DECODE, drew);
    } else if (phase != Phase.DECODE) {
      // It went on where it was: a scheduler that still ran it was found again.
      endPhase(now);
      beginPhase(Phase.DECODE, now);
    }
    phaseTokens += tokens;
  }

  @Override
  public void committed(int tokens) {
    output += tokens;
    commit(handedOverNanos, System.nanoTime());
  }

  private void commit(long fromNanos, long toNanos) {
    commits++;
    commitNanos += toNanos - fromNanos;
    longestCommitNanos = Math.max(longestCommitNanos, toNanos - fromNanos);
    lastCommitNanos = toNanos;
    firstHandOverNanos = firstHandOverNanos == 0 ? fromNanos : firstHandOverNanos;
  }

  @Override
  public void paused() {
    if (phase != Phase.PAUSED) {
      long now = System.nanoTime();
      endPhase(now);
      beginPhase(Phase.PAUSED, now);
    }
  }

  @Override
  public void ended(FinishReason reason, int tokens) {
    output = tokens;
    String text = reason.name().toLowerCase(Locale.ROOT);
    root.setAttribute(FINISH, List.of(text));
    if (reason == FinishReason.ERROR) {
      root.setStatus(StatusCode.ERROR);
    }
    end();
  }

  @Override
  public void stopped() {
    if (isOver) {
      return;
    }
    root.setAttribute(INTERRUPTED, true);
    end();
  }

  private void end() {
    if (isOver) {
      return;
    }
    isOver = true;
    long now = System.nanoTime();
    endPhase(now);
    if (commits > 0) {
      child("commit", firstHandOverNanos)
          .setAttribute(COMMITS, commits)
          .setAttribute(COMMIT_SECONDS, commitNanos / NANOS_PER_SECOND)
          .setAttribute(LONGEST_COMMIT, longestCommitNanos / NANOS_PER_SECOND)
          .startSpan()
          .end(wall(lastCommitNanos), TimeUnit.NANOSECONDS);
    }
    root.setAttribute(OUTPUT, (long) output);
    if (leftOut > 0) {
      root.setAttribute(LEFT_OUT, (long) leftOut);
    }
    root.end(wall(now), TimeUnit.NANOSECONDS);
  }

  private void beginPhase(Phase next, long nowNanos) {
    phase = next;
    sinceNanos = nowNanos;
    phaseTokens = 0;
  }

  private void endPhase(long nowNanos) {
    if (phase == null) {
      return;
    }
    if (phases < maxPhases) {
      phases++;
      SpanBuilder span = child(phase.name().toLowerCase(Locale.ROOT), sinceNanos);
      if (phase != Phase.PAUSED) {
        span.setAttribute(EPOCH, (long) epoch).setAttribute(DEVICE, device);
      }
      if (phase == Phase.DECODE) {
        span.setAttribute(TOKENS, (long) phaseTokens);
      }
      span.startSpan().end(wall(nowNanos), TimeUnit.NANOSECONDS);
    } else {
      leftOut++;
    }
    phase = null;
  }

  private SpanBuilder child(String name, long startNanos) {
    return tracer
        .spanBuilder(name)
        .setParent(context)
        .setStartTimestamp(wall(startNanos), TimeUnit.NANOSECONDS);
  }
}
