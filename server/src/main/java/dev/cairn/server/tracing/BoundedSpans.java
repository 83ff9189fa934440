package dev.cairn.server.tracing;

import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ObjIntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands before the SDK's queue and behind it, so that every span is counted once: as exported,
 * failed, or dropped because as many wait as may. Safe for any number of threads.
 */
final class BoundedSpans {
  private static final Logger LOG = LoggerFactory.getLogger(Tracing.class);

  private final TracingSettings settings;
  private final SpanExporter next;
  private final ObjIntConsumer<String> count;
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong lastLogNanos;

  /**
   * @param count told what became of spans
   */
  BoundedSpans(TracingSettings settings, SpanExporter next, ObjIntConsumer<String> count) {
    this.settings = settings;
    this.next = next;
    this.count = count;
    this.lastLogNanos = new AtomicLong(System.nanoTime() - settings.logInterval().toNanos());
  }

  private void lose(String result, int spans) {
    count.accept(result, spans);
    lost.addAndGet(spans);
    long now = System.nanoTime();
    long last = lastLogNanos.get();
    if (now - last >= settings.logInterval().toNanos() && lastLogNanos.compareAndSet(last, now)) {
      logLost(result);
    }
  }

  /** The exporter's threads have no context class loader, and where the log goes may need one. */
  private void logLost(String result) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(BoundedSpans.class.getClassLoader());
    try {
      LOG.warn(
          "{} spans of traces were lost since this was last said; the last ones {} at {}",
          lost.getAndSet(0),
          result.equals("failed") ? "could not be sent" : "found too many waiting",
          settings.endpoint());
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  /** Sends what the queue gives. */
  SpanExporter exporter() {
    return new SpanExporter() {
      @Override
      public CompletableResultCode export(Collection<SpanData> spans) {
        int size = spans.size();
        CompletableResultCode result = next.export(spans);
        result.whenComplete(
            () -> {
              waiting.addAndGet(-size);
              if (result.isSuccess()) {
                count.accept("exported", size);
              } else {
                lose("failed", size);
              }
            });
        return result;
      }

      @Override
      public CompletableResultCode flush() {
        return next.flush();
      }

      @Override
      public CompletableResultCode shutdown() {
        return next.shutdown();
      }
    };
  }

  /** Lets spans through to a queue as long as few enough wait. */
  SpanProcessor before(SpanProcessor queue) {
    return new SpanProcessor() {
      @Override
      public void onStart(Context parent, ReadWriteSpan span) {
        queue.onStart(parent, span);
      }

      @Override
      public boolean isStartRequired() {
        return queue.isStartRequired();
      }

      @Override
      public void onEnd(ReadableSpan span) {
        if (!span.getSpanContext().isSampled()) {
          return;
        }
        if (waiting.incrementAndGet() > settings.maxQueue()) {
          waiting.decrementAndGet();
          lose("dropped", 1);
        } else {
          queue.onEnd(span);
        }
      }

      @Override
      public boolean isEndRequired() {
        return true;
      }

      @Override
      public CompletableResultCode shutdown() {
        return queue.shutdown();
      }

      @Override
      public CompletableResultCode forceFlush() {
        return queue.forceFlush();
      }
    };
  }
}
