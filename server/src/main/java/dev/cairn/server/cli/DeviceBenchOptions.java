package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.cluster.NodeSettings;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.server.bench.DeviceBench;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of every benchmark of a device: the model, the device and what is measured. */
public final class DeviceBenchOptions {
  @Mixin private NodeOptions node;

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

  @Option(
      names = "--instruction-set",
      paramLabel = "NAME",
      description = "auto, scalar, avx2, avx512 or amx (cairn.device.instruction-set).")
  private String instructionSet;

  /**
   * What to measure, on which device.
   *
   * @throws IllegalArgumentException where an option or the configuration is out of range
   */
  public DeviceBench.Settings settings() {
    atLeastOne("--prefill", prefill);
    atLeastOne("--decode", decode);
    atLeastOne("--repeat", repeat);
    batch.forEach(size -> atLeastOne("--batch", size));
    Config device = node.config(Map.of()).getConfig("cairn.device");
    int threads = device.getInt("threads");
    return new DeviceBench.Settings(
        device.getString("backend"),
        instructionSet == null ? device.getString("instruction-set") : instructionSet,
        threads == 0 ? Runtime.getRuntime().availableProcessors() : threads,
        device.getString("kv-type"),
        device.getBoolean("pin-threads"),
        device.getString("cpu.weights"),
        NodeSettings.gpu(device),
        prefill,
        decode,
        repeat);
  }

  /** Sequences at a time, in the order in which they are measured. */
  public List<Integer> batch() {
    return batch;
  }

  /**
   * Reads the model's file.
   *
   * @param directory where the bundled model is put if it is the one
   */
  public ModelFile readModel(Path directory) {
    return node.readModel(directory);
  }

  /** A benchmark of the model, after the read rate of as many threads was measured. */
  public static DeviceBench of(DeviceBench.Settings settings, ModelFile model) {
    return new DeviceBench(
        settings,
        model.spec(),
        Devices.streamingReadBytesPerSecond(settings.backend(), settings.threads()));
  }

  static void atLeastOne(String option, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(option + " is " + value + "; expected at least 1.");
    }
  }
}
