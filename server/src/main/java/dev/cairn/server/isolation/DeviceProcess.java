package dev.cairn.server.isolation;

import com.typesafe.config.Config;
import dev.cairn.actors.Readiness;
import dev.cairn.cluster.DeviceMember;
import dev.cairn.server.http.Json;
import dev.cairn.server.logging.LogFormat;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a gateway's device in a process of its own and starts it again whenever it ends. A fault in
 * native code then ends that process alone: the gateway keeps its clients, puts the dead member out
 * of the cluster at once, and its requests go on from their committed tokens on the next one.
 *
 * <p>One thread starts, watches and waits; it ends when the device is given up or {@link #close} is
 * called.
 */
public final class DeviceProcess implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceProcess.class);
  private static final String PART = "device-process";
  static final String MAIN = "dev.cairn.server.cli.Main";
  static final String COMMAND = "device-process";

  private final IsolationSettings settings;
  private final Path model;
  private final Config config;
  private final DeviceMember members;
  private final Readiness readiness;
  private final PrintStream log;
  private final boolean isJson;
  private final Backoff backoff;
  private final String name = "isolated-" + UUID.randomUUID();
  private final CompletableFuture<Void> settled = new CompletableFuture<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "cairn-device-process");
  private int incarnation;
  private volatile String role = "";
  private volatile boolean up;
  private volatile Process process;
  private volatile String said = "";

  /**
   * @param config the gateway's configuration
   * @param model the model's file
   * @param members how the gateway finds the process in its cluster
   * @param readiness of the gateway; not ready while there is no device
   * @param log where what the process says goes, each line with a prefix
   */
  public DeviceProcess(
      Config config, Path model, DeviceMember members, Readiness readiness, PrintStream log) {
    this.settings = IsolationSettings.from(config);
    this.config = config;
    this.model = model;
    this.members = members;
    this.readiness = readiness;
    this.log = log;
    this.isJson = LogFormat.of(config.getString("cairn.log.format")) == LogFormat.JSON;
    this.backoff = new Backoff(settings.minBackoff(), settings.maxBackoff(), settings.resetAfter());
  }

  /** Starts the process. The result completes when the device is there, or has been given up. */
  public CompletionStage<Void> start() {
    readiness.notReady(PART, "the device's process is starting");
    members.onDevices(this::devices);
    thread.setDaemon(true);
    thread.start();
    return settled;
  }

  private void devices(Set<String> roles) {
    if (roles.contains(role)) {
      up = true;
      readiness.ready(PART);
      settled.complete(null);
    }
  }

  private void run() {
    try {
      while (!isClosed() && runOnce()) {
        LOG.debug("the device's process is started again");
      }
    } catch (InterruptedException e) {
      LOG.debug("interrupted");
    } catch (RuntimeException | Error e) {
      LOG.error("the device's process is no longer watched", e);
      readiness.notReady(PART, "the device's process is no longer watched: " + e);
    }
    settled.complete(null);
  }

  /** Runs the process to its end; returns whether it shall be started again. */
  private boolean runOnce() throws InterruptedException {
    up = false;
    said = "";
    role = name + "-" + incarnation++;
    long startedNanos = System.nanoTime();
    String end = runToEnd();
    if (isClosed()) {
      return false;
    }
    boolean cameUp = up;
    readiness.notReady(PART, "the device's process ended " + end);
    members.putOut(role);
    Duration pause = backoff.ended(Duration.ofNanos(System.nanoTime() - startedNanos), cameUp);
    if (backoff.failedStarts() >= settings.maxAttempts()) {
      String reason =
          "the device's process was started "
              + backoff.failedStarts()
              + " times and is given up; the last one ended "
              + end;
      LOG.error("{}", reason);
      readiness.notReady(PART, reason);
      return false;
    }
    LOG.warn("the device's process ended {}; it is started again in {} ms", end, pause.toMillis());
    return !closed.await(pause.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** How the process ended, in words. */
  private String runToEnd() throws InterruptedException {
    try {
      DeviceJob job = DeviceJob.of(model, config, members.seed(), members.transport(), role);
      process = ChildJvm.start(ChildJvm.command(List.of(), MAIN, List.of(COMMAND)), job.line());
      if (isClosed()) {
        process.destroy();
      }
      LOG.info("the device runs in process {}", process.pid());
      copyOutput(process);
      int status = process.waitFor();
      return "with exit status " + status + (said.isEmpty() ? "" : ": " + said);
    } catch (IOException e) {
      return "before it began: " + e.getMessage();
    }
  }

  /** A line of the process, as one of this one's log. */
  private String shown(String line) {
    if (!isJson) {
      return "device: " + line;
    }
    // What is no line of its log comes from the JVM, or from native code.
    return line.startsWith("{")
        ? line
        : Json.write(
            Json.object()
                .put("time", Instant.now().toString())
                .put("level", "WARN")
                .put("logger", "device")
                .put("message", line));
  }

  /** Copies what the process says until it says no more, which is at its end. */
  private void copyOutput(Process from) throws IOException {
    try (BufferedReader reader = from.inputReader(StandardCharsets.UTF_8)) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        log.println(shown(line));
        if (line.startsWith("cairn: ")) {
          said = line.substring("cairn: ".length());
        }
      }
    }
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  /** Stops the process in order, or by force when that takes too long. Idempotent. */
  @Override
  public void close() {
    closed.countDown();
    Process running = process;
    if (running == null) {
      return;
    }
    // Process.destroy would close its input as well, and it would end at once.
    running.toHandle().destroy();
    try {
      if (!running.waitFor(settings.stopTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn(
            "the device's process did not stop within {}; it is killed", settings.stopTimeout());
        running.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      running.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
