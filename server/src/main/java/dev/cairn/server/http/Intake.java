package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RejectedException;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.metrics.CairnMetrics;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Takes calls that make requests: in the name of a tenant, and as many as it may make. */
final class Intake {
  private static final Pattern KEY = Pattern.compile("[\\x21-\\x7e]{1,255}");

  private final RateLimits rates;
  private final CairnMetrics metrics;

  Intake(RateLimits rates, CairnMetrics metrics) {
    this.rates = rates;
    this.metrics = metrics;
  }

  /**
   * A call that was taken.
   *
   * @param headers of its reply, whatever that is
   */
  record Taken(CompletionCall call, List<HttpHeader> headers) {
    HttpResponse reply(HttpResponse response) {
      return Replies.ofRequest(call.id(), response.addHeaders(headers));
    }
  }

  /**
   * Takes a call.
   *
   * @throws ApiError where its body is wrong, or the caller has used up what it may use
   */
  Taken take(Router.Call call, ObjectNode body, CallParser parser) {
    Caller caller = call.caller();
    double weight = caller.key().map(ApiKey::weight).orElse(0.0);
    CompletionCall wanted = parser.parse(body, idempotencyKey(call)).of(caller.tenant(), weight);
    long tokens = 0;
    for (RequestSpec each : wanted.requests()) {
      tokens += each.promptTokens().length + (long) each.maxTokens();
    }
    return new Taken(wanted, charge(caller, tokens));
  }

  /**
   * Counts a call and its tokens.
   *
   * @return headers of its reply
   * @throws ApiError where the caller has used up what it may use
   */
  List<HttpHeader> charge(Caller caller, long tokens) {
    RateLimits.Verdict verdict = rates.take(caller, tokens);
    if (verdict.refused().isPresent()) {
      RateLimits.Kind kind = verdict.refused().get();
      metrics.tenantRefused(caller.tenant(), kind.text);
      throw ApiError.rateLimited(
          kind.text,
          verdict.whose()
              + " may ask for "
              + verdict.limit()
              + " "
              + kind.text
              + " a minute at this gateway, and this call asks for "
              + (kind == RateLimits.Kind.TOKENS ? tokens : 1)
              + " more; try again in "
              + RateLimits.duration(verdict.retryNanos())
              + ".",
          RateLimits.seconds(verdict.retryNanos()),
          verdict.headers());
    }
    return verdict.headers();
  }

  /** A call's requests were refused; counts it where its tenant has too many that wait. */
  void refused(String tenant, Throwable failure) {
    Throwable cause = failure.getCause() == null ? failure : failure.getCause();
    if (cause instanceof RejectedException rejected
        && rejected.kind() == RejectedException.Kind.TENANT_QUEUE_FULL) {
      metrics.tenantRefused(tenant, "queue");
    }
  }

  /** Whether the client may repeat a call and get the same answer. */
  static boolean isNamed(Router.Call call) {
    return call.request().getHeader("Idempotency-Key").isPresent();
  }

  /** The client's name for the call; the same one of another tenant is another name. */
  static Optional<String> idempotencyKey(Router.Call call) {
    Optional<String> key = call.request().getHeader("Idempotency-Key").map(HttpHeader::value);
    key.filter(k -> !KEY.matcher(k).matches())
        .ifPresent(
            k -> {
              throw ApiError.invalid(
                  "Idempotency-Key",
                  "Idempotency-Key has "
                      + k.length()
                      + " characters; expected 1 to 255, visible ASCII characters alone.");
            });
    String tenant = call.caller().tenant();
    return key.map(k -> tenant.isEmpty() ? k : tenant + " " + k);
  }
}
