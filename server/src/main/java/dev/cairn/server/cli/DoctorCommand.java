package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.Config;
import dev.cairn.cluster.NodeSettings;
import dev.cairn.device.BackendStatus;
import dev.cairn.device.DeviceException;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelException;
import dev.cairn.model.ModelSpec;
import dev.cairn.server.bench.DiskProbe;
import dev.cairn.server.http.Json;
import dev.cairn.server.isolation.DeviceCheck;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn doctor}. */
@Command(
    name = "doctor",
    description = "Says what this machine offers, and why something would not work here.")
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private NodeOptions options;

  @Option(names = "--json", description = "Prints one object.")
  private boolean json;

  @Option(
      names = "--isolate-device",
      description =
          "Also opens the device in a process of its own, as serve --isolate-device does.")
  private boolean isolateDevice;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Config config = options.config(Map.of());
    ObjectNode report = Json.object();
    report.put("version", Version.current());
    jvm(report.putObject("jvm"));
    backends(report.putArray("backends"));
    boolean usable = devices(report.putArray("devices"), config);
    try (TemporaryDirectory directory = new TemporaryDirectory("cairn-doctor")) {
      boolean readable = model(report.putObject("model"), directory.path());
      usable &= readable;
      if (readable && (isolateDevice || config.getBoolean("cairn.isolation.enabled"))) {
        usable &= deviceProcess(report.putObject("device_process"), config, directory.path());
      }
    }
    usable &= disk(report.putObject("disk"), config);
    report.put("usable", usable);

    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.write(report));
    } else {
      Report.print(out, report);
    }
    out.flush();
    return usable ? 0 : Main.FAILED;
  }

  private static void jvm(ObjectNode out) {
    Runtime runtime = Runtime.getRuntime();
    out.put("version", System.getProperty("java.vendor") + " " + Runtime.version());
    out.put("home", System.getProperty("java.home"));
    out.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    out.put("architecture", System.getProperty("os.arch"));
    out.put("processors", runtime.availableProcessors());
    out.put("max_heap_mib", runtime.maxMemory() >> 20);
    ArrayNode flags = out.putArray("flags");
    ManagementFactory.getRuntimeMXBean().getInputArguments().forEach(flags::add);
  }

  private static void backends(ArrayNode out) {
    for (BackendStatus status : Devices.probe()) {
      ObjectNode entry = out.addObject();
      entry.put("name", status.name());
      entry.put("available", status.available());
      if (status.available()) {
        entry.put("library", status.library());
        entry.put("instruction_set", status.instructionSet());
        entry.put("numerics_version", status.numericsVersion());
        entry.put(status.name().equals("cpu") ? "cpu_features" : "devices", status.features());
      } else {
        entry.put("reason", status.reason());
      }
    }
  }

  /** What each device that the configuration asks for would be, or why it cannot be opened. */
  private static boolean devices(ArrayNode out, Config config) {
    boolean all = true;
    for (String wanted : NodeSettings.from(config).device().backends()) {
      ObjectNode entry = out.addObject();
      entry.put("backend", wanted);
      try {
        entry.put("is", Devices.find(wanted));
      } catch (DeviceException e) {
        entry.put("reason", e.getMessage());
        all = false;
      }
    }
    return all;
  }

  private boolean model(ObjectNode out, Path directory) {
    try {
      ModelSpec model = options.readModel(directory).spec();
      out.put("name", model.name());
      out.put("architecture", model.architecture());
      out.put("file_mib", model.fileBytes() >> 20);
      out.put("layers", model.layerCount());
      out.put("context_length", model.contextLength());
      out.put("vocabulary_size", model.vocabularySize());
      out.put("fingerprint", model.fingerprint());
      return true;
    } catch (ModelException e) {
      out.put("reason", e.getMessage());
      return false;
    }
  }

  private boolean deviceProcess(ObjectNode out, Config config, Path directory)
      throws InterruptedException {
    Optional<String> reason = DeviceCheck.run(config, options.readModel(directory).spec().file());
    out.put("available", reason.isEmpty());
    reason.ifPresent(why -> out.put("reason", why));
    return reason.isEmpty();
  }

  private static boolean disk(ObjectNode out, Config config) {
    Path directory = Path.of(config.getString("cairn.journal.directory")).toAbsolutePath();
    Path existing = directory;
    while (!Files.isDirectory(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    out.put("data_directory", directory.toString());
    out.put("durability", config.getString("cairn.journal.durability"));
    try {
      DiskProbe.Result result = DiskProbe.measure(existing);
      out.put("free_mib", Files.getFileStore(existing).getUsableSpace() >> 20);
      out.put("fsync_ms_p50", result.medianMillis());
      out.put("fsync_ms_max", result.maxMillis());
      return true;
    } catch (IOException e) {
      out.put("reason", existing + " cannot be written to: " + e.getMessage());
      return false;
    }
  }
}
