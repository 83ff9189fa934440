package dev.cairn.server.http;

import dev.cairn.server.keys.ApiKey;
import java.util.Optional;

/**
 * Who asks.
 *
 * @param tenant whose requests it makes; empty: nobody's in particular
 * @param isConfined whether requests of other tenants are hidden from it
 * @param key that it showed, where keys are on
 */
public record Caller(String tenant, boolean isConfined, Optional<ApiKey> key) {
  /** Somebody who need not say who it is. */
  public static final Caller UNNAMED = new Caller("", false, Optional.empty());

  /** Whether it may know of a request of a tenant. */
  boolean sees(String other) {
    return !isConfined || tenant.equals(other);
  }
}
