package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.LookUp;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.request.Snapshot;
import dev.cairn.server.LocalNode;
import dev.cairn.server.http.Json;
import dev.cairn.server.metrics.CairnMetrics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Measures a whole node of this process but its HTTP interface: requests, journal, scheduler and
 * device. Each run is of some streams that begin together; a run before the measured ones is not
 * counted.
 */
public final class NodeBench {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double NANOS_PER_MICRO = 1e3;
  private static final double MICROS_PER_SECOND = 1e6;
  private static final int PROMPT = 16;
  private static final long PATIENCE_MINUTES = 30;

  private final LocalNode node;
  private final CairnMetrics metrics;
  private final int repeat;
  private int nextId;

  /**
   * @param metrics the node's
   * @param repeat measurements of each kind
   */
  public NodeBench(LocalNode node, CairnMetrics metrics, int repeat) {
    this.node = node;
    this.metrics = metrics;
    this.repeat = repeat;
  }

  /** One request as it runs; what it shows is timed where it is shown. */
  private static final class Stream {
    final List<Double> gapMillis = new ArrayList<>();
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch ended = new CountDownLatch(1);
    private RequestView view;
    private int shown;
    private long shownNanos;
    private final long startNanos = System.nanoTime();
    private Snapshot last;

    void follow(RequestView followed) {
      view = followed;
      followed.subscribe(this::look);
      look();
    }

    private synchronized void look() {
      Snapshot now = view.snapshot();
      int more = now.tokens().size() - shown;
      if (more > 0) {
        long at = System.nanoTime();
        for (int i = 0; shown > 0 && i < more; i++) {
          gapMillis.add((at - shownNanos) / NANOS_PER_MILLI / more);
        }
        shown += more;
        shownNanos = at;
        begun.countDown();
      }
      if (now.finish().isPresent()) {
        last = now;
        begun.countDown();
        ended.countDown();
      }
    }

    int[] tokens() {
      await(ended);
      Snapshot.Finish finish = last.finish().orElseThrow();
      if (finish.reason() == FinishReason.ERROR) {
        throw new IllegalStateException(finish.detail());
      }
      return last.tokens().toArray();
    }

    /** From its submission to its last token. */
    double seconds() {
      return (shownNanos - startNanos) / NANOS_PER_SECOND;
    }

