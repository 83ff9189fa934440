package dev.cairn.tests;

import dev.cairn.tests.ApiClient.Event;
import dev.cairn.tests.ApiClient.RefusedException;
import java.util.Map;
import java.util.Optional;

/** What a client has of one stream, over all its connections. */
final class ClientStream {
  private final Map<String, Object> body;
  private final Optional<String> idempotencyKey;
  private final StringBuilder text = new StringBuilder();
  private volatile String requestId = "";
  private volatile String lastEventId = "";
  private volatile boolean complete;
  private volatile int refusals;

  /**
   * @param idempotencyKey without one a client that was not told the request's id cannot try again
   */
  ClientStream(Map<String, Object> body, Optional<String> idempotencyKey) {
    this.body = body;
    this.idempotencyKey = idempotencyKey;
  }

  /**
   * Submits the request, or goes on with it, until its end or until the connection breaks.
   *
   * @param seen told of each event
   */
  void follow(ApiClient client, Runnable seen) {
    try {
      if (!requestId.isEmpty()) {
        complete = client.resume(requestId, lastEventId, event -> take(event, seen));
      } else {
        complete =
            client.stream(body, idempotencyKey, id -> requestId = id, event -> take(event, seen));
      }
    } catch (RefusedException e) {
      // A server that stops or fails says so, and when to try again, while it still can.
      if (e.status() != 503 || !e.saysWhen()) {
        throw e;
      }
      refusals++;
    }
  }

  private void take(Event event, Runnable seen) {
    text.append(event.text());
    lastEventId = event.id();
    seen.run();
  }

  /** Empty until a server has acknowledged the request. */
  String requestId() {
    return requestId;
  }

  String text() {
    return text.toString();
  }

  boolean complete() {
    return complete;
  }

  /** How often a server answered that it does not take the request now. */
  int refusals() {
    return refusals;
  }
}
