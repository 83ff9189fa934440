package dev.cairn.cluster;

import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.remote.artery.tcp.SSLEngineProvider;
import org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider;
import scala.Option;

/**
 * Mutual TLS between nodes: Pekko's provider of PEM files, which it reads again while it runs, and
 * on top of it the check that a node is the host it was called by. Both sides need a certificate of
 * the same authority, and the two certificates have to share a name.
 */
public final class ClusterTls implements SSLEngineProvider {
  private final RotatingKeysSSLEngineProvider keys;

  /** Made by Pekko, which finds it by {@code ssl-engine-provider}. */
  public ClusterTls(ActorSystem system) {
    keys = new RotatingKeysSSLEngineProvider(system);
  }

  @Override
  public SSLEngine createServerSSLEngine(String hostname, int port) {
    return keys.createServerSSLEngine(hostname, port);
  }

  @Override
  public SSLEngine createClientSSLEngine(String hostname, int port) {
    SSLEngine engine = keys.createClientSSLEngine(hostname, port);
    SSLParameters parameters = engine.getSSLParameters();
    // RFC 2818: the names in the certificate are compared with the host that was asked for.
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    engine.setSSLParameters(parameters);
    return engine;
  }

  @Override
  public Option<Throwable> verifyClientSession(String hostname, SSLSession session) {
    return keys.verifyClientSession(hostname, session);
  }

  @Override
  public Option<Throwable> verifyServerSession(String hostname, SSLSession session) {
    return keys.verifyServerSession(hostname, session);
  }
}
