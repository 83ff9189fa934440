package dev.cairn.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Hosts of their own on this machine: a network namespace each, wired to one bridge. A direction
 * between two of them can be cut: what one sends is then dropped, without a word, where the other
 * would receive it, as a broken switch does.
 */
final class TestNetwork implements AutoCloseable {
  /** Rules of this preference come before the lookup of local addresses, which moves behind. */
  private static final String CUT = "50";

  private static final String LOCAL = "100";

  private final String name;
  private final String subnet;
  private final List<String> hosts = new ArrayList<>();

  private TestNetwork(String name, String subnet) {
    this.name = name;
    this.subnet = subnet;
  }

  /** Whether this process may make networks. */
  static boolean isPossible() {
    String probe = "cairn" + ProcessHandle.current().pid();
    try {
      if (tryRun("ip", "netns", "add", probe) != 0) {
        return false;
      }
      return tryRun("ip", "netns", "del", probe) == 0;
    } catch (UncheckedIOException e) {
      return false;
    }
  }

  /** Makes a network of so many hosts. */
  static TestNetwork of(int hosts) {
    long pid = ProcessHandle.current().pid();
    // Test processes that run side by side take different subnets.
    String subnet = "10.213." + (pid % 250) + ".";
    TestNetwork network = new TestNetwork("cn" + pid, subnet);
    try {
      network.make(hosts);
      return network;
    } catch (RuntimeException e) {
      network.close();
      throw e;
    }
  }

  private void make(int count) {
    run("ip", "link", "add", name, "type", "bridge");
    run("ip", "addr", "add", gateway() + "/24", "dev", name);
    run("ip", "link", "set", name, "up");
    for (int i = 0; i < count; i++) {
      String host = name + "h" + i;
      run("ip", "netns", "add", host);
      hosts.add(host);
      String port = name + "p" + i;
      run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host);
      run("ip", "link", "set", port, "master", name, "up");
      inside(i, "ip", "link", "set", "lo", "up");
      inside(i, "ip", "addr", "add", address(i) + "/24", "dev", "eth0");
      inside(i, "ip", "link", "set", "eth0", "up");
      inside(i, "ip", "rule", "add", "pref", LOCAL, "lookup", "local");
      inside(i, "ip", "rule", "del", "pref", "0");
    }
  }

  /** This process's own address in the network. */
  String gateway() {
    return subnet + "1";
  }

  String address(int host) {
    return subnet + (10 + host);
  }

  /** Prefix of a command that runs on a host. */
  List<String> on(int host) {
    return List.of("ip", "netns", "exec", hosts.get(host));
  }

  /** From now on nothing that one host sends reaches the other. */
  void cut(int from, int to) {
    inside(to, "ip", "rule", "add", "pref", CUT, "from", address(from), "blackhole");
  }

  /** From now on nothing passes between a host and the others, in either direction. */
  void isolate(int host) {
    for (int other = 0; other < hosts.size(); other++) {
      if (other != host) {
        cut(host, other);
        cut(other, host);
      }
    }
  }

  /** Everything passes again. */
  void heal() {
    for (int host = 0; host < hosts.size(); host++) {
      // One call removes one rule; it fails when none is left.
      while (tryRun(command(host, "ip", "rule", "del", "pref", CUT)) == 0) {
        Thread.onSpinWait();
      }
    }
  }

  private void inside(int host, String... command) {
    run(command(host, command));
  }

  private String[] command(int host, String... command) {
    List<String> whole = new ArrayList<>(on(host));
    whole.addAll(List.of(command));
    return whole.toArray(String[]::new);
  }

  @Override
  public void close() {
    for (String host : hosts) {
      tryRun("ip", "netns", "del", host);
    }
    tryRun("ip", "link", "del", name);
  }

  private static void run(String... command) {
    int status = tryRun(command);
    if (status != 0) {
      throw new IllegalStateException(String.join(" ", command) + " ended with " + status);
    }
  }

  private static int tryRun(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(String.join(" ", command) + " hangs");
      }
      if (process.exitValue() != 0 && !output.isEmpty() && !output.contains("No such file")) {
        System.out.println("TestNetwork: " + String.join(" ", command) + ": " + output);
      }
      return process.exitValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
