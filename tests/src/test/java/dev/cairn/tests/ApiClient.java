package dev.cairn.tests;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** A client of the HTTP API that knows no more than the API's documentation. */
final class ApiClient {
  static final ObjectMapper JSON = new ObjectMapper();

  private final URI base;
  private final Map<String, String> headers;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(60))
          .build();

  ApiClient(URI base) {
    this(base, Map.of());
  }

  /**
   * @param headers of every request
   */
  ApiClient(URI base, Map<String, String> headers) {
    this.base = base;
    this.headers = headers;
  }

  /** A reply. */
  record Reply(int status, JsonNode body, String requestId) {}

  /** A stream that the server did not give. */
  static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int status;
    private final boolean saysWhen;

    RefusedException(HttpResponse<?> response, String message) {
      super(message);
      this.status = response.statusCode();
      this.saysWhen = response.headers().firstValue("Retry-After").isPresent();
    }

    int status() {
      return status;
    }

    /** Whether it says when to try again. */
    boolean saysWhen() {
      return saysWhen;
    }
  }

  /** One server-sent event. */
  record Event(String id, String data) {
    String text() {
      return json(data).path("choices").path(0).path("text").asText("");
    }
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    }
  }

  static String json(Map<String, ?> body) {
    try {
      return JSON.writeValueAsString(body);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Reply post(String path, Map<String, ?> body) {
    return send(request(path).POST(HttpRequest.BodyPublishers.ofString(json(body))).build());
  }

  Reply get(String path) {
    return send(request(path).GET().build());
  }

  String getText(String path) {
    try {
      return http.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofString()).body();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(path))
            .header("content-type", "application/json")
            .timeout(Duration.ofMinutes(2));
    headers.forEach(request::header);
    return request;
  }

  private Reply send(HttpRequest request) {
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      JsonNode body =
          response.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(response.body());
      return new Reply(
          response.statusCode(), body, response.headers().firstValue("X-Request-Id").orElse(""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Streams a completion until it ends or the connection breaks.
   *
   * @param accepted told the request's id before the first event
   * @param events told each event but the last, {@code [DONE]}
   * @return whether the stream came to its end
   * @throws RefusedException where the server gives no stream
   */
  boolean stream(Map<String, ?> body, Consumer<String> accepted, Consumer<Event> events) {
    return stream(body, Optional.empty(), accepted, events);
  }

  /** Streams a completion that is the same one each time that the key is sent. */
  boolean stream(
      Map<String, ?> body,
      Optional<String> idempotencyKey,
      Consumer<String> accepted,
      Consumer<Event> events) {
    HttpRequest.Builder request =
        request("/v1/completions").POST(HttpRequest.BodyPublishers.ofString(json(body)));
    idempotencyKey.ifPresent(key -> request.header("Idempotency-Key", key));
    return follow(request.build(), accepted, events);
  }

  /**
   * Submits a streamed completion and leaves when it is acknowledged; it runs on.
   *
   * @return the request's id
   */
  String submit(Map<String, ?> body, Optional<String> idempotencyKey) {
    HttpRequest.Builder request =
        request("/v1/completions").POST(HttpRequest.BodyPublishers.ofString(json(body)));
    idempotencyKey.ifPresent(key -> request.header("Idempotency-Key", key));
    try {
      HttpResponse<InputStream> response =
          http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream unread = response.body()) {
        if (response.statusCode() != 200) {
          String message = new String(unread.readAllBytes(), StandardCharsets.UTF_8);
          throw new RefusedException(response, message);
        }
        return response.headers().firstValue("X-Request-Id").orElseThrow();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Goes on with a stream after the last event that was seen; empty: from its beginning. */
  boolean resume(String requestId, String lastEventId, Consumer<Event> events) {
    HttpRequest.Builder request = request("/v1/requests/" + requestId + "/stream").GET();
    if (!lastEventId.isEmpty()) {
      request.header("Last-Event-ID", lastEventId);
    }
    return follow(request.build(), id -> {}, events);
  }

  private boolean follow(HttpRequest request, Consumer<String> accepted, Consumer<Event> events) {
    HttpResponse<InputStream> response;
    try {
      response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      if (response.statusCode() != 200) {
        throw new RefusedException(
            response,
            request.uri() + " answered " + response.statusCode() + ": " + lines.readLine());
      }
      accepted.accept(response.headers().firstValue("X-Request-Id").orElseThrow());
      return events(lines, events);
    } catch (IOException e) {
      return false;
    }
  }

  /** An event counts when the empty line that ends it was read. */
  private static boolean events(BufferedReader lines, Consumer<Event> events) throws IOException {
    String id = "";
    StringBuilder data = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith("id:")) {
        id = line.substring(3).trim();
      } else if (line.startsWith("data:")) {
        data.append(line.substring(5).trim());
      } else if (line.isEmpty() && data.length() > 0) {
        if (data.toString().equals("[DONE]")) {
          return true;
        }
        events.accept(new Event(id, data.toString()));
        data.setLength(0);
      }
    }
    return false;
  }
}
