package dev.cairn.cluster;

import static javax.net.ssl.SSLEngineResult.HandshakeStatus.NEED_UNWRAP;
import static javax.net.ssl.SSLEngineResult.HandshakeStatus.NEED_WRAP;
import static javax.net.ssl.SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.typed.Cluster;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is let into a cluster that talks over TLS. */
class ClusterTlsTest {
  @TempDir Path directory;
  private SimulatedNodes nodes;
  private Path good;
  private int seed;

  @BeforeEach
  void setUp() throws Exception {
    nodes = new SimulatedNodes();
    good = directory.resolve("good");
    seed = SimulatedNodes.freePort();
    DevCertificates.make(good, "127.0.0.1", "localhost");
  }

  private String over(String keys) {
    return "cairn.journal.directory = \""
        + directory.resolve("journal")
        + "\"\n"
        + SimulatedNodes.NOBODY_DIES
        + "cairn.cluster { seeds = [\"127.0.0.1:"
        + seed
        + "\"], transport = tls-tcp\n"
        + keys
        + "}\n";
  }

  private CairnNode gateway() {
    return nodes.start(
        over(DevCertificates.keys(good, "127.0.0.1"))
            + "cairn.node { roles = [gateway], port = "
            + seed
            + " }\n",
        false);
  }

  private CairnNode device(String keys, String more) {
    return nodes.start(over(keys) + "cairn.node.roles = [device]\n" + more, false);
  }

  /** Tries to join for a while, in vain. */
  private void assertNotLetIn(String keys, String more) {
    assertThatThrownBy(() -> device(keys, "cairn.node.start-timeout = 4 s\n" + more))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the cluster was not ready within 4 seconds");
  }

  private static int members(CairnNode node) {
    int members = 0;
    for (Object each : Cluster.get(node.system()).state().getMembers()) {
      members += each == null ? 0 : 1;
    }
    return members;
  }

  @Test
  @DisplayName("a node with a certificate of another authority is not let in, one of the same is")
  void anotherAuthority() throws Exception {
    Path other = directory.resolve("other");
    DevCertificates.make(other, "127.0.0.1");
    try (CairnNode gateway = gateway()) {
      assertNotLetIn(DevCertificates.keys(other, "127.0.0.1"), "");
      assertThat(members(gateway)).isEqualTo(1);
      try (CairnNode device = device(DevCertificates.keys(good, "127.0.0.1"), "")) {
        assertThat(members(device)).isEqualTo(2);
      }
    }
  }

  @Test
  @DisplayName("a node that is not the host that its certificate says is not talked to")
  void anotherHost() throws Exception {
    // It calls itself localhost, for which it has a certificate, and is called by its address.
    String lying =
        "cairn.node.host = localhost\npekko.remote.artery.canonical.hostname = 127.0.0.1\n";
    try (CairnNode gateway = gateway()) {
      assertNotLetIn(DevCertificates.keys(good, "localhost"), lying);
      assertThat(members(gateway)).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("a caller without a certificate is turned away")
  void noCertificate() throws Exception {
    try (CairnNode gateway = gateway()) {
      assertThat(gateway.readiness().isReady()).isTrue();
      assertThatThrownBy(this::call)
          .isInstanceOf(SSLException.class)
          .hasMessageContaining("certificate");
    }
  }

  /** Trusts the cluster's authority and shows nothing. */
  private void call() throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null);
    try (var file = Files.newInputStream(good.resolve("ca.crt"))) {
      trusted.setCertificateEntry(
          "ca",
          java.security.cert.CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, trust.getTrustManagers(), new SecureRandom());
    try (Socket plain = new Socket("127.0.0.1", seed);
        SSLSocket socket =
            (SSLSocket) context.getSocketFactory().createSocket(plain, "127.0.0.1", seed, true)) {
      socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(20));
      socket.startHandshake();
      // With TLS 1.3 the server's verdict comes after the client's part of the handshake.
      assertThat(socket.getInputStream().read()).as("a byte of the server").isNegative();
    }
  }

