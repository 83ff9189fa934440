package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.cluster.NodeSettings;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.synth.Quantization;
import dev.cairn.model.synth.SyntheticModel;
import dev.cairn.model.synth.SyntheticShape;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn model}. */
@Command(
    name = "model",
    description = "Shows model files, and writes some for benchmarks.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {ModelCommand.Info.class, ModelCommand.Synth.class})
final class ModelCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "There is no command; expected info or synth");
  }

  /** {@code cairn model synth}. */
  @Command(
      name = "synth",
      description = "Writes a model of seeded random weights in a realistic shape.")
  static final class Synth implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
        names = "--shape",
        required = true,
        paramLabel = "SHAPE",
        description = "135m, 1b, or DIM,LAYERS,HEADS,KV,FFN.")
    private String shape;

    @Option(
        names = "--quant",
        paramLabel = "TYPE",
        defaultValue = "Q8_0",
        description = "Element type of the matrices, or Q4_K_M (default: ${DEFAULT-VALUE}).")
    private String quantization;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "GGUF file.")
    private Path file;

    @Option(
        names = "--seed",
        paramLabel = "N",
        defaultValue = "1",
        description = "Equal seeds give equal files (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--vocab", paramLabel = "N", description = "Tokens of the vocabulary.")
    private Integer vocabulary;

    @Option(names = "--context", paramLabel = "N", description = "Longest sequence, in tokens.")
    private Integer context;

    @Override
    public Integer call() throws IOException {
      SyntheticShape measures = SyntheticShape.parse(shape);
      if (vocabulary != null) {
        measures = measures.withVocabulary(vocabulary);
      }
      if (context != null) {
        measures = measures.withContext(context);
      }
      String name = "synth-" + shape + "-" + quantization;
      SyntheticModel model =
          new SyntheticModel(measures, Quantization.parse(quantization), seed, name);
      // A file that is there under its name is whole.
      Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
      try (LoadBar bar = LoadBar.writing(name)) {
        model.write(unfinished, written -> bar.loaded(written, model.bytes()));
        Files.move(unfinished, file, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(unfinished);
      }
      PrintWriter err = spec.commandLine().getErr();
      err.printf("%s: %s, %d MiB%n", file, name, Files.size(file) >> 20);
      err.flush();
      return 0;
    }
  }

  /** {@code cairn model info}. */
  @Command(name = "info", description = "Shows what a model file holds.")
  static final class Info implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private NodeOptions options;

    @Parameters(index = "0", paramLabel = "FILE", description = "GGUF file.")
    private Path file;

    @Option(names = "--json", description = "Prints one object.")
    private boolean json;

    @Override
    public Integer call() {
      ModelFile model = ModelFile.read(file, EnumSet.allOf(TensorType.class));
      ObjectNode report = report(model.spec(), GgufFile.read(file));
      report.put("chat_template", model.chatTemplate().isPresent());
      memory(report.putObject("memory"), model.spec());
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.println(Json.write(report));
      } else {
        Report.print(out, report);
      }
      out.flush();
      return 0;
    }

    private static ObjectNode report(ModelSpec model, GgufFile gguf) {
      ObjectNode report = Json.object();
      report.put("name", model.name());
      report.put("architecture", model.architecture());
      report.put("file_bytes", model.fileBytes());
      report.put("fingerprint", model.fingerprint());
      ObjectNode shape = report.putObject("shape");
      shape.put("embedding_length", model.embeddingLength());
      shape.put("layers", model.layerCount());
      shape.put("heads", model.headCount());
      shape.put("kv_heads", model.kvHeadCount());
      shape.put("head_length", model.headLength());
      shape.put("feed_forward_length", model.feedForwardLength());
      report.put("context_length", model.contextLength());
      ObjectNode tokenizer = report.putObject("tokenizer");
      gguf.metadata().string("tokenizer.ggml.model").ifPresent(m -> tokenizer.put("model", m));
      gguf.metadata().string("tokenizer.ggml.pre").ifPresent(p -> tokenizer.put("pre", p));
      tokenizer.put("vocabulary_size", model.vocabularySize());
      types(report.putObject("types"), model);
      return report;
    }

    private static void types(ObjectNode out, ModelSpec model) {
      Map<TensorType, long[]> sums = new EnumMap<>(TensorType.class);
      long parameters = 0;
      for (TensorInfo tensor : model.tensors()) {
        long[] sum = sums.computeIfAbsent(tensor.type(), t -> new long[2]);
        sum[0]++;
        sum[1] += tensor.bytes();
        parameters += tensor.shape().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
      }
      sums.forEach(
          (type, sum) -> out.putObject(type.name()).put("tensors", sum[0]).put("bytes", sum[1]));
      out.put("parameters", parameters);
    }

    /** What serving takes beside the JVM, with the slots and the context that are configured. */
    private void memory(ObjectNode out, ModelSpec model) {
      long weights = model.tensors().stream().mapToLong(TensorInfo::bytes).sum();
      NodeSettings settings = NodeSettings.from(options.config(Map.of()));
      int blockTokens = settings.device().kvBlockTokens();
      DeviceConfig device =
          settings.deviceConfig(model, Devices.kvBytesPerBlock(model, blockTokens));
      long kv = device.kvBlocks() * Devices.kvBytesPerBlock(model, blockTokens);
      out.put("weight_bytes", weights);
      out.put("kv_bytes", kv);
      out.put("kv_bytes_per_token", Devices.kvBytesPerBlock(model, blockTokens) / blockTokens);
      out.put("serving_bytes", weights + kv);
    }
  }
}
