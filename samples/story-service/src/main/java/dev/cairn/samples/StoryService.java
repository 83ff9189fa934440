package dev.cairn.samples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.cairn.bundled.BundledModel;
import dev.cairn.embedded.Cairn;
import dev.cairn.embedded.CairnConfig;
import dev.cairn.embedded.Generation;
import dev.cairn.embedded.GenerationRequest;
import dev.cairn.embedded.Piece;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A service of the JDK's own HTTP server that writes stories: {@code GET /NAME?BEGINNING} streams
 * the story of that name. Whoever asks for a name again gets the same story, also while it is being
 * written, and after the service was killed and started again.
 */
public final class StoryService implements AutoCloseable {
  private final Cairn cairn;
  private final HttpServer http;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  /**
   * Starts the service.
   *
   * @param directory for the stories and the model
   * @param port of the loopback interface; 0: any free one
   */
  public StoryService(Path directory, int port) throws IOException {
    Path model = BundledModel.extractTo(directory);
    cairn = Cairn.start(CairnConfig.of(model, directory.resolve("journal")).threads(1));
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    http.createContext("/", this::story);
    http.setExecutor(threads);
    http.start();
  }

  /** Where it listens. */
  public int port() {
    return http.getAddress().getPort();
  }

  private void story(HttpExchange exchange) throws IOException {
    try (exchange) {
      String name = exchange.getRequestURI().getPath().substring(1);
      String beginning = exchange.getRequestURI().getRawQuery();
      if (name.isEmpty() || beginning == null || beginning.isEmpty()) {
        exchange.sendResponseHeaders(400, -1);
        return;
      }
      Generation story =
          cairn.generate(
              GenerationRequest.of(URLDecoder.decode(beginning, StandardCharsets.UTF_8))
                  .maxTokens(120)
                  .temperature(0.7)
                  .idempotencyKey(name));
      exchange.sendResponseHeaders(200, 0);
      OutputStream out = exchange.getResponseBody();
      for (Piece piece : story.pieces()) {
        out.write(piece.text().getBytes(StandardCharsets.UTF_8));
        out.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    http.stop(0);
    threads.shutdownNow();
    cairn.close();
  }

  /** Serves until the process is stopped. */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("Usage: StoryService DIRECTORY PORT");
      System.exit(2);
    }
    StoryService service = new StoryService(Path.of(args[0]), Integer.parseInt(args[1]));
    Runtime.getRuntime().addShutdownHook(new Thread(service::close));
    System.out.println("stories at http://127.0.0.1:" + service.port());
  }
}
