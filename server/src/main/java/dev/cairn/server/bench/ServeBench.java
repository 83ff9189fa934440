package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.http.Json;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Measures a server: clients that each send one streamed completion after the other. A closed loop
 * over plain sockets, so that the clients cost little.
 */
public final class ServeBench {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double NANOS_PER_MICRO = 1e3;
  private static final String PROMPT = "Once upon a time";

  private final Settings settings;

  /**
   * What to send.
   *
   * @param warmUp requests that come first and do not count, so that the clients' own start does
   *     not
   * @param requests that count
   * @param model sent as the model's name; empty sends none
   * @param promptTokens tokens of each prompt, drawn by the request's number; 0 sends a text
   * @param vocabulary token ids are drawn below this
   * @param server its process, where it is one of this machine
   */
  public record Settings(
      URI url,
      int clients,
      int warmUp,
      int requests,
      int maxTokens,
      String model,
      int promptTokens,
      int vocabulary,
      Optional<ProcessUsage> server) {}

  public ServeBench(Settings settings) {
    this.settings = settings;
  }

  /** Sends all requests and waits for their ends. */
  public ObjectNode run() throws InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(settings.clients);
    List<StreamClient> clients = new ArrayList<>();
    try {
      for (int i = 0; i < settings.clients; i++) {
        clients.add(new StreamClient(settings.url));
      }
      run(pool, clients, settings.requests, settings.requests + settings.warmUp);
      clients.forEach(StreamClient::forget);
      Optional<Duration> before = settings.server.map(ProcessUsage::cpu);
      long begin = System.nanoTime();
      run(pool, clients, 0, settings.requests);
      ObjectNode report = report(clients, (System.nanoTime() - begin) / NANOS_PER_SECOND);
      before.ifPresent(
          from -> {
            Duration took = settings.server.get().cpu().minus(from);
            double tokens = report.get("tokens").asDouble();
            report.put(
                "server_cpu_us_per_token",
                Percentiles.round(took.toNanos() / NANOS_PER_MICRO / tokens));
          });
      return report;
    } catch (ExecutionException e) {
      throw new IllegalStateException("a client failed: " + e.getCause(), e.getCause());
    } finally {
      clients.forEach(StreamClient::close);
      pool.shutdownNow();
    }
  }

  /** Sends the requests of these numbers. */
  private void run(ExecutorService pool, List<StreamClient> clients, int from, int to)
      throws ExecutionException, InterruptedException {
    AtomicInteger next = new AtomicInteger(from);
    List<Future<?>> running = new ArrayList<>();
    for (StreamClient client : clients) {
      running.add(
          pool.submit(
              () -> {
                for (int i = next.getAndIncrement(); i < to; i = next.getAndIncrement()) {
                  client.complete(body(i));
                }
              }));
    }
    for (Future<?> client : running) {
      client.get();
    }
  }

  private String body(int number) {
    ObjectNode body = Json.object();
    if (!settings.model.isEmpty()) {
      body.put("model", settings.model);
    }
    if (settings.promptTokens == 0) {
      body.put("prompt", PROMPT);
    } else {
      ArrayNode prompt = body.putArray("prompt");
      new Random(number).ints(settings.promptTokens, 0, settings.vocabulary).forEach(prompt::add);
    }
    body.put("max_tokens", settings.maxTokens);
    body.put("temperature", 1);
    body.put("seed", number);
    body.put("ignore_eos", true);
    body.put("stream", true);
    return Json.write(body);
  }

  private ObjectNode report(List<StreamClient> clients, double seconds) {
    long tokens = clients.stream().mapToLong(StreamClient::tokens).sum();
    Percentiles first =
        Percentiles.of(clients.stream().flatMapToDouble(c -> c.firstMillis().stream()).toArray());
    Percentiles inter =
        Percentiles.of(clients.stream().flatMapToDouble(c -> c.interMillis().stream()).toArray());
    ObjectNode out = Json.object();
    out.put("clients", settings.clients);
    out.put("warm_up", settings.warmUp);
    out.put("requests", settings.requests);
    out.put("max_tokens", settings.maxTokens);
    out.put("tokens", tokens);
    out.put("seconds", Percentiles.round(seconds));
    out.put("tok_s", Percentiles.round(tokens / seconds));
    out.put("ttft_ms_p50", first.at(50));
    out.put("ttft_ms_p99", first.at(99));
    out.put("itl_ms_p50", inter.at(50));
    out.put("itl_ms_p99", inter.at(99));
    out.put("errors", clients.stream().mapToInt(StreamClient::errors).sum());
    clients.stream()
        .map(StreamClient::lastError)
        .filter(error -> !error.isEmpty())
        .findFirst()
        .ifPresent(error -> out.put("last_error", error));
    return out;
  }
}
