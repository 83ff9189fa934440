package dev.cairn.postgres;

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
 * The way from a program under test to a database, which can be cut and mended. While it is cut,
 * connections end and new ones are closed at once; before that it may lose the database's answers,
 * so that what was committed has an unknown outcome.
 */
public final class UnreliableLink implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  private final ServerSocket listener;
  private final int targetPort;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;
  private volatile boolean deaf;

  /** To a server on loopback. */
  public UnreliableLink(int targetPort) throws IOException {
    this.targetPort = targetPort;
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    daemon(this::accept);
  }

  public int port() {
    return listener.getLocalPort();
  }

  /** From now on the database's answers are lost, and what is asked still reaches it. */
  public void loseAnswers() {
    deaf = true;
  }

  /** Ends all connections and takes no more. */
  public void cut() {
    cut = true;
    sockets.forEach(UnreliableLink::closeQuietly);
  }

  /** All is well again. */
  public void mend() {
    deaf = false;
    cut = false;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        if (cut) {
          client.close();
        } else {
          connect(client);
        }
      } catch (IOException e) {
        // The listener was closed, or the target is gone: the client sees its connection end.
        cut |= listener.isClosed();
      }
    }
  }

  private void connect(Socket client) throws IOException {
    Socket server = new Socket();
    sockets.add(client);
    sockets.add(server);
    try {
      server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), targetPort));
    } catch (IOException e) {
      end(client, server);
      throw e;
    }
    daemon(() -> pump(client, server, false));
    daemon(() -> pump(server, client, true));
    if (cut) {
      end(client, server);
    }
  }

  private void pump(Socket from, Socket to, boolean answers) {
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      int read = in.read(buffer);
      while (read >= 0) {
        if (!answers || !deaf) {
          out.write(buffer, 0, read);
          out.flush();
        }
        read = in.read(buffer);
      }
    } catch (IOException e) {
      // One of the two ended the connection; the other is told below.
      closeQuietly(from);
    } finally {
      end(from, to);
    }
  }

  private void end(Socket one, Socket other) {
    closeQuietly(one);
    closeQuietly(other);
    sockets.remove(one);
    sockets.remove(other);
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new AssertionError("closing a socket failed", e);
    }
  }

  private static void daemon(Runnable work) {
    Thread thread = new Thread(work, "unreliable-link");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cut();
  }
}
