package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/** Replies of the API's kinds. */
public final class Replies {
  private static final ContentType EVENTS = MediaTypes.TEXT_EVENT_STREAM.toContentType();

  private Replies() {}

  public static HttpResponse json(int status, JsonNode body) {
    return HttpResponse.create()
        .withStatus(status)
        .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, Json.bytes(body)));
  }

  static HttpResponse error(ApiError error, HttpSettings settings) {
    HttpResponse response = json(error.status(), Errors.body(error)).addHeaders(error.headers());
    if (error.status() == 429 || error.status() == 503) {
      long seconds =
          error.retryAfterSeconds() > 0
              ? error.retryAfterSeconds()
              : Math.max(1, settings.retryAfter().toSeconds());
      response = response.addHeader(RawHeader.create("Retry-After", Long.toString(seconds)));
    }
    return response;
  }

  static HttpResponse events(Source<ByteString, ?> events) {
    return HttpResponse.create()
        .withEntity(HttpEntities.createChunked(EVENTS, events))
        .addHeader(RawHeader.create("Cache-Control", "no-cache"))
        .addHeader(RawHeader.create("X-Accel-Buffering", "no"));
  }

  static HttpResponse ofRequest(String id, HttpResponse response) {
    return response.addHeader(RawHeader.create("X-Request-Id", id));
  }
}
