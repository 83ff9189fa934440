package dev.cairn.server.tracing;

import dev.cairn.actors.RequestObserver;
import dev.cairn.server.metrics.CairnMetrics;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Traces of a node's requests, sent by OTLP. What cannot be sent is counted and dropped: a request
 * never waits for it.
 */
public final class Tracing implements AutoCloseable {
  /** What the SDK says of its own accord; kept here, or its level would be forgotten. */
  private static final Logger SDK = Logger.getLogger("io.opentelemetry");

  private final SdkTracerProvider provider;
  private final CairnMetrics metrics;
  private final long timeoutMillis;

  private Tracing(SdkTracerProvider provider, CairnMetrics metrics, long timeoutMillis) {
    this.provider = provider;
    this.metrics = metrics;
    this.timeoutMillis = timeoutMillis;
  }

  /**
   * Begins to trace.
   *
   * @param instance name of this process among those of the service
   * @param metrics counts spans, and has requests observed from now on
   */
  public static Tracing start(TracingSettings settings, String instance, CairnMetrics metrics) {
    SDK.setLevel(Level.OFF);
    SpanExporter otlp =
        OtlpHttpSpanExporter.builder()
            .setEndpoint(settings.endpoint().toString())
            .setTimeout(settings.timeout())
            .setRetryPolicy(null)
            .build();
    BoundedSpans bounded = new BoundedSpans(settings, otlp, metrics::spans);
    BatchSpanProcessor batches =
        BatchSpanProcessor.builder(bounded.exporter())
            .setMaxQueueSize(settings.maxQueue() + settings.maxBatch())
            .setMaxExportBatchSize(settings.maxBatch())
            .setScheduleDelay(settings.delay())
            .setExporterTimeout(settings.timeout())
            .build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(
                Resource.getDefault()
                    .merge(
                        Resource.create(
                            Attributes.of(
                                AttributeKey.stringKey("service.name"),
                                settings.serviceName(),
                                AttributeKey.stringKey("service.instance.id"),
                                instance))))
            .setSampler(Sampler.parentBased(Sampler.traceIdRatioBased(settings.sampleRatio())))
            .addSpanProcessor(bounded.before(batches))
            .build();
    Tracer tracer = provider.get("dev.cairn");
    metrics.observeRequests(
        beginning -> RequestSpans.begin(tracer, beginning, settings.maxSpans()));
    return new Tracing(provider, metrics, settings.timeout().toMillis());
  }

  /** No request is observed any more; what waits is sent, for as long as one attempt may take. */
  @Override
  public void close() {
    metrics.observeRequests(beginning -> RequestObserver.NONE);
    provider.shutdown().join(timeoutMillis, TimeUnit.MILLISECONDS);
  }
}
