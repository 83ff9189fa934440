package dev.cairn.server.http;

import dev.cairn.actors.RejectedException;
import java.util.List;
import org.apache.pekko.http.javadsl.model.HttpHeader;

/** A reply other than success, in the form of OpenAI's API. The message is for the client. */
public final class ApiError extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String INVALID = "invalid_request_error";
  private static final String CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded";
  private static final String SERVER = "server_error";

  private final int status;
  private final String type;
  private final String param;
  private final String code;
  private final long retryAfterSeconds;
  private final transient List<HttpHeader> headers;

  private ApiError(int status, String type, String param, String code, String message) {
    this(status, type, param, code, message, 0, List.of());
  }

  private ApiError(
      int status,
      String type,
      String param,
      String code,
      String message,
      long retryAfterSeconds,
      List<HttpHeader> headers) {
    super(message, null, false, false);
    this.retryAfterSeconds = retryAfterSeconds;
    this.headers = headers;
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  int status() {
    return status;
  }

  String type() {
    return type;
  }

  /** Name of the field at fault, or null. */
  String param() {
    return param;
  }

  String code() {
    return code;
  }

  /** What Retry-After says; 0: as is configured. */
  long retryAfterSeconds() {
    return retryAfterSeconds;
  }

  /** Further headers of the reply. */
  List<HttpHeader> headers() {
    return headers;
  }

  /** A field has a value that is not allowed. */
  public static ApiError invalid(String param, String message) {
    return new ApiError(400, INVALID, param, "invalid_value", message);
  }

  /** A prompt is longer than the model's context; OpenAI's clients know the code. */
  static ApiError tooLong(String param, String message) {
    return new ApiError(400, INVALID, param, CONTEXT_LENGTH_EXCEEDED, message);
  }

  /** Whether the prompt was longer than the model's context. */
  public boolean isTooLong() {
    return CONTEXT_LENGTH_EXCEEDED.equals(code);
  }

  static ApiError malformedJson(String message) {
    return new ApiError(400, INVALID, null, "invalid_json", message);
  }

  /** Another status that somebody else has already decided on. */
  public static ApiError passedOn(int status, String message) {
    return new ApiError(status, status < 500 ? INVALID : SERVER, null, "refused", message);
  }

  /** Nobody says who asks, or nobody knows who says so. */
  public static ApiError unauthorized(String message) {
    return new ApiError(401, "authentication_error", null, "key_required", message);
  }

  /** The API's key is missing or wrong; in the words that clients of OpenAI's API know. */
  static ApiError invalidKey(String message) {
    return new ApiError(401, INVALID, null, "invalid_api_key", message);
  }

  /**
   * Who asks has used up what it may use for now.
   *
   * @param what is bounded, requests or tokens
   */
  static ApiError rateLimited(
      String what, String message, long retryAfterSeconds, List<HttpHeader> headers) {
    return new ApiError(
        429, what, null, "rate_limit_exceeded", message, retryAfterSeconds, List.copyOf(headers));
  }

  /** Who asks may not. */
  public static ApiError forbidden(String message) {
    return new ApiError(403, "permission_error", null, "forbidden", message);
  }

  /** Not even HTTP. */
  static ApiError malformedHttp(int status, String message) {
    return new ApiError(status, INVALID, null, "invalid_http", message);
  }

  public static ApiError notFound(String message) {
    return new ApiError(404, INVALID, null, "not_found", message);
  }

  /** In the words that clients of OpenAI's API know. */
  static ApiError previousNotFound(String message) {
    return new ApiError(
        404, INVALID, "previous_response_id", "previous_response_not_found", message);
  }

  static ApiError methodNotAllowed(String message) {
    return new ApiError(405, INVALID, null, "method_not_allowed", message);
  }

  static ApiError bodyTooSlow(String message) {
    return new ApiError(408, INVALID, null, "request_timeout", message);
  }

  public static ApiError conflict(String param, String message) {
    return new ApiError(409, INVALID, param, "conflict", message);
  }

  static ApiError bodyTooLarge(String message) {
    return new ApiError(413, INVALID, null, "body_too_large", message);
  }

  static ApiError failed(String message) {
    return new ApiError(500, SERVER, null, "request_failed", message);
  }

  static ApiError internal(String message) {
    return new ApiError(500, SERVER, null, "internal_error", message);
  }

  static ApiError rejected(RejectedException e) {
    String message = e.getMessage();
    return switch (e.kind()) {
      case QUEUE_FULL -> new ApiError(429, "rate_limit_error", null, "queue_full", message);
      case TENANT_QUEUE_FULL -> new ApiError(429, "requests", null, "tenant_queue_full", message);
      case TOO_LONG -> invalid("prompt", message);
      case UNAVAILABLE -> new ApiError(503, SERVER, null, "unavailable", message);
      case STORAGE_FULL -> new ApiError(507, SERVER, null, "storage_full", message);
      case CONFLICT -> conflict(null, message);
    };
  }
}
