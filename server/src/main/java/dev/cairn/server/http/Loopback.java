package dev.cairn.server.http;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells whether a port is for this machine alone. */
public final class Loopback {
  private static final Logger LOG = LoggerFactory.getLogger(Loopback.class);

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
}
