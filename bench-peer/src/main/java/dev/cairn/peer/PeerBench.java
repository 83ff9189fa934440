package dev.cairn.peer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.ModelFile;
import dev.cairn.server.bench.DeviceBench;
import dev.cairn.server.cli.DeviceBenchOptions;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn bench peer}: Cairn's device and llama.cpp, on one file, in one run. */
@Command(
    name = "cairn bench peer",
    mixinStandardHelpOptions = true,
    description =
        "Measures Cairn's device and llama.cpp (de.kherud:llama), by batch size; sequences of"
            + " llama.cpp come as requests of as many threads.")
public final class PeerBench implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final double ROUNDING = 1e4;

  @Mixin private DeviceBenchOptions options;

  /** Standard output: the lines of JSON alone. */
  private final PrintStream out;

  PeerBench(PrintStream out) {
    this.out = out;
  }

  /** Runs the command; the process ends with its exit code. */
  public static void main(String[] args) {
    PrintStream out = System.out;
    // The other engine's loader prints.
    System.setOut(System.err);
    System.exit(commandLine(out).execute(args));
  }

  /** The command, which prints its lines there. */
  static CommandLine commandLine(PrintStream out) {
    CommandLine line = new CommandLine(new PeerBench(out));
    line.setExecutionExceptionHandler(
        (failure, command, result) -> {
          command.getErr().println("cairn: " + failure.getMessage());
          return FAILED;
        });
    return line;
  }

  @Override
  public Integer call() throws IOException, InterruptedException, ExecutionException {
    DeviceBench.Settings settings = options.settings();
    if (settings.decode() < 2) {
      throw new IllegalArgumentException("--decode is 1; expected at least 2.");
    }
    Path temporary = Files.createTempDirectory("cairn-peer");
    try {
      ModelFile model = options.readModel(temporary);
      DeviceBench bench = DeviceBenchOptions.of(settings, model);
      for (int size : options.batch()) {
        ObjectNode cairn = Json.object();
        cairn.put("engine", "cairn");
        cairn.setAll(bench.run(size, (done, total) -> {}));
        out.println(Json.write(cairn));
        ObjectNode peer = peer(model.spec().file(), size, settings);
        peer.put("model", model.spec().name());
        out.println(Json.write(peer));
        out.println(Json.write(ratio(cairn, peer)));
      }
      return 0;
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      throw new IllegalStateException("llama.cpp does not load on this machine: " + e, e);
    } finally {
      delete(temporary);
    }
  }

  private static ObjectNode peer(Path file, int size, DeviceBench.Settings s)
      throws InterruptedException, ExecutionException {
    try (LlamaCpp peer = new LlamaCpp(file, s.threads(), size, s.prefill(), s.decode())) {
      peer.run();
      double prefillRate = 0;
      double decodeRate = 0;
      for (int i = 0; i < s.repeat(); i++) {
        LlamaCpp.Rates rates = peer.run();
        prefillRate = Math.max(prefillRate, rates.prefill());
        decodeRate = Math.max(decodeRate, rates.decode());
      }
      ObjectNode out = Json.object();
      out.put("engine", "llama.cpp");
      out.put("batch", size);
      out.put("prefill", rounded(peer.prefill()));
      out.put("decode", s.decode());
      out.put("threads", s.threads());
      out.put("repeat", s.repeat());
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
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
