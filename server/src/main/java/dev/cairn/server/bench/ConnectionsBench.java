package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures what open streams on which nothing happens cost a server, and those that run beside
 * them. The idle ones follow requests that wait for a device.
 */
public final class ConnectionsBench {
  private static final double MEBIBYTE = 1 << 20;

  private final URI url;
  private final ProcessUsage server;
  private final HttpClient client = HttpClient.newHttpClient();

  /**
   * @param server its process, of this machine
   */
  public ConnectionsBench(URI url, ProcessUsage server) {
    this.url = url;
    this.server = server;
  }

  /**
   * Opens idle streams, and runs others without them and then beside them.
   *
   * @param waiting requests that the idle streams follow in turn
   */
  public ObjectNode run(int idle, int waiting, ServeBench active)
      throws IOException, InterruptedException {
    ObjectNode alone = active.run();
    long before = server.residentBytes();
    List<String> requests = new ArrayList<>();
    try {
      for (int i = 0; i < waiting; i++) {
        requests.add(waitingRequest());
      }
      long withRequests = server.residentBytes();
      try (IdleStreams streams =
          new IdleStreams(
              url, idle, i -> "/v1/requests/" + requests.get(i % waiting) + "/stream")) {
        long withIdle = server.residentBytes();
        ObjectNode beside = active.run();
        long withAll = server.residentBytes();
        ObjectNode line = Json.object();
        line.put("idle_streams", idle);
        line.put("waiting_requests", waiting);
        line.put("answered", streams.answered());
        line.put("idle_errors", streams.errors());
        line.put("idle_last_error", streams.lastError());
        line.put("resident_mib", Percentiles.round(before / MEBIBYTE));
        line.put("resident_mib_with_requests", Percentiles.round(withRequests / MEBIBYTE));
        line.put("resident_mib_with_idle", Percentiles.round(withIdle / MEBIBYTE));
        line.put("resident_mib_with_all", Percentiles.round(withAll / MEBIBYTE));
        line.put("bytes_per_idle_stream", (withIdle - withRequests) / Math.max(1, idle));
        line.set("active_alone", alone);
        line.set("active_beside_idle", beside);
        return line;
      }
    } finally {
      for (String request : requests) {
        post("/v1/requests/" + request + "/cancel", "");
      }
    }
  }

  /** The id of a request that waits for ever. */
  private String waitingRequest() throws IOException, InterruptedException {
    ObjectNode body = Json.object();
    body.put("input", "Once upon a time");
    body.put("background", true);
    // No device is like this, so nothing of it ever runs.
    body.putObject("constraints").put("backend", "none");
    return post("/v1/responses", Json.write(body)).path("id").asText();
  }

  private JsonNode post(String path, String body) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(url.resolve(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    HttpResponse<String> reply = client.send(request, HttpResponse.BodyHandlers.ofString());
    if (reply.statusCode() != 200) {
      throw new IOException(
          "POST " + path + " was answered " + reply.statusCode() + ": " + reply.body());
    }
    return Json.read(reply.body());
  }
}
