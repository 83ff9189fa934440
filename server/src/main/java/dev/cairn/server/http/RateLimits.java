package dev.cairn.server.http;

import dev.cairn.cluster.TenantSettings;
import dev.cairn.server.keys.ApiKey;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * How many calls that make requests, and how many tokens, tenants and keys may ask for in a minute
 * at this gateway. A call counts with the tokens of its prompts and all that it may generate, as
 * OpenAI's API counts, when it is taken; one that is refused counts nothing. Safe for any number of
 * threads.
 */
final class RateLimits {
  private static final double NANOS_PER_SECOND = 1e9;

  private final TenantSettings tenants;
  private final int maxTracked;
  private final LongSupplier nanoTime;

  /** The one that was asked for longest ago comes first. */
  private final Map<String, TokenBucket> buckets = new LinkedHashMap<>(16, 0.75f, true);

  /** What is bounded; the name is that of OpenAI's headers. */
  enum Kind {
    REQUESTS("requests"),
    TOKENS("tokens");

    final String text;

    Kind(String text) {
      this.text = text;
    }
  }

  private record Bound(Kind kind, String whose, TokenBucket bucket, long amount) {}

  /**
   * What became of a call.
   *
   * @param refused which bound has no room; empty: the call was taken
   * @param whose bound that is
   * @param retryNanos when it may have room
   * @param headers that say how much is left
   */
  record Verdict(
      Optional<Kind> refused,
      String whose,
      long limit,
      long retryNanos,
      List<HttpHeader> headers) {}

  /**
   * @param maxTracked tenants and keys with bounds whose use is remembered; of more, what has not
   *     called for longest begins anew
   */
  RateLimits(TenantSettings tenants, int maxTracked, LongSupplier nanoTime) {
    if (maxTracked < 1) {
      throw new IllegalArgumentException(
          "max-rate-limited is " + maxTracked + ", expected at least 1");
    }
    this.tenants = tenants;
    this.maxTracked = maxTracked;
    this.nanoTime = nanoTime;
  }

  /**
   * Takes a call, or says when to come again.
   *
   * @param tokens that it asks for
   */
  synchronized Verdict take(Caller caller, long tokens) {
    long now = nanoTime.getAsLong();
    List<Bound> bounds = bounds(caller, tokens, now);
    Bound tightest = null;
    long longest = 0;
    for (Bound each : bounds) {
      long wait = each.bucket.nanosUntil(each.amount, now);
      if (wait > longest) {
        longest = wait;
        tightest = each;
      }
    }
    if (tightest == null) {
      bounds.forEach(each -> each.bucket.take(each.amount));
    }
    List<HttpHeader> headers = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      bounds.stream()
          .filter(each -> each.kind == kind)
          .min((a, b) -> Long.compare(a.bucket.left(), b.bucket.left()))
          .ifPresent(each -> addHeaders(kind, each.bucket, headers));
    }
    return tightest == null
        ? new Verdict(Optional.empty(), "", 0, 0, headers)
        : new Verdict(
            Optional.of(tightest.kind), tightest.whose, tightest.bucket.limit(), longest, headers);
  }

  private List<Bound> bounds(Caller caller, long tokens, long now) {
    TenantSettings.Limits limits = tenants.of(caller.tenant());
    List<Bound> bounds = new ArrayList<>(4);
    String tenant = "tenant '" + caller.tenant() + "'";
    add(bounds, Kind.REQUESTS, tenant, limits.requestsPerMinute(), 1, now);
    add(bounds, Kind.TOKENS, tenant, limits.tokensPerMinute(), tokens, now);
    if (caller.key().isPresent()) {
      ApiKey key = caller.key().get();
      String name = "key '" + key.name() + "'";
      add(bounds, Kind.REQUESTS, name, key.requestsPerMinute(), 1, now);
      add(bounds, Kind.TOKENS, name, key.tokensPerMinute(), tokens, now);
    }
    return bounds;
  }

  private void add(List<Bound> bounds, Kind kind, String whose, long limit, long amount, long now) {
    if (limit == 0) {
      return;
    }
    String name = kind.text + " of " + whose;
    TokenBucket bucket = buckets.get(name);
    // A key's limits change with its file.
    if (bucket == null || !bucket.isFor(limit)) {
      bucket = new TokenBucket(limit, now);
      buckets.put(name, bucket);
      if (buckets.size() > maxTracked * Kind.values().length) {
        Iterator<String> eldest = buckets.keySet().iterator();
        eldest.next();
        eldest.remove();
      }
    }
    bounds.add(new Bound(kind, whose, bucket, amount));
  }

  private static void addHeaders(Kind kind, TokenBucket bucket, List<HttpHeader> headers) {
    headers.add(RawHeader.create("x-ratelimit-limit-" + kind.text, "" + bucket.limit()));
    headers.add(RawHeader.create("x-ratelimit-remaining-" + kind.text, "" + bucket.left()));
    headers.add(
        RawHeader.create("x-ratelimit-reset-" + kind.text, duration(bucket.nanosUntilFull())));
  }

  /** As OpenAI's API writes it: {@code 20ms}, {@code 7.66s}, {@code 6m0s}. */
  static String duration(long nanos) {
    long millis = (long) Math.ceil(nanos / 1e6);
    if (millis < 1000) {
      return millis + "ms";
    }
    long minutes = millis / 60_000;
    double seconds = millis % 60_000 / 1000.0;
    String text = seconds == Math.rint(seconds) ? "" + (long) seconds : "" + seconds;
    return (minutes > 0 ? minutes + "m" : "") + text + "s";
  }

  /** Whole seconds after which something that lasts so long is over; at least 1. */
  static long seconds(long nanos) {
    return Math.max(1, (long) Math.ceil(nanos / NANOS_PER_SECOND));
  }
}
