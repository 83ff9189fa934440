package dev.cairn.server.http;

import com.typesafe.config.Config;
import dev.cairn.cluster.TenantSettings;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.WatchedKeys;
import java.io.UncheckedIOException;
import java.util.function.LongSupplier;

/** Who may call a node's API, and how much. */
public final class ClientAccess {
  private final ClientGuard guard;
  private final RateLimits rates;

  private ClientAccess(ClientGuard guard, RateLimits rates) {
    this.guard = guard;
    this.rates = rates;
  }

  /**
   * As {@code cairn.http.keys} and {@code cairn.tenants} say.
   *
   * @param model that the node serves
   * @param nanoTime a clock that never goes back
   * @throws UncheckedIOException where the keys file cannot be used; the message says why
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static ClientAccess from(Config config, String model, LongSupplier nanoTime) {
    return new ClientAccess(
        new ClientGuard(AccessSettings.from(config)),
        new RateLimits(
            TenantSettings.from(config, model),
            config.getInt("cairn.http.max-rate-limited"),
            nanoTime));
  }

  /** The keys that are valid, for those who watch the server. */
  public WatchedKeys<ApiKey> keys() {
    return guard.keys();
  }

  /** The header that names the tenant of a call. */
  String tenantHeader() {
    return guard.tenantHeader();
  }

  HttpApi.Guard guard() {
    return guard;
  }

  RateLimits rates() {
    return rates;
  }
}
