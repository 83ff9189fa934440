package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Streams of one kind, run together, and what they say when nothing disturbs them. */
final class Load {
  private final int kinds;
  private final int maxTokens;
  private final List<String> uninterrupted = new ArrayList<>();
  private long usualNanos;

  /**
   * @param kinds number of different bodies
   */
  Load(int kinds, int maxTokens) {
    this.kinds = kinds;
    this.maxTokens = maxTokens;
  }

  /** Runs each kind on a server of its own that is left in peace. */
  Load uninterrupted(Path directory) {
    try (ServerProcess server = ServerProcess.start(directory).await()) {
      List<ClientStream> streams = new ArrayList<>();
      for (int i = 0; i < kinds; i++) {
        streams.add(stream(i, "quiet"));
      }
      long begun = System.nanoTime();
      follow(server, streams, () -> {});
      usualNanos = System.nanoTime() - begun;
      for (ClientStream each : streams) {
        assertThat(each.complete()).isTrue();
        uninterrupted.add(each.text());
      }
    }
    return this;
  }

  /** A body: greedy and sampled ones in turn, some with stop strings. */
  Map<String, Object> body(int index) {
    int kind = index % kinds;
    return Map.of(
        "prompt",
        "Once upon a time, number " + kind + " went to the",
        "max_tokens",
        maxTokens,
        "temperature",
        kind % 2 == 0 ? 0.0 : 0.9,
        "seed",
        kind,
        "ignore_eos",
        true,
        "stream",
        true,
        "stop",
        kind % 4 == 3 ? List.of("happily ever after", " the end") : List.of());
  }

  /**
   * A stream with an idempotency key.
   *
   * @param run tells streams of one body apart
   */
  ClientStream stream(int index, String run) {
    return new ClientStream(body(index), Optional.of(run + "-" + index));
  }

  /** What a stream says when nothing disturbs it. */
  String expected(int index) {
    return uninterrupted.get(index % kinds);
  }

  /** How long the streams took together when nothing disturbed them. */
  long usualNanos() {
    return usualNanos;
  }

  /** Lets each stream go on that has not ended, and waits until each has or has been cut off. */
  static void follow(ServerProcess server, List<ClientStream> streams, Runnable seen) {
    List<ClientStream> open = streams.stream().filter(each -> !each.complete()).toList();
    if (open.isEmpty()) {
      return;
    }
    ApiClient client = server.client();
    ExecutorService clients = Executors.newFixedThreadPool(open.size());
    try {
      List<Future<?>> running = new ArrayList<>();
      for (ClientStream each : open) {
        running.add(clients.submit(() -> each.follow(client, seen)));
      }
      for (Future<?> each : running) {
        each.get();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      clients.shutdownNow();
    }
  }

  /** Each stream has come to its end, and says what it says when nothing disturbs it. */
  void assertAsUninterrupted(List<ClientStream> streams, String when) {
    for (int i = 0; i < streams.size(); i++) {
      ClientStream stream = streams.get(i);
      assertThat(stream.complete()).as("stream %s, %s", i, when).isTrue();
      assertThat(stream.text()).as("stream %s, %s", i, when).isEqualTo(expected(i));
    }
  }

  /** No stream says anything else, as far as it has come. */
  void assertPrefixes(List<ClientStream> streams, String when) {
    for (int i = 0; i < streams.size(); i++) {
      assertThat(expected(i)).as("stream %s, %s", i, when).startsWith(streams.get(i).text());
    }
  }
}
