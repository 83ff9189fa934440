package dev.cairn.peer;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.LogFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** llama.cpp by way of {@code de.kherud:llama}: a model with so many sequences at a time. */
final class LlamaCpp implements AutoCloseable {
  /** Tokens beside the prompt and the output that its server wants room for. */
  private static final int SPARE_TOKENS = 64;

  private final LlamaModel model;
  private final int batch;
  private final int decode;
  private final List<String> prompts = new ArrayList<>();
  private final ExecutorService clients;
  private long promptTokens;

  /** Tokens a second. */
  record Rates(double prefill, double decode) {}

  /** When each token of a sequence came, in nanoseconds. */
  private record Times(long begin, List<Long> tokens) {
    long first() {
      return tokens.get(0);
    }

    long last() {
      return tokens.get(tokens.size() - 1);
    }
  }

  /**
   * Loads a model.
   *
   * @throws UnsatisfiedLinkError where its natives do not load on this machine
   */
  LlamaCpp(Path file, int threads, int batch, int prefill, int decode) {
    this.batch = batch;
    this.decode = decode;
    ModelParameters parameters =
        new ModelParameters()
            .setModel(file.toString())
            .setThreads(threads)
            .setThreadsBatch(threads)
            .setParallel(batch)
            .setCtxSize(batch * (prefill + decode + SPARE_TOKENS))
            .setGpuLayers(0)
            .setPredict(decode + 1);
    LlamaModel.setLogger(LogFormat.TEXT, (level, message) -> {});
    this.model = new LlamaModel(parameters);
    this.clients = Executors.newFixedThreadPool(batch);
    for (int i = 0; i < batch; i++) {
      String prompt = prompt(new Random(i), prefill);
      prompts.add(prompt);
      promptTokens += model.encode(prompt).length;
    }
  }

  /** Made-up words, of as many tokens as asked for or a few more. */
  private String prompt(Random random, int tokens) {
    StringBuilder text = new StringBuilder();
    int count = 0;
    while (count < tokens) {
      for (int missing = Math.max(1, (tokens - count) / 4); missing > 0; missing--) {
        for (int length = 1 + random.nextInt(5); length > 0; length--) {
          text.append((char) ('a' + random.nextInt(26)));
        }
        text.append(' ');
      }
      count = model.encode(text.toString()).length;
    }
    return text.toString();
  }

  /** Tokens of the prompts, on average. */
  double prefill() {
    return (double) promptTokens / batch;
  }

  /** Runs the sequences at once. */
  Rates run() throws InterruptedException, ExecutionException {
    List<Callable<Times>> sequences = new ArrayList<>();
    prompts.forEach(prompt -> sequences.add(() -> generate(prompt)));
    List<Times> all = new ArrayList<>();
    for (Future<Times> each : clients.invokeAll(sequences)) {
      all.add(each.get());
    }
    long begin = all.stream().mapToLong(Times::begin).min().orElseThrow();
    // Decoding counts while all sequences decode.
    long from = all.stream().mapToLong(Times::first).max().orElseThrow();
    long to = all.stream().mapToLong(Times::last).min().orElseThrow();
    long decoded =
        all.stream().flatMap(t -> t.tokens().stream()).filter(t -> t > from && t <= to).count();
    return new Rates(promptTokens * 1e9 / (from - begin), decoded * 1e9 / Math.max(1, to - from));
  }

  private Times generate(String prompt) {
    InferenceParameters parameters =
        new InferenceParameters(prompt)
            .setNPredict(decode + 1)
            .setTemperature(0)
            .setCachePrompt(false)
            .setIgnoreEos(true);
    Times times = new Times(System.nanoTime(), new ArrayList<>());
    for (LlamaOutput output : model.generate(parameters)) {
      if (times.tokens().size() <= decode) {
        times.tokens().add(System.nanoTime());
      }
    }
    return times;
  }

  @Override
  public void close() {
    clients.shutdownNow();
    model.close();
  }
}
