package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import dev.cairn.persistence.journal.SystemCalls.Moment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Power losses, simulated: two real processes write a journal under strace, the second one over
 * what the first left when it was killed; {@link SimulatedDisk} then says what a power loss at a
 * random moment could leave, and the real journal opens that.
 *
 * <p>{@code -Dcairn.powerloss.seeds=N} tries N of them, {@code -Dcairn.seed=N} one. A recording
 * that failed is kept, and {@code -Dcairn.powerloss.recording=DIR} takes it in the place of a new
 * one.
 */
class PowerLossTest {
  private static final int IDS = 5;
  private static final int ACKNOWLEDGEMENTS = 150;
  private static final int PROCESSES = 2;

  @TempDir Path directory;

  @Test
  @DisplayName("L8 after a power loss at any moment every acknowledged event is there, in order")
  void powerLoss() throws Exception {
    Path recording = recording();
    String root = Files.readString(recording.resolve("root"));
    List<Moment> moments = new ArrayList<>();
    for (int n = 0; n < PROCESSES; n++) {
      moments.addAll(SystemCalls.read(recording.resolve("trace-" + n), n, root));
    }
    Long only = Long.getLong("cairn.seed");
    long first = only == null ? 0 : only;
    long last = only == null ? Long.getLong("cairn.powerloss.seeds", 1000) - 1 : only;
    Map<Integer, List<Long>> seeds = seeds(root, moments, first, last);
    AtomicInteger torn = new AtomicInteger();
    List<String> failures = run(root, moments, seeds, torn);
    int count = seeds.values().stream().mapToInt(List::size).sum();
    System.out.printf(
        "PowerLossTest.powerLoss: %d seeds over %d moments, %d torn ends cut, %d failures%n",
        count, moments.size(), torn.get(), failures.size());
    if (!failures.isEmpty()) {
      Path kept = Path.of("target", "power-loss").toAbsolutePath();
      if (!kept.equals(recording)) {
        if (Files.exists(kept)) {
          Images.delete(kept);
        }
        Files.createDirectories(kept.getParent());
        Images.copy(recording, kept);
      }
      System.out.println("Replay one with -Dcairn.powerloss.recording=" + kept + " -Dcairn.seed=N");
    }
    assertThat(failures).isEmpty();
    assertThat(withoutSyncs(root, moments))
        .as("failures of 50 where the disk ignores fdatasync")
        .hasSizeGreaterThan(5);
  }

  /** Shows that the simulation takes what was not synced. */
  private static List<String> withoutSyncs(String root, List<Moment> moments) throws Exception {
    List<Moment> unsynced =
        moments.stream().filter(moment -> !moment.call().name().equals("fdatasync")).toList();
    return run(root, unsynced, seeds(root, unsynced, 0, 49), new AtomicInteger());
  }

  private static Map<Integer, List<Long>> seeds(
      String root, List<Moment> moments, long first, long last) {
    SimulatedDisk disk = new SimulatedDisk(root, mark -> {});
    List<Integer> points = new ArrayList<>();
    for (int n = 0; n < moments.size(); n++) {
      if (disk.concerns(moments.get(n))) {
        points.add(n);
      }
      disk.next(moments.get(n));
    }
    Map<Integer, List<Long>> seeds = new HashMap<>();
    for (long seed = first; seed <= last; seed++) {
      int point = points.get(new Random(seed).nextInt(points.size()));
      seeds.computeIfAbsent(point, p -> new ArrayList<>()).add(seed);
    }
    return seeds;
  }

  private static List<String> run(
      String root, List<Moment> moments, Map<Integer, List<Long>> seeds, AtomicInteger torn)
      throws Exception {
    Path scratch = Images.scratch("cairn-power-loss");
    Config config = JournalNode.config(scratch, Map.of("cairn.journal.memtable-bytes", "64 KiB"));
    ExecutorService workers = Executors.newFixedThreadPool(2);
    Semaphore room = new Semaphore(64);
    List<Future<String>> results = new ArrayList<>();
    try {
      Promises promises = new Promises();
      SimulatedDisk disk = new SimulatedDisk(root, promises::mark);
      for (int n = 0; n < moments.size(); n++) {
        disk.next(moments.get(n));
        for (long seed : seeds.getOrDefault(n, List.of())) {
          Map<String, byte[]> files = disk.afterPowerLoss(new Random(seed ^ 0x9e3779b97f4a7c15L));
          Map<String, long[]> expected = promises.copy();
          String what = "seed " + seed + ", moment " + n;
          room.acquire();
          results.add(
              workers.submit(
                  () -> {
                    try {
                      return check(
                          what, scratch.resolve("s" + seed), files, expected, config, torn);
                    } finally {
                      room.release();
                    }
                  }));
        }
      }
      List<String> failures = new ArrayList<>();
      for (Future<String> result : results) {
        if (!result.get().isEmpty()) {
          failures.add(result.get());
        }
      }
      return failures;
    } finally {
      workers.shutdown();
      assertThat(workers.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
      Images.delete(scratch);
    }
  }

  /** What is wrong with the journal that is opened from these files; empty for nothing. */
  private static String check(
      String what,
      Path data,
      Map<String, byte[]> files,
      Map<String, long[]> expected,
      Config config,
      AtomicInteger torn)
      throws IOException {
    Files.createDirectories(data);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      if (file.getValue() == null) {
        Files.createDirectories(data.resolve(file.getKey()));
      } else {
        Files.write(data.resolve(file.getKey()), file.getValue());
      }
    }
    Config own =
        config.withValue("cairn.journal.directory", ConfigValueFactory.fromAnyRef(data.toString()));
    try {
      torn.addAndGet(LogCheck.of(data.resolve("journal")).torn().size());
      List<String> problems = new ArrayList<>();
      try (OpenJournal journal = OpenJournal.open(JournalSettings.of(own))) {
        for (Map.Entry<String, long[]> each : expected.entrySet()) {
          problems.addAll(problems(journal, each.getKey(), each.getValue()));
        }
        List<String> ids = journal.read(records -> records.persistenceIds("", 1000));
        if (!expected.keySet().containsAll(ids)) {
          problems.add("invented ids " + ids);
        }
      }
      return problems.isEmpty() ? "" : what + ": " + problems;
    } catch (IOException refused) {
      return what + ": " + refused;
    } finally {
      Images.delete(data);
    }
  }

