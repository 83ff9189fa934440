package dev.cairn.server.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options of the commands that ask an admin port, and the way to it. */
final class AdminClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CONNECT = Duration.ofSeconds(10);

  @Option(
      names = "--url",
      paramLabel = "URL",
      defaultValue = "${CAIRN_ADMIN_URL:-http://127.0.0.1:8558}",
      description = "Admin port of any node (CAIRN_ADMIN_URL; default: ${DEFAULT-VALUE}).")
  private String url;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description =
          "Admin key. CAIRN_ADMIN_KEY is the better place: options show in lists of processes.")
  private String key;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "120",
      description = "Longest wait for a reply (default: ${DEFAULT-VALUE}).")
  private int timeoutSeconds;

  @Option(names = "--json", description = "Prints one object a line.")
  private boolean json;

  /** One for all questions of a command; made when there is the first. */
  private HttpClient client;

  /** Where it asks. */
  String url() {
    return url;
  }

  boolean json() {
    return json;
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    return send("GET", path, "");
  }

  JsonNode post(String path, String body) throws IOException, InterruptedException {
    return send("POST", path, body);
  }

  private JsonNode send(String method, String path, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base().resolve(path))
            .timeout(Duration.ofSeconds(timeoutSeconds))
            .header("content-type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    key().ifPresent(value -> request.header("Authorization", "Bearer " + value));
    HttpResponse<String> reply;
    try {
      if (client == null) {
        client = HttpClient.newBuilder().connectTimeout(CONNECT).build();
      }
      reply = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (ConnectException e) {
      throw new IOException(
          "There is no server at "
              + url
              + "; expected the admin port of one, which cairn serve prints when it starts.",
          e);
    }
    JsonNode answer = parse(reply.body());
    if (reply.statusCode() >= 400) {
      String message = answer.at("/error/message").asText("");
      throw new IOException(
          message.isEmpty() ? url + " answered " + reply.statusCode() + "." : message);
    }
    return answer;
  }

  private JsonNode parse(String body) throws IOException {
    try {
      return JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IOException(url + " answered something else than JSON; is it an admin port?", e);
    }
  }

  private URI base() {
    if (!url.matches("https?://[^/\\s]+/?")) {
      throw new IllegalArgumentException(
          "--url is " + url + "; expected http://HOST:PORT or https://HOST:PORT.");
    }
    if (timeoutSeconds < 1) {
      throw new IllegalArgumentException(
          "--timeout is " + timeoutSeconds + "; expected at least 1.");
    }
    return URI.create(url);
  }

  private Optional<String> key() {
    String value = key == null ? System.getenv("CAIRN_ADMIN_KEY") : key;
    if (value != null && !value.matches("[\\x21-\\x7e]{0,200}")) {
      throw new IllegalArgumentException(
          "The key has "
              + value.length()
              + " characters; expected up to 200, visible ASCII characters alone.");
    }
    return Optional.ofNullable(value).filter(text -> !text.isEmpty());
  }
}
