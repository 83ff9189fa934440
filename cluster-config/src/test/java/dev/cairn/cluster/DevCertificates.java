package dev.cairn.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Certificates as {@code bin/dev-certificates} makes them. */
final class DevCertificates {
  private DevCertificates() {}

  /** Makes certificates for nodes, by the directory's authority, which is made if there is none. */
  static void make(Path directory, String... nodes) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("../bin/dev-certificates", "" + directory));
    command.addAll(List.of(nodes));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException(command + " failed: " + said);
    }
  }

  /** The configuration of a node, to be put into {@code cairn.cluster}. */
  static String keys(Path directory, String node) {
    return keys(directory, node, directory);
  }

  /**
   * The same with the authority of another directory.
   *
   * @param authorities where the {@code ca.crt} is that the node trusts
   */
  static String keys(Path directory, String node, Path authorities) {
    return String.format(
        "tls { certificate = \"%s/%s.crt\", key = \"%s/%s.key\", ca = \"%s/ca.crt\" }%n",
        directory, node, directory, node, authorities);
  }
}
