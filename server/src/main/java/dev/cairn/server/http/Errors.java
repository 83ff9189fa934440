package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.RejectedException;
import dev.cairn.persistence.RequestIds;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.http.scaladsl.model.EntityStreamException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns failures into replies. What is not the client's fault is logged with its stack trace. */
final class Errors {
  private static final Logger LOG = LoggerFactory.getLogger(Errors.class);

  private final HttpSettings settings;
  private final RequestIds ids;

  Errors(HttpSettings settings, RequestIds ids) {
    this.settings = settings;
    this.ids = ids;
  }

  /** The reply that a failure of a handler stands for. */
  ApiError of(Throwable failure, String what) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof ApiError error) {
      return error;
    }
    if (cause instanceof RejectedException rejected) {
      return ApiError.rejected(rejected);
    }
    if (cause instanceof Embeddings.NotFinite) {
      return ApiError.failed(cause.getMessage());
    }
    if (cause instanceof EntityStreamException) {
      return ApiError.malformedJson("The body ended before its announced length.");
    }
    if (cause instanceof TimeoutException) {
      return ApiError.bodyTooSlow(
          "The body did not arrive within " + settings.bodyTimeout().toMillis() + " ms.");
    }
    if (cause instanceof CancellationException) {
      return ApiError.failed("The client left before the reply.");
    }
    String id = ids.next();
    LOG.error("{} failed; the client was told failure {}", what, id, cause);
    return ApiError.internal("The server failed; its log tells why under failure " + id + ".");
  }

  ApiError bodyTooLarge() {
    return ApiError.bodyTooLarge(
        "The body is too large; expected at most " + settings.maxBodyBytes() + " bytes.");
  }

  static ObjectNode body(ApiError error) {
    ObjectNode body = Json.object();
    ObjectNode inner = body.putObject("error");
    inner.put("message", error.getMessage());
    inner.put("type", error.type());
    inner.put("param", error.param());
    inner.put("code", error.code());
    return body;
  }
}