  private static List<String> problems(OpenJournal journal, String id, long[] promised)
      throws IOException {
    List<Long> there = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    journal.read(
        records -> {
          records.events(
              id,
              1,
              Long.MAX_VALUE,
              (name, sequenceNr, key, value) -> {
                there.add(sequenceNr);
                byte[] payload =
                    JournalRecords.decode(name, sequenceNr, key, value).event().bytes();
                String text = new String(payload, StandardCharsets.UTF_8);
                if (!text.equals(PowerLossChild.payload(name, sequenceNr))) {
                  problems.add(name + " " + sequenceNr + " is another event");
                }
                return true;
              });
          return null;
        });
    long first = there.isEmpty() ? promised[Promises.GONE] + 1 : there.get(0);
    long last = there.isEmpty() ? first - 1 : there.get(there.size() - 1);
    boolean begins =
        first == promised[Promises.GONE] + 1 || first == promised[Promises.DELETING] + 1;
    if (!begins || there.size() != last - first + 1) {
      problems.add(id + " has events " + there + ", deleted up to " + promised[Promises.GONE]);
    }
    if (last < promised[Promises.ACKNOWLEDGED] || last > promised[Promises.TRIED]) {
      problems.add(id + " ends at " + last + ", acknowledged " + promised[Promises.ACKNOWLEDGED]);
    }
    return problems;
  }

  /** What the process had printed, by id. */
  private static final class Promises {
    static final int ACKNOWLEDGED = 0;
    static final int DELETING = 1;
    static final int GONE = 2;
    static final int TRIED = 3;
    private final Map<String, long[]> byId = new TreeMap<>();

    Promises() {
      for (int n = 0; n < IDS; n++) {
        byId.put("p" + n, new long[4]);
      }
    }

    /** Takes a piece of the output; what the JVM's own children print is none of ours. */
    void mark(String text) {
      if (!text.matches("(ack|del|gone|try) p[0-9]+ [0-9]+\n")) {
        return;
      }
      String[] words = text.strip().split(" ");
      int what = List.of("ack", "del", "gone", "try").indexOf(words[0]);
      byId.get(words[1])[what] = Long.parseLong(words[2]);
    }

    Map<String, long[]> copy() {
      Map<String, long[]> copy = new TreeMap<>();
      byId.forEach((id, promised) -> copy.put(id, promised.clone()));
      return copy;
    }
  }

  private Path recording() throws IOException, InterruptedException {
    String given = System.getProperty("cairn.powerloss.recording");
    if (given != null) {
      return Path.of(given);
    }
    Path root = directory.resolve("data").toAbsolutePath();
    for (int n = 0; n < PROCESSES; n++) {
      List<String> command = new ArrayList<>(SystemCalls.STRACE);
      Path trace = directory.resolve("trace-" + n);
      command.addAll(List.of("-o", trace.toString()));
      if (n == 0) {
        assumeTrue(works(command), "strace cannot trace a process here");
      }
      command.addAll(child(root));
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    }
    Files.writeString(directory.resolve("root"), root.toString());
    Images.delete(root);
    return directory;
  }

  private static Collection<String> child(Path root) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx256m",
        "-cp",
        System.getProperty("java.class.path"),
        PowerLossChild.class.getName(),
        root.toString(),
        Integer.toString(IDS),
        Integer.toString(ACKNOWLEDGEMENTS));
  }

  private static boolean works(List<String> strace) throws InterruptedException {
    List<String> command = new ArrayList<>(strace);
    command.add("true");
    try {
      Process process =
          new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
      return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException absent) {
      return false;
    }
  }
}
