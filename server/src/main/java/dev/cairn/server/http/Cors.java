package dev.cairn.server.http;

import java.util.List;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/** Lets pages of certain origins use the API from a browser (the Fetch standard's CORS). */
final class Cors {
  private static final String ANY = "*";

  private final List<String> origins;
  private final String headers;

  /**
   * @param origins allowed, as browsers write them; {@code *} is any
   * @param tenantHeader that pages may send too, beside those that every API has
   */
  Cors(List<String> origins, Optional<String> tenantHeader) {
    this.origins = List.copyOf(origins);
    this.headers =
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
            + tenantHeader.map(name -> ", " + name).orElse("");
  }

  /** The reply to a browser that asks before it sends; empty for every other request. */
  Optional<HttpResponse> preflight(HttpRequest request, String methods) {
    if (!request.method().name().equals("OPTIONS")
        || request.getHeader("Access-Control-Request-Method").isEmpty()
        || allowed(request).isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        HttpResponse.create()
            .withStatus(204)
            .addHeader(RawHeader.create("Access-Control-Allow-Methods", methods))
            .addHeader(RawHeader.create("Access-Control-Allow-Headers", headers))
            .addHeader(RawHeader.create("Access-Control-Max-Age", "600")));
  }

  /** The reply as a page of the request's origin may read it. */
  HttpResponse allow(HttpRequest request, HttpResponse reply) {
    return allowed(request)
        .map(
            origin ->
                reply
                    .addHeader(RawHeader.create("Access-Control-Allow-Origin", origin))
                    .addHeader(
                        RawHeader.create(
                            "Access-Control-Expose-Headers",
                            "X-Request-Id, Retry-After, x-ratelimit-limit-requests,"
                                + " x-ratelimit-limit-tokens, x-ratelimit-remaining-requests,"
                                + " x-ratelimit-remaining-tokens, x-ratelimit-reset-requests,"
                                + " x-ratelimit-reset-tokens"))
                    .addHeader(RawHeader.create("Vary", "Origin")))
        .orElse(reply);
  }

  private Optional<String> allowed(HttpRequest request) {
    return request
        .getHeader("Origin")
        .map(HttpHeader::value)
        .filter(origin -> origins.contains(ANY) || origins.contains(origin));
  }
}
