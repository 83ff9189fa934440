package dev.cairn.server.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * Connections that each follow a stream on which nothing happens. One thread reads them all and
 * keeps nothing of what it reads.
 */
final class IdleStreams implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final long PATIENCE_SECONDS = 120;
  private static final long CLOSE_MILLIS = 10_000;

  private final Selector selector = Selector.open();
  private final Thread reader = new Thread(this::read, "cairn-bench-idle");
  private volatile boolean closing;
  private volatile int answered;
  private volatile int errors;
  private volatile String lastError = "";

  private static final class Connection {
    boolean answered;
  }

  /**
   * Opens the connections and waits until each has its reply.
   *
   * @param path of the stream that a connection follows, by its number
   */
  IdleStreams(URI url, int count, IntFunction<String> path)
      throws IOException, InterruptedException {
    InetSocketAddress address =
        new InetSocketAddress(url.getHost(), url.getPort() < 0 ? 80 : url.getPort());
    reader.start();
    for (int i = 0; i < count; i++) {
      SocketChannel channel = SocketChannel.open(address);
      String request =
          "GET " + path.apply(i) + " HTTP/1.1\r\nHost: " + url.getAuthority() + "\r\n\r\n";
      channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
      channel.configureBlocking(false);
      selector.wakeup();
      channel.register(selector, SelectionKey.OP_READ, new Connection());
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    synchronized (this) {
      while (answered + errors < count && System.nanoTime() < deadline) {
        TimeUnit.MILLISECONDS.timedWait(this, CLOSE_MILLIS);
      }
    }
  }

  /** Connections that got a reply. */
  int answered() {
    return answered;
  }

  /** Connections that the server refused or closed. */
  int errors() {
    return errors;
  }

  /** What failed last, or empty. */
  String lastError() {
    return lastError;
  }

  private void read() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    try {
      while (!closing) {
        selector.select(key -> read(key, buffer), CLOSE_MILLIS);
      }
    } catch (IOException e) {
      failed(e);
    }
  }

  private void read(SelectionKey key, ByteBuffer buffer) {
    buffer.clear();
    try {
      if (((SocketChannel) key.channel()).read(buffer) < 0) {
        throw new EOFException("the server closed the connection");
      }
      Connection connection = (Connection) key.attachment();
      if (!connection.answered) {
        connection.answered = true;
        String head = StandardCharsets.US_ASCII.decode(buffer.flip()).toString();
        if (!head.startsWith("HTTP/1.1 200 ")) {
          throw new IOException("the server answered " + head.lines().findFirst().orElse(""));
        }
        synchronized (this) {
          answered++;
          notifyAll();
        }
      }
    } catch (IOException e) {
      key.cancel();
      failed(e);
    }
  }

  private synchronized void failed(IOException e) {
    errors++;
    lastError = e.toString();
    notifyAll();
  }

  @Override
  public void close() throws IOException {
    closing = true;
    selector.wakeup();
    try {
      reader.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (SelectionKey key : selector.keys()) {
      key.channel().close();
    }
    selector.close();
  }
}