  private void assertRefused(String keys, String host, String... words) {
    assertThatThrownBy(
            () ->
                ClusterTransport.prepare(
                    SimulatedNodes.config(over(keys) + "cairn.node.host = " + host)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  @DisplayName(
      "a file that is missing, is something else or does not fit is named, with what was expected")
  void wrongFiles() throws IOException, InterruptedException {
    String own = "127.0.0.1";
    assertRefused(
        "", own, "cairn.cluster.tls.certificate is empty, expected the path of a PEM file");
    assertRefused(
        DevCertificates.keys(directory, own),
        own,
        "cairn.cluster.tls.certificate is " + directory.resolve("127.0.0.1.crt"),
        "which cannot be read; expected a PEM file with this node's certificate");
    Path garbage = Files.writeString(directory.resolve("garbage"), "nothing of the kind\n");
    for (String name : List.of("certificate", "key", "ca")) {
      assertRefused(
          DevCertificates.keys(good, own) + "tls." + name + " = \"" + garbage + "\"\n",
          own,
          "cairn.cluster.tls." + name + " is " + garbage + ": expected a PEM file with");
    }
    assertRefused(
        DevCertificates.keys(good, own) + "tls.key = \"" + good.resolve("localhost.key") + "\"\n",
        own,
        "cairn.cluster.tls.key is " + good.resolve("localhost.key"),
        "expected the key of the certificate in " + good.resolve("127.0.0.1.crt"));
    Path other = directory.resolve("other");
    DevCertificates.make(other, own);
    assertRefused(
        DevCertificates.keys(good, own, other),
        own,
        "expected one that was issued by",
        "the authority in cairn.cluster.tls.ca");
    assertRefused(
        DevCertificates.keys(good, own),
        "localhost",
        "it is made out to [127.0.0.1], expected cairn.node.host, which is localhost");
  }

  @Test
  @DisplayName("a certificate for all hosts of a domain is for hosts of that domain")
  void wildcards() throws IOException, InterruptedException {
    DevCertificates.make(good, "*.cairn.example");
    TlsFiles files =
        TlsFiles.from(SimulatedNodes.config(over(DevCertificates.keys(good, "_.cairn.example"))));
    files.check("cairn-0.cairn.example");
    assertThatThrownBy(() -> files.check("cairn.example")).hasMessageContaining("made out to");
    assertThatThrownBy(() -> files.check("a.b.cairn.example")).hasMessageContaining("made out to");
  }

  @Test
  @DisplayName("certificates are read again after the reload interval")
  void reload() throws IOException, InterruptedException {
    Config prepared =
        ClusterTransport.prepare(
            nodes.config(
                over(DevCertificates.keys(good, "127.0.0.1") + "tls.reload-interval = 1 ns\n")));
    ActorSystem system = ActorSystem.create("reload", prepared);
    try {
      ClusterTls tls = new ClusterTls(system);
      X509Certificate before = shown(tls);
      DevCertificates.make(good, "127.0.0.1");
      assertThat(shown(tls)).isNotEqualTo(before);
    } finally {
      system.terminate();
    }
  }

  /** The certificate that a server shows to a client, both of this provider. */
  private static X509Certificate shown(ClusterTls tls) throws SSLException {
    SSLEngine client = tls.createClientSSLEngine("127.0.0.1", 1);
    SSLEngine server = tls.createServerSSLEngine("127.0.0.1", 1);
    client.beginHandshake();
    server.beginHandshake();
    ByteBuffer toServer = ByteBuffer.allocate(1 << 16);
    ByteBuffer toClient = ByteBuffer.allocate(1 << 16);
    for (int i = 0; i < 50; i++) {
      step(client, toClient, toServer);
      step(server, toServer, toClient);
      if (client.getSession().isValid() && client.getHandshakeStatus() == NOT_HANDSHAKING) {
        return (X509Certificate) client.getSession().getPeerCertificates()[0];
      }
    }
    throw new IllegalStateException("no handshake: " + client.getHandshakeStatus());
  }

  private static void step(SSLEngine engine, ByteBuffer in, ByteBuffer out) throws SSLException {
    ByteBuffer nothing = ByteBuffer.allocate(1 << 16);
    in.flip();
    while (in.hasRemaining() && engine.getHandshakeStatus() == NEED_UNWRAP) {
      engine.unwrap(in, nothing);
      runTasks(engine);
    }
    in.compact();
    while (engine.getHandshakeStatus() == NEED_WRAP) {
      engine.wrap(ByteBuffer.allocate(0), out);
      runTasks(engine);
    }
  }

  private static void runTasks(SSLEngine engine) {
    for (Runnable task = engine.getDelegatedTask(); task != null; ) {
      task.run();
      task = engine.getDelegatedTask();
    }
  }
}
