package dev.cairn.server.http;

import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.http.ParsingErrorHandler;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.scaladsl.model.ErrorInfo;
import org.apache.pekko.http.scaladsl.model.StatusCode;
import org.apache.pekko.http.scaladsl.settings.ServerSettings;

/** Replies to requests that are no valid HTTP. {@code reference.conf} tells Pekko of it by name. */
public final class HttpFormErrors extends ParsingErrorHandler {
  /** The instance that Pekko looks for, as it would in a Scala object. */
  public static final HttpFormErrors MODULE$ = new HttpFormErrors();

  @Override
  public HttpResponse handle(
      StatusCode status, ErrorInfo error, LoggingAdapter log, ServerSettings settings) {
    String summary = error.summary();
    String message = summary.isEmpty() ? "The request is no valid HTTP" : summary;
    ApiError reply = ApiError.malformedHttp(status.intValue(), message + ".");
    return Replies.json(reply.status(), Errors.body(reply));
  }
}
