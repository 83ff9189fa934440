package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.bundled.BundledModel;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.persistence.DataDirectory;
import dev.cairn.persistence.DataDirectoryException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** Options of every command that uses a model. */
public final class NodeOptions {
  @Option(
      names = "--model",
      paramLabel = "FILE",
      description = "GGUF file. Without it: the bundled model, " + BundledModel.NAME + ".")
  private Path model;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where the journal is, and the bundled model is put (cairn.journal.directory).")
  private Path dataDirectory;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration that goes before the defaults (HOCON).")
  private Path configFile;

  @Option(
      names = "--backend",
      completionCandidates = Candidates.Backends.class,
      paramLabel = "NAME",
      description = "auto, cpu, hip[:N] or cuda[:N]; several with commas (cairn.device.backend).")
  private String backend;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Compute threads of the device (cairn.device.threads).")
  private Integer threads;

  @Option(
      names = "--weights",
      completionCandidates = Candidates.Weights.class,
      paramLabel = "WHERE",
      description = "packed, or mapped: shared between processes (cairn.device.cpu.weights).")
  private String weights;

  @Option(
      names = "--kv-type",
      completionCandidates = Candidates.KvTypes.class,
      paramLabel = "TYPE",
      description = "What keys and values are kept in: F16, F32, Q8_0 (cairn.device.kv-type).")
  private String kvType;

  @Option(
      names = "--pin-threads",
      description = "Each compute thread stays on one processor (cairn.device.pin-threads).")
  private Boolean pinThreads;

  /**
   * The whole configuration.
   *
   * @param more what the command itself decides; goes before the options, which go before the file
   *     and the defaults
   */
  public Config config(Map<String, ?> more) {
    Map<String, Object> options = new LinkedHashMap<>(more);
    put(options, "cairn.journal.directory", dataDirectory == null ? null : "" + dataDirectory);
    put(options, "cairn.device.backend", backend);
    put(options, "cairn.device.threads", threads);
    put(options, "cairn.device.cpu.weights", weights);
    put(options, "cairn.device.kv-type", kvType);
    put(options, "cairn.device.pin-threads", pinThreads);
    if (threads != null && threads < 1) {
      throw new IllegalArgumentException("--threads is " + threads + "; expected at least 1.");
    }
    Config config = ConfigFile.load(options, configFile);
    Logging.configure(config);
    return config;
  }

  boolean hasDataDirectory() {
    return dataDirectory != null;
  }

  /**
   * Reads the model's file.
   *
   * @param directory where the bundled model is put if it is the one
   * @throws UncheckedIOException where the directory is of a format that this program does not know
   */
  public ModelFile readModel(Path directory) {
    // A directory that this program must not change gets no model either.
    try {
      DataDirectory.checkFormat(directory);
    } catch (DataDirectoryException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
    Path file = model == null ? BundledModel.extractTo(directory.resolve("models")) : model;
    return ModelFile.read(file, Devices.supportedTypes());
  }

  private static void put(Map<String, Object> options, String key, Object value) {
    if (value != null) {
      options.putIfAbsent(key, value);
    }
  }
}
