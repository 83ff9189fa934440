package dev.cairn.server.http;

import dev.cairn.actors.RequestView;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.AttributeKey;
import org.apache.pekko.http.javadsl.model.HttpRequest;

/**
 * What the request log is to say of a call, as it becomes known. Travels with the HTTP request;
 * without a request log there is none. Safe for any number of threads.
 */
final class RequestRecord {
  private static final AttributeKey<RequestRecord> KEY =
      AttributeKey.create("cairn-request-record", RequestRecord.class);

  final long startMillis = System.currentTimeMillis();
  final long startNanos = System.nanoTime();
  private volatile Caller caller = Caller.UNNAMED;
  private volatile String route = "";
  private volatile List<RequestView> views = List.of();

  /** The record of a call, where there is a request log. */
  static Optional<RequestRecord> of(HttpRequest request) {
    return request.getAttribute(KEY);
  }

  HttpRequest addTo(HttpRequest request) {
    return request.addAttribute(KEY, this);
  }

  void caller(Caller who) {
    caller = who;
  }

  Caller caller() {
    return caller;
  }

  /**
   * @param template path of the route, with the names of its variables
   */
  void route(String template) {
    route = template;
  }

  String route() {
    return route;
  }

  /** The requests that the call made. */
  void views(List<RequestView> made) {
    views = made;
  }

  List<RequestView> views() {
    return views;
  }
}
