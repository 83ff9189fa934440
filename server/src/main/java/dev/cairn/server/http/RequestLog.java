package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.model.Tokenizer;
import dev.cairn.request.Snapshot;
import dev.cairn.server.keys.ApiKey;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.http.javadsl.model.AttributeKeys;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One JSON object for each call of the API, when its reply has gone out whole or its client has
 * left. Health and metrics are left out, and so is everything that a key or a prompt could be read
 * from, unless texts are asked for.
 */
final class RequestLog {
  /** Logger whose messages are the lines. */
  static final String NAME = "cairn.requests";

  private static final Logger LINES = LoggerFactory.getLogger(NAME);
  private static final Set<String> LEFT_OUT = Set.of("/health/live", "/health/ready", "/metrics");
  private static final double NANOS_PER_SECOND = 1e9;

  private final RequestLogSettings settings;
  private final Tokenizer tokenizer;

  RequestLog(RequestLogSettings settings, Tokenizer tokenizer) {
    this.settings = settings;
    this.tokenizer = tokenizer;
  }

  /** A call comes: from here on it has a record, if it is one to be logged. */
  HttpRequest begin(HttpRequest request) {
    return settings.enabled() && !LEFT_OUT.contains(request.getUri().path())
        ? new RequestRecord().addTo(request)
        : request;
  }

  /** Writes the line of a call when its reply is over; of a stream that is when the stream is. */
  HttpResponse end(HttpRequest request, HttpResponse response) {
    RequestRecord record = RequestRecord.of(request).orElse(null);
    if (record == null) {
      return response;
    }
    if (!response.entity().isChunked()) {
      write(request, record, response);
      return response;
    }
    return response.withEntity(
        HttpEntities.createChunked(
            response.entity().getContentType(),
            response
                .entity()
                .getDataBytes()
                .watchTermination(
                    (unused, done) ->
                        done.whenComplete((ok, left) -> write(request, record, response)))));
  }

  private void write(HttpRequest request, RequestRecord record, HttpResponse response) {
    try {
      LINES.info(Json.write(line(request, record, response)));
    } catch (RuntimeException e) {
      LoggerFactory.getLogger(RequestLog.class).error("a line of the request log is lost", e);
    }
  }

  private ObjectNode line(HttpRequest request, RequestRecord record, HttpResponse response) {
    List<RequestView> views = record.views();
    List<Snapshot> ends = views.stream().map(RequestView::snapshot).toList();
    ObjectNode out = Json.object();
    out.put("time", Instant.ofEpochMilli(record.startMillis).toString());
    out.put("request_id", response.getHeader("X-Request-Id").map(HttpHeader::value).orElse(null));
    out.put("method", request.method().name());
    out.put("route", record.route().isEmpty() ? null : record.route());
    out.put("status", response.status().intValue());
    out.put("stream", response.entity().isChunked());
    out.put("tenant", record.caller().tenant());
    out.put("key", record.caller().key().map(ApiKey::name).orElse(null));
    request
        .getAttribute(AttributeKeys.remoteAddress)
        .flatMap(remote -> remote.getAddress())
        .ifPresentOrElse(
            address -> out.put("remote_address", address.getHostAddress()),
            () -> out.putNull("remote_address"));
    out.put("duration_seconds", (System.nanoTime() - record.startNanos) / NANOS_PER_SECOND);
    if (views.isEmpty()) {
      return out;
    }
    out.put("choices", views.size());
    out.put("prompt_tokens", views.get(0).spec().promptTokens().length);
    out.put("output_tokens", ends.stream().mapToInt(end -> end.tokens().size()).sum());
    views.stream()
        .flatMapToLong(view -> view.firstTokenNanos().stream())
        .map(nanos -> nanos - record.startNanos)
        .filter(nanos -> nanos >= 0)
        .min()
        .ifPresentOrElse(
            nanos -> out.put("time_to_first_token_seconds", nanos / NANOS_PER_SECOND),
            () -> out.putNull("time_to_first_token_seconds"));
    out.put("finish_reason", reasons(ends));
    if (settings.includeText()) {
      texts(out, views, ends);
    }
    return out;
  }

  /** Each reason once; null where a request goes on without this call. */
  private static String reasons(List<Snapshot> ends) {
    return ends.stream().anyMatch(end -> end.finish().isEmpty())
        ? null
        : ends.stream()
            .map(end -> end.finish().orElseThrow().reason().name().toLowerCase(Locale.ROOT))
            .distinct()
            .collect(Collectors.joining(","));
  }

  private void texts(ObjectNode out, List<RequestView> views, List<Snapshot> ends) {
    out.put("prompt", shortened(Completion.text(tokenizer, views.get(0).spec().promptTokens())));
    Completion completion =
        new Completion(views.stream().map(RequestView::spec).toList(), tokenizer);
    ArrayNode outputs = out.putArray("outputs");
    for (int i = 0; i < views.size(); i++) {
      outputs.add(shortened(completion.text(views.get(i).spec(), ends.get(i))));
    }
  }

  private String shortened(String text) {
    int most = settings.maxTextCharacters();
    return text.length() > most ? text.substring(0, most) + "…" : text;
  }
}
