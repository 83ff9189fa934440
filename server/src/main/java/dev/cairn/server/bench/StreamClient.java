package dev.cairn.server.bench;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.stream.DoubleStream;

/**
 * A client that reads event streams from one connection and takes the time of each event. It looks
 * at lines alone and skips the frames of chunked encoding, of which none cuts a line of a server
 * that sends whole events. Not safe for several threads.
 */
final class StreamClient {
  private static final int TIMEOUT_MILLIS = 120_000;
  private static final int BUFFER_BYTES = 1 << 16;
  private static final double NANOS_PER_MILLI = 1e6;

  /** Grows as needed. */
  static final class Doubles {
    private double[] values = new double[256];
    private int size;

    void add(double value) {
      if (size == values.length) {
        values = java.util.Arrays.copyOf(values, size * 2);
      }
      values[size++] = value;
    }

    DoubleStream stream() {
      return java.util.Arrays.stream(values, 0, size);
    }
  }

  private final URI url;
  private Doubles firstMillis = new Doubles();
  private Doubles interMillis = new Doubles();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream(1024);
  private Socket socket;
  private InputStream in;
  private long tokens;
  private int errors;
  private String lastError = "";

  StreamClient(URI url) {
    this.url = url;
  }

  /** Sends a request and reads its stream to the end; what fails is counted. */
  void complete(String body) {
    try {
      connect();
      long start = System.nanoTime();
      send(body.getBytes(StandardCharsets.UTF_8));
      String status = readLine();
      if (!status.contains(" 200 ")) {
        throw new IOException("the server answered " + status);
      }
      readEvents(start);
    } catch (IOException e) {
      errors++;
      lastError = e.toString();
      close();
    }
  }

  /** Counts and measures anew, on the connection that there is. */
  void forget() {
    firstMillis = new Doubles();
    interMillis = new Doubles();
    tokens = 0;
    errors = 0;
    lastError = "";
  }

  /** Milliseconds from each request to its first event. */
  Doubles firstMillis() {
    return firstMillis;
  }

  /** Milliseconds between tokens; those of one event share the time since the event before. */
  Doubles interMillis() {
    return interMillis;
  }

  long tokens() {
    return tokens;
  }

  int errors() {
    return errors;
  }

  /** What failed last, or empty. */
  String lastError() {
    return lastError;
  }

  void close() {
    try {
      if (socket != null) {
        socket.close();
      }
    } catch (IOException e) {
      lastError = e.toString();
    }
    socket = null;
  }

  private void connect() throws IOException {
    if (socket == null) {
      socket = new Socket(url.getHost(), url.getPort() < 0 ? 80 : url.getPort());
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      in = new BufferedInputStream(socket.getInputStream(), BUFFER_BYTES);
    }
  }

  private void send(byte[] body) throws IOException {
    String head =
        "POST /v1/completions HTTP/1.1\r\nHost: "
            + url.getAuthority()
            + "\r\nContent-Type: application/json\r\nContent-Length: "
            + body.length
            + "\r\n\r\n";
    OutputStream out = socket.getOutputStream();
    ByteArrayOutputStream message = new ByteArrayOutputStream(head.length() + body.length);
    message.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
    message.writeBytes(body);
    message.writeTo(out);
    out.flush();
  }

  private void readEvents(long start) throws IOException {
    long last = start;
    int shown = 0;
    int id = -1;
    while (true) {
      String text = readLine();
      if (text.startsWith("id: ")) {
        id = Integer.parseInt(text.substring(4));
      } else if (text.equals("data: [DONE]")) {
        break;
      } else if (text.startsWith("data: ")) {
        if (text.startsWith("data: {\"error\"")) {
          throw new IOException(text);
        }
        int now = id < 0 ? shown + 1 : id;
        if (now > shown) {
          last = record(last, now - shown, shown == 0);
          shown = now;
        }
      }
    }
    tokens += shown;
    while (!readLine().equals("0")) {
      // The frame that ends the stream is the next line that says 0.
    }
    readLine();
  }

  private long record(long last, int count, boolean first) {
    long now = System.nanoTime();
    double millis = (now - last) / NANOS_PER_MILLI;
    if (first) {
      firstMillis.add(millis);
    }
    for (int i = first ? 1 : 0; i < count; i++) {
      interMillis.add(first ? 0 : millis / count);
    }
    return now;
  }

  /** A line without its end. */
  private String readLine() throws IOException {
    line.reset();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("the server closed the connection");
      }
      if (c != '\r') {
        line.write(c);
      }
    }
    return line.toString(StandardCharsets.UTF_8);
  }
}