    private static void await(CountDownLatch latch) {
      try {
        if (!latch.await(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
          throw new IllegalStateException("nothing came for " + PATIENCE_MINUTES + " minutes");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  private Stream start(int[] prompt, int maxTokens, LookUp lookUp) {
    return submit(prompt, maxTokens, lookUp).join();
  }

  /** Streams of random prompts that begin nearly together. */
  private List<Stream> start(int count, int maxTokens) {
    List<CompletableFuture<Stream>> submitted = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      submitted.add(submit(random(i, PROMPT), maxTokens, LookUp.OFF));
    }
    List<Stream> streams = submitted.stream().map(CompletableFuture::join).toList();
    streams.forEach(stream -> Stream.await(stream.begun));
    return streams;
  }

  private CompletableFuture<Stream> submit(int[] prompt, int maxTokens, LookUp lookUp) {
    RequestSpec spec =
        RequestSpec.of(
                "bench-" + System.nanoTime() + "-" + nextId++,
                node.model().name(),
                node.model().fingerprint(),
                prompt)
            .submittedAtMillis(System.currentTimeMillis())
            .maxTokens(maxTokens)
            .ignoreEos(true)
            .scheduling(Scheduling.DEFAULT.withLookUp(lookUp))
            .build();
    Stream stream = new Stream();
    return node.requests()
        .submit(spec)
        .thenApply(
            view -> {
              stream.follow(view);
              return stream;
            })
        .toCompletableFuture();
  }

  private int[] random(int seed, int count) {
    return new Random(seed).ints(count, 0, node.model().vocabularySize()).toArray();
  }

  /**
   * One stream that goes on from a text that repeats itself, with drafts and without in turn.
   *
   * @param text is repeated
   * @throws IllegalStateException where drafts change a token
   */
  public ObjectNode lookUp(String text, int promptTokens, int maxTokens) {
    int[] once = node.tokenizer().encode(text, false, false);
    int[] prompt = new int[promptTokens];
    Arrays.setAll(prompt, i -> once[i % once.length]);
    double plain = 0;
    double drafted = 0;
    double[] counted = new double[2];
    for (int i = 0; i <= repeat; i++) {
      Stream without = start(prompt, maxTokens, LookUp.OFF);
      int[] expected = without.tokens();
      double draftsBefore = metric("cairn_look_up_drafted_tokens_total");
      double heldBefore = metric("cairn_look_up_held_tokens_total");
      Stream with = start(prompt, maxTokens, LookUp.ON);
      if (!Arrays.equals(with.tokens(), expected)) {
        throw new IllegalStateException("drafts changed the output");
      }
      if (i > 0) {
        plain = Math.max(plain, rate(without, maxTokens));
        drafted = Math.max(drafted, rate(with, maxTokens));
        counted[0] = metric("cairn_look_up_drafted_tokens_total") - draftsBefore;
        counted[1] = metric("cairn_look_up_held_tokens_total") - heldBefore;
      }
    }
    ObjectNode line = line("lookup");
    line.put("prompt_tokens", promptTokens);
    line.put("max_tokens", maxTokens);
    line.put("plain_tok_s", Percentiles.round(plain));
    line.put("drafted_tok_s", Percentiles.round(drafted));
    line.put("ratio", Percentiles.round(drafted / plain));
    line.put("drafted", (long) counted[0]);
    line.put("held", (long) counted[1]);
    return line;
  }

  private static double rate(Stream stream, int tokens) {
    return tokens / stream.seconds();
  }

  /** What the device waits between steps of so many decode rows. */
  public ObjectNode steps(int batch, int maxTokens) {
    double[] idle = new double[repeat];
    double[] step = new double[repeat];
    double[] cpu = new double[repeat];
    ProcessUsage self = ProcessUsage.of(ProcessHandle.current().pid());
    for (int i = 0; i <= repeat; i++) {
      Duration begin = self.cpu();
      List<Stream> streams = start(batch, maxTokens);
      double[] before = idleStepsAndTime();
      // Before any of them ends: the streams are of one length and begin nearly together.
      Stream.await(streams.get(0).ended);
      double[] after = idleStepsAndTime();
      streams.forEach(Stream::tokens);
      if (i > 0) {
        long tokens = (long) batch * maxTokens;
        cpu[i - 1] = self.cpu().minus(begin).toNanos() / NANOS_PER_MICRO / tokens;
        double steps = after[1] - before[1];
        idle[i - 1] = (after[0] - before[0]) / steps * MICROS_PER_SECOND;
        step[i - 1] = (after[2] - before[2]) / steps * MICROS_PER_SECOND;
      }
    }
    int best = 0;
    for (int i = 1; i < repeat; i++) {
      best = idle[i] < idle[best] ? i : best;
    }
    ObjectNode line = line("steps");
    line.put("batch", batch);
    line.put("max_tokens", maxTokens);
    line.put("step_us", Percentiles.round(step[best]));
    line.put("idle_us", Percentiles.round(idle[best]));
    line.put("idle_share", Percentiles.round(idle[best] / step[best]));
    line.put("idle_us_median", Percentiles.of(idle).at(50));
    line.put("cpu_us_per_token", Percentiles.of(cpu).at(50));
    return line;
  }

  private double[] idleStepsAndTime() {
    String text = metrics.scrape();
    return new double[] {
      metric(text, "cairn_device_idle_seconds_total"),
      metric(text, "cairn_step_seconds_count"),
      metric(text, "cairn_step_seconds_sum")
    };
  }

  /**
   * How much longer running streams wait for their tokens while a long prompt is computed.
   *
   * @param streams that run
   * @param promptTokens of the long prompt
   */
  public ObjectNode longPrompt(int streams, int promptTokens) {
    List<Double> alone = new ArrayList<>();
    List<Double> beside = new ArrayList<>();
    double seconds = 0;
    for (int i = 0; i <= repeat; i++) {
      List<Stream> running = start(streams, node.maxContext() - PROMPT);
      long begin = System.nanoTime();
      Stream prompt = start(random(1000 + i, promptTokens), 1, LookUp.OFF);
      List<Integer> from = counts(running);
      prompt.tokens();
      double took = (System.nanoTime() - begin) / NANOS_PER_SECOND;
      List<Integer> to = counts(running);
      awaitMore(running, to);
      List<Integer> end = counts(running);
      if (i > 0) {
        seconds = Math.max(seconds, took);
        for (int s = 0; s < streams; s++) {
          beside.addAll(gaps(running.get(s), from.get(s), to.get(s)));
          alone.addAll(gaps(running.get(s), to.get(s), end.get(s)));
        }
      }
      running.forEach(
          stream -> node.requests().cancel(stream.view.spec().id()).toCompletableFuture().join());
    }
    ObjectNode line = line("long-prompt");
    line.put("streams", streams);
    line.put("prompt_tokens", promptTokens);
    line.put("prompt_seconds", Percentiles.round(seconds));
    Percentiles without = percentiles(alone);
    Percentiles with = percentiles(beside);
    line.put("itl_ms_p50_alone", without.at(50));
    line.put("itl_ms_p99_alone", without.at(99));
    line.put("itl_ms_p50_beside", with.at(50));
    line.put("itl_ms_p99_beside", with.at(99));
    line.put("p50_ratio", Percentiles.round(with.at(50) / without.at(50)));
    line.put("p99_ratio", Percentiles.round(with.at(99) / without.at(99)));
    line.put("tokens_alone", alone.size());
    line.put("tokens_beside", beside.size());
    return line;
  }

  /** Waits until each stream has shown half as many tokens again, or ended. */
  private static void awaitMore(List<Stream> streams, List<Integer> seen) {
    CountDownLatch more = new CountDownLatch(1);
    Stream first = streams.get(0);
    int wanted = seen.get(0) + Math.max(64, seen.get(0) / 2);
    RequestView.Subscription reader =
        first.view.subscribe(
            () -> {
              Snapshot now = first.view.snapshot();
              if (now.tokens().size() >= wanted || now.finish().isPresent()) {
                more.countDown();
              }
            });
    Stream.await(more);
    reader.cancel();
  }

  private static List<Integer> counts(List<Stream> streams) {
    List<Integer> counts = new ArrayList<>();
    for (Stream stream : streams) {
      synchronized (stream) {
        counts.add(stream.gapMillis.size());
      }
    }
    return counts;
  }

  private static List<Double> gaps(Stream stream, int from, int to) {
    synchronized (stream) {
      return new ArrayList<>(stream.gapMillis.subList(from, to));
    }
  }

  private static Percentiles percentiles(List<Double> values) {
    return Percentiles.of(values.stream().mapToDouble(value -> value).toArray());
  }

  private ObjectNode line(String name) {
    ObjectNode line = Json.object();
    line.put("bench", name);
    line.put("model", node.model().name());
    line.put("instruction_set", node.deviceInfo().instructionSet());
    line.put("threads", node.deviceInfo().config().threads());
    line.put("repeat", repeat);
    return line;
  }

  private double metric(String name) {
    return metric(metrics.scrape(), name);
  }

  private static double metric(String text, String name) {
    Matcher matcher = Pattern.compile("(?m)^" + name + " ([0-9.Ee+-]+)$").matcher(text);
    if (!matcher.find()) {
      throw new IllegalStateException("there is no metric " + name);
    }
    return Double.parseDouble(matcher.group(1));
  }
}
