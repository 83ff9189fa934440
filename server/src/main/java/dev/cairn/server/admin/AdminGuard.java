package dev.cairn.server.admin;

import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.BearerKey;
import dev.cairn.server.http.Caller;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.Loopback;
import dev.cairn.server.keys.WatchedKeys;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may do what on the admin port. Denied unless allowed: only the two health routes are open to
 * everyone, for probes. Anything but a GET needs a key of role admin, always. A GET needs a key as
 * soon as there is one or the port is not on the loopback interface; without keys it is for this
 * machine alone, and a page in a browser that reaches the port by another name is refused.
 *
 * <p>What is asked is decided by the method and by one form of the path, the one that routes see; a
 * path in any other form is refused. No other header has a say.
 */
final class AdminGuard implements HttpApi.Guard {
  private static final Logger LOG = LoggerFactory.getLogger(AdminGuard.class);
  private static final Set<String> OPEN = Set.of("/health/live", "/health/ready");
  private static final Pattern PLAIN_PATH =
      Pattern.compile("(/(?!\\.{1,2}(/|$))[A-Za-z0-9._~:@\\[\\]-]+)+");
  private static final int MAX_PATH = 512;

  private final WatchedKeys<AdminKey> keys;
  private final String host;
  private final boolean loopback;

  /**
   * @param host that the port is bound to
   */
  AdminGuard(WatchedKeys<AdminKey> keys, String host) {
    this.keys = keys;
    this.host = host;
    this.loopback = Loopback.isAt("cairn.admin.host", host);
  }

  @Override
  public Caller check(HttpRequest request) {
    String path = request.getUri().path();
    if (path.length() > MAX_PATH || !PLAIN_PATH.matcher(path).matches()) {
      throw ApiError.invalid(
          "path",
          "The path has empty, dotted or escaped segments, or more than "
              + MAX_PATH
              + " characters; expected one as the documentation writes it.");
    }
    boolean read = request.method().equals(HttpMethods.GET);
    if (read && OPEN.contains(path)) {
      return Caller.UNNAMED;
    }
    Optional<AdminKey> key = presented(request);
    if (read && key.isEmpty() && loopback && !keys.any()) {
      Loopback.refuseOtherNames(request, host);
      return Caller.UNNAMED;
    }
    if (key.isEmpty()) {
      throw ApiError.unauthorized(
          read
              ? "There is no key; expected Authorization: Bearer with a key of role viewer or admin."
              : "There is no key; expected Authorization: Bearer with a key of role admin, which"
                  + " cairn admin keys add NAME --role admin makes.");
    }
    if (!read) {
      String what = request.method().name() + " " + path;
      if (key.get().role() != AdminRole.ADMIN) {
        LOG.warn("{} was refused {}", key.get(), what);
        throw ApiError.forbidden(
            "The key "
                + key.get().name()
                + " has the role "
                + key.get().role().text()
                + "; expected admin.");
      }
      LOG.info("{} asks for {}", key.get(), what);
    }
    return Caller.UNNAMED;
  }

  /** The key that the request shows; one that nobody knows is refused, whatever is asked. */
  private Optional<AdminKey> presented(HttpRequest request) {
    Optional<String> shown = BearerKey.of(request);
    Optional<AdminKey> key = shown.flatMap(keys::find);
    if (shown.isPresent() && key.isEmpty()) {
      throw ApiError.unauthorized("The key is not one of this server's; expected a valid one.");
    }
    return key;
  }
}
