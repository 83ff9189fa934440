package dev.cairn.server.tracing;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Takes spans by OTLP over HTTP. It reads the protobuf of opentelemetry-proto's trace.proto itself,
 * as far as spans need it.
 */
final class OtlpReceiver implements AutoCloseable {
  /** A span; attributes as text. */
  record Span(
      String name,
      String traceId,
      String id,
      String parent,
      long startNanos,
      long endNanos,
      Map<String, String> attributes) {
    String attribute(String key) {
      return attributes.getOrDefault(key, "");
    }

    boolean contains(Span other) {
      return startNanos <= other.startNanos && other.endNanos <= endNanos;
    }
  }

  final List<Span> spans = new CopyOnWriteArrayList<>();
  final List<byte[]> bodies = new CopyOnWriteArrayList<>();
  final AtomicInteger calls = new AtomicInteger();
  private final HttpServer server;
  volatile int status = 200;

  OtlpReceiver() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext(
        "/v1/traces",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          bodies.add(body);
          if (status == 200) {
            request(ByteBuffer.wrap(body));
          }
          calls.incrementAndGet();
          exchange.sendResponseHeaders(status, -1);
          exchange.close();
        });
    server.start();
  }

  String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/traces";
  }

  /** Spans of a request, in the order of their starts. */
  List<Span> of(String request) {
    List<Span> found = new ArrayList<>();
    for (Span root : spans) {
      if (root.attribute("cairn.request.id").equals(request)) {
        found.add(root);
        spans.stream().filter(span -> span.parent.equals(root.id)).forEach(found::add);
      }
    }
    found.sort((a, b) -> Long.compare(a.startNanos, b.startNanos));
    return found;
  }

  private interface Field {
    void read(int number, ByteBuffer bytes, long value);
  }

  /** Length-delimited fields have bytes, all others a value. */
  private static void fields(ByteBuffer message, Field field) {
    message.order(ByteOrder.LITTLE_ENDIAN);
    while (message.hasRemaining()) {
      int tag = (int) varint(message);
      switch (tag & 7) {
        case 0 -> field.read(tag >>> 3, null, varint(message));
        case 1 -> field.read(tag >>> 3, null, message.getLong());
        case 2 -> {
          int length = (int) varint(message);
          ByteBuffer bytes = message.slice(message.position(), length);
          message.position(message.position() + length);
          field.read(tag >>> 3, bytes, 0);
        }
        case 5 -> field.read(tag >>> 3, null, message.getInt());
        default -> throw new IllegalArgumentException("wire type " + (tag & 7));
      }
    }
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  private static String text(ByteBuffer bytes) {
    return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
  }

  private static String hex(ByteBuffer bytes) {
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return HexFormat.of().formatHex(copy);
  }

  /** ExportTraceServiceRequest: resource spans of scope spans of spans. */
  private void request(ByteBuffer body) {
    fields(
        body,
        (number, resource, value) ->
            fields(
                resource,
                (inResource, scope, ignored) -> {
                  if (inResource == 2) {
                    fields(
                        scope,
                        (inScope, span, unused) -> {
                          if (inScope == 2) {
                            spans.add(span(span));
                          }
                        });
                  }
                }));
  }

  private static Span span(ByteBuffer bytes) {
    String[] texts = {"", "", "", ""};
    long[] times = new long[2];
    Map<String, String> attributes = new TreeMap<>();
    fields(
        bytes,
        (number, field, value) -> {
          switch (number) {
            case 1 -> texts[1] = hex(field);
            case 2 -> texts[2] = hex(field);
            case 4 -> texts[3] = hex(field);
            case 5 -> texts[0] = text(field);
            case 7 -> times[0] = value;
            case 8 -> times[1] = value;
            case 9 -> attribute(field, attributes);
            default -> {
              // not looked at
            }
          }
        });
    return new Span(texts[0], texts[1], texts[2], texts[3], times[0], times[1], attributes);
  }

  private static void attribute(ByteBuffer bytes, Map<String, String> into) {
    String[] pair = {"", ""};
    fields(
        bytes,
        (number, field, value) -> {
          if (number == 1) {
            pair[0] = text(field);
          } else {
            pair[1] = value(field);
          }
        });
    into.put(pair[0], pair[1]);
  }

  private static String value(ByteBuffer any) {
    StringBuilder text = new StringBuilder();
    fields(
        any,
        (number, field, value) -> {
          switch (number) {
            case 1 -> text.append(text(field));
            case 2 -> text.append(value == 1);
            case 4 -> text.append(Double.longBitsToDouble(value));
            case 5 -> fields(field, (inArray, element, none) -> text.append(value(element)));
            default -> text.append(value);
          }
        });
    return text.toString();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
