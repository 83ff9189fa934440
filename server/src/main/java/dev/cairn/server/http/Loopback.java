package dev.cairn.server.http;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.headers.Host;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells whether a port is for this machine alone. */
public final class Loopback {
  private static final Logger LOG = LoggerFactory.getLogger(Loopback.class);
  private static final Pattern NAME =
      Pattern.compile("localhost|127(\\.[0-9]{1,3}){3}|(\\[?)(0:){7}1(]?)|(\\[?)::1(]?)");

  private Loopback() {}

  /**
   * Whether a host is on the loopback interface.
   *
   * @param setting that names it
   */
  public static boolean isAt(String setting, String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      // Binding to it is going to fail, and until then it counts as open to the world.
      LOG.warn("{} {} is not known", setting, host, e);
      return false;
    }
  }

  /**
   * Refuses what reaches a port of this machine by a name that is not this machine's, as a page in
   * a browser does whose own name was made to lead here.
   *
   * @param bound host that the port is bound to
   */
  public static void refuseOtherNames(HttpRequest request, String bound) {
    String name = request.getHeader(Host.class).map(h -> h.host().address()).orElse("");
    if (!NAME.matcher(name).matches() && !name.equals(bound)) {
      throw ApiError.forbidden(
          "The Host is not this machine's; expected localhost, or a key for any other name.");
    }
  }
}
