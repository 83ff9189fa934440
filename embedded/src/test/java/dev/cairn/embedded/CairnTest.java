package dev.cairn.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.RejectedException;
import dev.cairn.bundled.BundledModel;
import dev.cairn.persistence.FinishReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class CairnTest {
  private static final GenerationRequest STORY =
      GenerationRequest.of("Once upon a time").maxTokens(40).seed(7);
  private static final GenerationRequest LONG =
      GenerationRequest.of("Once upon a time").maxTokens(200).greedy();

  @TempDir static Path models;
  private static Path model;

  @TempDir Path directory;

  @BeforeAll
  static void extract() {
    model = BundledModel.extractTo(models);
  }

  private Cairn start(String name) {
    return Cairn.start(CairnConfig.of(model, directory.resolve(name)));
  }

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(120, TimeUnit.SECONDS);
  }

  private static void until(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }

  private static String text(Iterable<Piece> pieces) {
    StringBuilder text = new StringBuilder();
    pieces.forEach(piece -> text.append(piece.text()));
    return text.toString();
  }

  @Test
  @DisplayName("future, source and iterator show the same, in an engine beside the host's Pekko")
  void threeViews() throws Exception {
    ActorSystem host = ActorSystem.create("host");
    try (Cairn cairn = start("data")) {
      Generation generation = cairn.generate(STORY);
      String iterated = text(generation.pieces());
      List<Piece> streamed = get(generation.source().runWith(Sink.seq(), host));
      Result result = generation.await();
      assertThat(iterated).isNotEmpty().isEqualTo(result.text());
      assertThat(text(streamed)).isEqualTo(result.text());
      assertThat(result.tokens()).hasSize(40);
      assertThat(result.reason()).isEqualTo(FinishReason.LENGTH);
      assertThat(result.id()).isEqualTo(generation.id());
      assertThat(get(cairn.submit(STORY).thenCompose(Generation::result)).text())
          .as("the same request with the same seed")
          .isEqualTo(result.text());
      for (Piece piece : streamed) {
        assertThat(result.text()).endsWith(text(generation.pieces(piece.next())));
      }
      assertThat(cairn.model()).isNotEmpty();
      assertThat(cairn.notReady()).isEmpty();
    } finally {
      host.terminate();
      get(host.getWhenTerminated());
    }
  }

  @Test
  @DisplayName("I4 vectors of texts are the same in every engine, and nothing of them stays")
  void vectors() throws Exception {
    List<String> texts = List.of("The fox slept.", "A fox was asleep.", "Ships sail at night.");
    List<float[]> first;
    try (Cairn cairn = start("data")) {
      first = get(cairn.embed(texts));
      assertThat(first).hasSize(3).allMatch(vector -> Math.abs(dot(vector, vector) - 1) < 1e-6);
      assertThat(get(cairn.embed(texts.get(1)))).isEqualTo(first.get(1));
      assertThatThrownBy(() -> cairn.embed(List.of("a", "")))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> get(cairn.embed("a ".repeat(5000))))
          .hasMessageContaining("tokens, expected at most");
      until(() -> cairn.held().values().stream().allMatch(n -> n == 0), "nothing is held");
    }
    try (Cairn cairn = start("other")) {
      Generation beside = cairn.generate(STORY);
      assertThat(get(cairn.embed(texts))).usingRecursiveComparison().isEqualTo(first);
      beside.await();
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Test
  @DisplayName("R16 a generation goes on in the next engine, and a reader behind its last piece")
  void goesOn() throws Exception {
    String whole;
    String id;
    String before = "";
    int next = 0;
    try (Cairn cairn = start("whole")) {
      whole = cairn.generate(LONG).await().text();
    }
    try (Cairn cairn = start("data")) {
      Generation generation = cairn.generate(LONG.idempotencyKey("story 1"));
      id = generation.id();
      Iterator<Piece> pieces = generation.pieces().iterator();
      for (int i = 0; i < 3 && pieces.hasNext(); i++) {
        Piece piece = pieces.next();
        before += piece.text();
        next = piece.next();
      }
    }
    try (Cairn cairn = start("data")) {
      Generation generation = get(cairn.find(id)).orElseThrow();
      assertThat(before + text(generation.pieces(next))).isEqualTo(whole);
      assertThat(generation.await().text()).isEqualTo(whole);
      assertThat(get(cairn.findByKey("story 1")).orElseThrow().id()).isEqualTo(id);
      assertThat(cairn.generate(LONG.idempotencyKey("story 1")).id()).isEqualTo(id);
      assertThatThrownBy(() -> cairn.generate(LONG.maxTokens(3).idempotencyKey("story 1")))
          .isInstanceOf(RejectedException.class)
          .hasMessageContaining("asks for something else");
      assertThat(get(cairn.find("01ARZ3NDEKTSV4RRFFQ69G5FAV"))).isEmpty();
    }
  }

  @Test
  @DisplayName("an error of the JVM in a host's progress bar ends the engine, not the process")
  void errorOfTheJvm() {
    CairnConfig config =
        CairnConfig.of(model, directory.resolve("data"))
            .onLoading(
                (done, all) -> {
                  throw new LinkageError("as of a class that is missing");
                });
    assertThatThrownBy(() -> Cairn.start(config)).hasMessageContaining("the node ended before");
    try (Cairn next = start("data")) {
      assertThat(next.whenStopped().toCompletableFuture()).isNotDone();
    }
  }

  @Test
  @DisplayName("two engines in a JVM, of one model, know nothing of each other")
  void twoEngines() throws Exception {
    try (Cairn one = start("one");
        Cairn two = start("two")) {
      CompletableFuture<Result> first =
          one.submit(LONG).thenCompose(Generation::result).toCompletableFuture();
      Generation second = two.generate(LONG);
      assertThat(second.await().text()).isEqualTo(get(first).text());
      assertThat(get(one.find(second.id()))).isEmpty();
    }
  }

  /** A generation that is paused before its end: on a busy machine a pause may come too late. */
  private static Generation paused(Cairn cairn) throws Exception {
    for (int attempt = 0; attempt < 20; attempt++) {
      Generation generation = cairn.generate(LONG);
      get(generation.pause());
      if (cairn.held().get("admissions") > 0) {
        return generation;
      }
    }
    throw new AssertionError("twenty generations ended before they could be paused");
  }

  @Test
  @DisplayName("L13 cancel, pause and resume; readers who leave are not held")
  void control() throws Exception {
    ActorSystem host = ActorSystem.create("host");
    try (Cairn cairn = start("data")) {
      Generation generation = paused(cairn);
      CompletionStage<Piece> nobody =
          generation
              .source(0)
              .concat(Source.maybe())
              .takeWithin(Duration.ofMillis(50))
              .runWith(Sink.lastOption(), host)
              .thenApply(last -> last.orElse(new Piece("", 0)));
      get(nobody);
      until(() -> cairn.held().get("readers") == 0, "no readers: " + cairn.held());
      CompletableFuture<String> reading = new CompletableFuture<>();
      Thread reader =
          new Thread(
              () -> {
                try {
                  reading.complete(text(generation.pieces()));
                } catch (CancellationException e) {
                  reading.completeExceptionally(e);
                }
              });
      reader.start();
      until(() -> cairn.held().get("readers") == 1, "a reader that waits");
      reader.interrupt();
      assertThatThrownBy(() -> reading.get(60, TimeUnit.SECONDS))
          .hasMessageContaining("interrupted");
      until(() -> cairn.held().get("readers") == 0, "no readers: " + cairn.held());
      get(generation.resume());
      Result ended = get(generation.cancel());
      assertThat(ended.reason()).isIn(FinishReason.CANCELLED, FinishReason.LENGTH);
      assertThat(text(generation.pieces())).isEqualTo(ended.text());
    } finally {
      host.terminate();
      get(host.getWhenTerminated());
    }
  }

  @Test
  @DisplayName("what cannot be is refused with what was expected")
  void refusals() {
    assertThatThrownBy(() -> GenerationRequest.of("")).hasMessageContaining("expected some text");
    assertThatThrownBy(() -> STORY.maxTokens(0)).hasMessageContaining("expected at least 1");
    assertThatThrownBy(() -> STORY.temperature(-1)).hasMessageContaining("expected 0 to 2");
    assertThatThrownBy(() -> STORY.topP(0)).hasMessageContaining("expected more than 0");
    assertThatThrownBy(() -> STORY.stop("")).hasMessageContaining("none empty");
    assertThatThrownBy(() -> STORY.timeoutMillis(-1)).hasMessageContaining("expected 0 or more");
    assertThatThrownBy(() -> GenerationRequest.ofTokens()).hasMessageContaining("at least one");
    try (Cairn cairn = start("data")) {
      assertThatThrownBy(() -> cairn.generate(GenerationRequest.ofTokens(1 << 20)))
          .hasMessageContaining("expected 0 to");
      assertThatThrownBy(() -> cairn.generate(GenerationRequest.ofTokens(new int[300])))
          .isInstanceOf(RejectedException.class)
          .as("the host's application.conf has a context of 256")
          .hasMessageContaining("context of 256");
      Generation generation = cairn.generate(STORY);
      assertThatThrownBy(() -> generation.pieces(4000).iterator())
          .hasMessageContaining("expected the end of a piece");
      assertThatThrownBy(() -> start("data"))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("is in use by");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    assertThatThrownBy(() -> Cairn.start(CairnConfig.of(directory.resolve("no"), directory)))
        .hasMessageContaining("no");
  }

  @Test
  @DisplayName("close gives back threads, files and native memory")
  void closeIsClean() throws Exception {
    // The first engine brings what stays for the life of a JVM: libraries, pools that are shared.
    for (int i = 0; i < 2; i++) {
      try (Cairn cairn = start("data")) {
        cairn.generate(STORY).await();
      }
    }
    Map<String, Long> threads = threads();
    List<String> files = files();
    long memory = residentKib();
    for (int i = 0; i < 8; i++) {
      try (Cairn cairn = start("data")) {
        cairn.generate(STORY).await();
      }
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!minus(threads(), threads).isEmpty()) {
      assertThat(System.nanoTime())
          .as("threads that were not there before: %s", minus(threads(), threads))
          .isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
    until(() -> more(files).isEmpty(), "files that were not open before: " + more(files));
    // An engine of this model has a KV store of 120 MiB alone.
    assertThat(residentKib() - memory)
        .as("KiB of memory after eight engines")
        .isLessThan(200 << 10);
  }

  /** Live threads by name, without the numbers in it, but for the JVM's own pool. */
  private static Map<String, Long> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !thread.getName().startsWith("ForkJoinPool.commonPool"))
        .collect(
            Collectors.groupingBy(
                thread -> thread.getName().replaceAll("\\d+", "#"), Collectors.counting()));
  }

  private static Map<String, Long> minus(Map<String, Long> now, Map<String, Long> before) {
    return now.entrySet().stream()
        .filter(each -> each.getValue() > before.getOrDefault(each.getKey(), 0L))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  /** Files that are open now and were not before. */
  private static List<String> more(List<String> before) {
    try {
      List<String> more = new ArrayList<>(files());
      more.removeAll(before);
      return more;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the process's file descriptors lead, but for pipes and sockets, which have numbers. */
  private static List<String> files() throws IOException {
    List<String> files = new ArrayList<>();
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      for (Path each : descriptors.toList()) {
        try {
          files.add(Files.readSymbolicLink(each).toString().replaceAll("\\[\\d+\\]", ""));
        } catch (NoSuchFileException e) {
          // It was closed meanwhile, so it is not open.
          continue;
        }
      }
    }
    return files;
  }

  /** Memory of this process, with no more of Java's heap than what lives. */
  private static long residentKib() throws IOException {
    System.gc();
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
