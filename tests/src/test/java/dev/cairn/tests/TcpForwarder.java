package dev.cairn.tests;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Passes connections to an address of a test's network on to a server on the loopback interface.
 */
final class TcpForwarder implements AutoCloseable {
  private final ServerSocket listening;
  private volatile int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  TcpForwarder(String address, int target) throws IOException {
    this.target = target;
    this.listening = new ServerSocket();
    listening.bind(new InetSocketAddress(address, 0));
    daemon("forwarder", this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** New connections are passed on to another port of the loopback interface. */
  void passTo(int port) {
    target = port;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        pass(listening.accept());
      } catch (IOException e) {
        if (!listening.isClosed()) {
          System.out.println("TcpForwarder: " + e.getMessage());
        }
      }
    }
  }

  private void pass(Socket client) throws IOException {
    open.add(client);
    try {
      Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
      open.add(server);
      daemon("forward-in", () -> copy(client, server));
      daemon("forward-out", () -> copy(server, client));
    } catch (IOException e) {
      open.remove(client);
      client.close();
      throw e;
    }
  }

  private void copy(Socket from, Socket to) {
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      in.transferTo(out);
    } catch (IOException e) {
      // The end of one direction ends the other.
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  private static void daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket each : open) {
      each.close();
    }
  }
}
