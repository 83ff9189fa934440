package dev.cairn.server.cli;

import com.typesafe.config.Config;
import dev.cairn.persistence.journal.Durability;
import dev.cairn.persistence.journal.JournalBenchmark;
import dev.cairn.persistence.journal.JournalBenchmark.Result;
import dev.cairn.persistence.journal.JournalReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn bench journal}. */
@Command(
    name = "journal",
    description = {
      "Measures the journal: actors that commit one token, wait for it, and commit the next.",
      "One line for each combination, the median of its measurements, which are taken in turn.",
    })
final class BenchJournalCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--profile",
      paramLabel = "NAME",
      defaultValue = "single",
      description =
          "single measures RocksDB; cluster PostgreSQL, which has no --dir, --durability, --delay-ms"
              + " (default: ${DEFAULT-VALUE}).")
  private String profile;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration with cairn.postgres for --profile cluster (HOCON).")
  private Path configFile;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      defaultValue = ".",
      description = "Directory on the disk to measure; a folder is made and removed in it.")
  private Path directory;

  @Option(
      names = "--durability",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "fsync,os,none",
      description = "fsync, os, none (default: ${DEFAULT-VALUE}).")
  private List<String> durabilities;

  @Option(
      names = "--writers",
      paramLabel = "N",
      split = ",",
      defaultValue = "16,64",
      description = "Actors at a time (default: ${DEFAULT-VALUE}).")
  private List<Integer> writers;

  @Option(
      names = "--delay-ms",
      paramLabel = "N",
      split = ",",
      defaultValue = "0",
      description = "Milliseconds added to each write, as by a slower disk (default: 0).")
  private List<Integer> delays;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "2",
      description = "Length of a measurement (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--repeat",
      paramLabel = "R",
      defaultValue = "3",
      description = "Measurements of each combination (default: ${DEFAULT-VALUE}).")
  private int repeat;

  /** One measurement of a combination. */
  @FunctionalInterface
  private interface Measurement {
    Result run(Path folder) throws IOException, InterruptedException;
  }

  private record Combination(Durability durability, int writers, Duration delay) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Measurement> measurements = measurements();
    List<List<Result>> results = new ArrayList<>();
    measurements.forEach(measurement -> results.add(new ArrayList<>()));
    Path folder = Files.createTempDirectory(directory.toAbsolutePath(), "cairn-bench-journal");
    try (TemporaryDirectory removed = new TemporaryDirectory(folder)) {
      for (int round = 0; round < repeat; round++) {
        for (int n = 0; n < measurements.size(); n++) {
          results.get(n).add(measurements.get(n).run(removed.path().resolve(round + "-" + n)));
        }
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    results.forEach(measured -> out.println(median(measured).toJson()));
    out.flush();
    return 0;
  }

  private List<Measurement> measurements() {
    atLeast("--seconds", seconds, 1);
    atLeast("--repeat", repeat, 1);
    Duration time = Duration.ofSeconds(seconds);
    Config config = ConfigFile.load(Map.of("cairn.profile", profile), configFile);
    if (JournalReader.directory(config).isEmpty()) {
      return writers.stream()
          .<Measurement>map(
              count -> {
                atLeast("--writers", count, 1);
                return folder -> JournalBenchmark.run(config, count, time);
              })
          .toList();
    }
    return combinations().stream()
        .<Measurement>map(
            each ->
                folder ->
                    JournalBenchmark.run(
                        folder, each.durability(), each.writers(), time, each.delay()))
        .toList();
  }

  private List<Combination> combinations() {
    List<Combination> combinations = new ArrayList<>();
    for (int delay : delays) {
      atLeast("--delay-ms", delay, 0);
      for (int count : writers) {
        atLeast("--writers", count, 1);
        for (String name : durabilities) {
          combinations.add(new Combination(Durability.of(name), count, Duration.ofMillis(delay)));
        }
      }
    }
    return combinations;
  }

  private static Result median(List<Result> measured) {
    return measured.stream()
        .sorted(Comparator.comparingDouble(Result::eventsPerSecond))
        .toList()
        .get((measured.size() - 1) / 2);
  }

  private static void atLeast(String option, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          option + " is " + value + "; expected at least " + least + ".");
    }
  }
}
