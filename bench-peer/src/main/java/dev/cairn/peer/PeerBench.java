package dev.cairn.peer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.bundled.BundledModel;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.server.bench.DeviceBench;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cairn bench peer}: Cairn's device and llama.cpp, on one file, in one run. */
@Command(
    name = "cairn bench peer",
    mixinStandardHelpOptions = true,
    description = "Measures Cairn's device and llama.cpp (de.kherud:llama), by batch size.")
public final class PeerBench implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final double ROUNDING = 1e4;

  @Option(
      names = "--model",
      paramLabel = "FILE",
      description = "GGUF file. Without it: the bundled model.")
  private Path model;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Compute threads of both (default: ${DEFAULT-VALUE}).")
  private int threads;

  @Option(
      names = "--prefill",
      paramLabel = "N",
      defaultValue = "128",
      description = "Prompt tokens of each sequence (default: ${DEFAULT-VALUE}).")
  private int prefill;

  @Option(
      names = "--decode",
      paramLabel = "N",
      defaultValue = "64",
      description = "Tokens that each generates (default: ${DEFAULT-VALUE}).")
  private int decode;

  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,4,16",
      description = "Sequences at a time, one or more sizes (default: ${DEFAULT-VALUE}).")
  private List<Integer> batch;

  @Option(
      names = "--repeat",
      paramLabel = "R",
      defaultValue = "3",
      description = "Measurements, of which the best counts (default: ${DEFAULT-VALUE}).")
  private int repeat;

  /** Runs the command; the process ends with its exit code. */
  public static void main(String[] args) {
    CommandLine line = new CommandLine(new PeerBench());
    line.setExecutionExceptionHandler(
        (failure, command, result) -> {
          command.getErr().println("cairn: " + failure.getMessage());
          return FAILED;
        });
    System.exit(line.execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException, ExecutionException {
    if (threads < 1
        || prefill < 1
        || decode < 2
        || repeat < 1
        || batch.stream().anyMatch(b -> b < 1)) {
      throw new IllegalArgumentException(
          "An option is out of range; expected at least 1, for --decode at least 2.");
    }
    Path temporary = Files.createTempDirectory("cairn-peer");
    try {
      Path file = model == null ? BundledModel.extractTo(temporary) : model;
      ModelFile read = ModelFile.read(file, Devices.supportedTypes());
      DeviceBench bench =
          new DeviceBench(
              new DeviceBench.Settings("auto", "auto", threads, prefill, decode, repeat),
              read.spec(),
              Devices.streamingReadBytesPerSecond(threads));
      for (int size : batch) {
        ObjectNode cairn = Json.object();
        cairn.put("engine", "cairn");
        cairn.setAll(bench.run(size, (done, total) -> {}));
        System.out.println(Json.write(cairn));
        ObjectNode peer = peer(file, size);
        peer.put("model", read.spec().name());
        System.out.println(Json.write(peer));
        System.out.println(Json.write(ratio(cairn, peer)));
      }
      return 0;
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      throw new IllegalStateException("llama.cpp does not load on this machine: " + e, e);
    } finally {
      if (model == null) {
        delete(temporary);
      }
    }
  }

  private ObjectNode peer(Path file, int size) throws InterruptedException, ExecutionException {
    try (LlamaCpp peer = new LlamaCpp(file, threads, size, prefill, decode)) {
      peer.run();
      double prefillRate = 0;
      double decodeRate = 0;
      for (int i = 0; i < repeat; i++) {
        LlamaCpp.Rates rates = peer.run();
        prefillRate = Math.max(prefillRate, rates.prefill());
        decodeRate = Math.max(decodeRate, rates.decode());
      }
      ObjectNode out = Json.object();
      out.put("engine", "llama.cpp");
      out.put("batch", size);
      out.put("prefill", rounded(peer.prefill()));
      out.put("decode", decode);
      out.put("threads", threads);
      out.put("repeat", repeat);
      out.put("decode_tok_s", rounded(decodeRate));
      out.put("prefill_tok_s", rounded(prefillRate));
      return out;
    }
  }

  private static ObjectNode ratio(ObjectNode cairn, ObjectNode peer) {
    ObjectNode out = Json.object();
    out.put("engine", "cairn over llama.cpp");
    out.put("batch", cairn.get("batch").asInt());
    for (String rate : List.of("decode_tok_s", "prefill_tok_s")) {
      out.put(rate, rounded(cairn.get(rate).asDouble() / peer.get(rate).asDouble()));
    }
    return out;
  }

  private static double rounded(double value) {
    return Math.round(value * ROUNDING) / ROUNDING;
  }

  private static void delete(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      for (Path each : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
