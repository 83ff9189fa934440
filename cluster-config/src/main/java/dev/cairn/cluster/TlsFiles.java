package dev.cairn.cluster;

import com.typesafe.config.Config;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.apache.pekko.pki.pem.DERPrivateKeyLoader;
import org.apache.pekko.pki.pem.PEMDecoder;
import org.apache.pekko.pki.pem.PEMLoadingException;

/**
 * A node's certificate, its key and the authority that vouches for it and all others, as PEM files.
 *
 * @param certificate {@code cairn.cluster.tls.certificate}
 * @param key {@code cairn.cluster.tls.key}
 * @param ca {@code cairn.cluster.tls.ca}
 */
record TlsFiles(String certificate, String key, String ca) {
  private static final String PREFIX = "cairn.cluster.tls.";
  private static final int DNS_NAME = 2;
  private static final int IP_ADDRESS = 7;

  static TlsFiles from(Config config) {
    Config tls = config.getConfig("cairn.cluster.tls");
    return new TlsFiles(tls.getString("certificate"), tls.getString("key"), tls.getString("ca"));
  }

  /**
   * Finds out now what would otherwise show as connections that fail, one by one, later.
   *
   * @param host by which the other nodes call this one
   * @throws IllegalArgumentException where a file is missing, is not what it should be, or does not
   *     fit to the others
   */
  void check(String host) {
    X509Certificate own = certificate("certificate", certificate, "this node's certificate");
    X509Certificate authority = certificate("ca", ca, "the certificate of the cluster's authority");
    PrivateKey secret = readKey();
    try {
      own.checkValidity();
      authority.checkValidity();
    } catch (CertificateException e) {
      throw wrong(
          "certificate",
          certificate,
          "it or its authority is not valid today, expected one that is (" + e.getMessage() + ")");
    }
    try {
      own.verify(authority.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw wrong(
          "certificate",
          certificate,
          "expected one that was issued by "
              + authority.getSubjectX500Principal()
              + ", the authority in "
              + PREFIX
              + "ca; it was issued by "
              + own.getIssuerX500Principal());
    }
    if (!belongTogether(secret, own)) {
      throw wrong("key", key, "expected the key of the certificate in " + certificate);
    }
    List<String> names = names(own);
    if (names.stream().noneMatch(name -> covers(name, host))) {
      throw wrong(
          "certificate",
          certificate,
          "it is made out to " + names + ", expected cairn.node.host, which is " + host);
    }
  }

  private static X509Certificate certificate(String name, String file, String what) {
    try {
      return (X509Certificate)
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(read(name, file, what)));
    } catch (CertificateException e) {
      throw wrong(name, file, "expected a PEM file with " + what + " (" + e.getMessage() + ")");
    }
  }

  private PrivateKey readKey() {
    String what = "this node's private key, not encrypted";
    try {
      byte[] pem = read("key", key, what);
      return DERPrivateKeyLoader.load(
          PEMDecoder.decode(new String(pem, java.nio.charset.StandardCharsets.US_ASCII)));
    } catch (PEMLoadingException e) {
      throw wrong("key", key, "expected a PEM file with " + what + " (" + e.getMessage() + ")");
    }
  }

  private static byte[] read(String name, String file, String what) {
    if (file.isEmpty()) {
      throw new IllegalArgumentException(
          PREFIX
              + name
              + " is empty, expected the path of a PEM file with "
              + what
              + ", because cairn.cluster.transport is tls-tcp");
    }
    try {
      return Files.readAllBytes(Path.of(file));
    } catch (IOException e) {
      throw wrong(name, file, "which cannot be read; expected a PEM file with " + what);
    }
  }

  private static boolean belongTogether(PrivateKey secret, X509Certificate own) {
    String algorithm = "SHA256with" + (secret.getAlgorithm().equals("EC") ? "ECDSA" : "RSA");
    byte[] probe = {1, 2, 3};
    try {
      Signature signer = Signature.getInstance(algorithm);
      signer.initSign(secret);
      signer.update(probe);
      byte[] signature = signer.sign();
      signer.initVerify(own.getPublicKey());
      signer.update(probe);
      return signer.verify(signature);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private static List<String> names(X509Certificate own) {
    List<String> names = new ArrayList<>();
    try {
      Collection<List<?>> alternatives = own.getSubjectAlternativeNames();
      if (alternatives != null) {
        for (List<?> each : alternatives) {
          int kind = (Integer) each.get(0);
          if (kind == DNS_NAME || kind == IP_ADDRESS) {
            names.add((String) each.get(1));
          }
        }
      }
    } catch (CertificateException e) {
      throw new IllegalArgumentException("the certificate's names cannot be read: " + e, e);
    }
    return names;
  }

  private static boolean covers(String name, String host) {
    String asked = host.toLowerCase(Locale.ROOT);
    String given = name.toLowerCase(Locale.ROOT);
    if (given.startsWith("*.")) {
      int dot = asked.indexOf('.');
      return dot > 0 && asked.substring(dot).equals(given.substring(1));
    }
    return given.equals(asked);
  }

  private static IllegalArgumentException wrong(String name, String file, String why) {
    return new IllegalArgumentException(PREFIX + name + " is " + file + ": " + why);
  }
}
