package dev.cairn.server.http;

import dev.cairn.server.dashboard.DashboardPage;
import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import dev.cairn.server.keys.WatchedKeys;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who calls the API, and whether it may. With keys the key names the tenant, and everything but
 * health asks for one: a viewer looks, a user makes and steers requests, both of their tenant
 * alone; an admin does so for any tenant, which it names in the header. Without keys the header
 * names the tenant, and everybody is trusted.
 */
public final class ClientGuard implements HttpApi.Guard {
  private static final Logger LOG = LoggerFactory.getLogger(ClientGuard.class);
  private static final Set<String> OPEN = Set.of("/health/live", "/health/ready");
  private static final String METRICS = "/metrics";

  /** Path of what the dashboard shows. */
  public static final String DASHBOARD_STATE = "/dashboard/state";

  private final AccessSettings settings;
  private final WatchedKeys<ApiKey> keys;
  private final boolean loopback;

  /**
   * The guard of a node's API.
   *
   * @throws UncheckedIOException where the keys file cannot be used; the message says why
   */
  public ClientGuard(AccessSettings settings) {
    this.settings = settings;
    this.loopback = Loopback.isAt("cairn.http.host", settings.host());
    try {
      this.keys = new WatchedKeys<>(ApiKey.file(settings.file()), WatchedKeys.WhenBroken.KEEP);
    } catch (IOException e) {
      throw new UncheckedIOException("cairn.http.keys.file: " + e.getMessage(), e);
    }
    if (needsKey() && !keys.any()) {
      LOG.warn(
          "every call is refused, for there is no API key in {}; make one with cairn keys new, or"
              + " set cairn.http.keys.mode = off where something else looks at who calls",
          settings.file());
    }
  }

  /** The keys, for those who watch the server. */
  public WatchedKeys<ApiKey> keys() {
    return keys;
  }

  /** The header that names the tenant of a call. */
  String tenantHeader() {
    return settings.tenantHeader();
  }

  private boolean needsKey() {
    return switch (settings.mode()) {
      case ON -> true;
      case OFF -> false;
      case AUTO -> !loopback || keys.any();
    };
  }

  @Override
  public Caller check(HttpRequest request) {
    boolean read =
        request.method().equals(HttpMethods.GET) || request.method().equals(HttpMethods.HEAD);
    String path = request.getUri().path();
    if (read && (OPEN.contains(path) || DashboardPage.isPublic(path))) {
      return Caller.UNNAMED;
    }
    Optional<String> named = namedTenant(request);
    if (!needsKey()) {
      if (path.equals(DASHBOARD_STATE) && settings.mode() == AccessSettings.Mode.AUTO) {
        // It names every request: a page that reaches this machine by another name learns nothing.
        Loopback.refuseOtherNames(request, settings.host());
      }
      return new Caller(named.orElse(""), false, Optional.empty());
    }
    ApiKey key = key(request);
    ApiRole needed = path.equals(METRICS) ? ApiRole.ADMIN : read ? ApiRole.VIEWER : ApiRole.USER;
    if (key.role().compareTo(needed) < 0) {
      LOG.warn("{} was refused {} {}", key, request.method().name(), path);
      throw ApiError.forbidden(
          "The key "
              + key.name()
              + " has the role "
              + key.role().text()
              + "; expected "
              + needed.text()
              + ".");
    }
    if (key.role() == ApiRole.ADMIN) {
      return new Caller(named.orElse(key.tenant()), false, Optional.of(key));
    }
    named
        .filter(tenant -> !tenant.equals(key.tenant()))
        .ifPresent(
            tenant -> {
              throw ApiError.forbidden(
                  settings.tenantHeader()
                      + " names another tenant than the key; expected "
                      + key.tenant()
                      + ", or a key of role admin.");
            });
    return new Caller(key.tenant(), true, Optional.of(key));
  }

  private ApiKey key(HttpRequest request) {
    String shown =
        BearerKey.of(request)
            .orElseThrow(
                () ->
                    ApiError.invalidKey(
                        "There is no API key; expected Authorization: Bearer with one that cairn"
                            + " keys new made."));
    return keys.find(shown)
        .orElseThrow(
            () ->
                ApiError.invalidKey(
                    "The API key is not one of this server's; expected a valid one."));
  }

  private Optional<String> namedTenant(HttpRequest request) {
    Optional<String> named =
        request.getHeader(settings.tenantHeader()).map(HttpHeader::value).map(String::strip);
    named
        .filter(tenant -> !KeyText.isName(tenant))
        .ifPresent(
            tenant -> {
              throw ApiError.invalid(
                  settings.tenantHeader(),
                  settings.tenantHeader()
                      + " has "
                      + tenant.length()
                      + " characters; expected 1 to 64 letters, digits, dots, hyphens or"
                      + " underscores.");
            });
    return named;
  }
}
