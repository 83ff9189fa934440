package dev.cairn.devcluster;

import dev.cairn.server.isolation.Backoff;
import dev.cairn.server.isolation.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One {@code cairn serve} of the cluster, in a process of its own: says when it serves and when it
 * ends, and starts it again where that is wanted. A thread of its own watches it.
 */
final class LocalServer {
  private static final String MAIN = "dev.cairn.server.cli.Main";

  /** A terminal's Ctrl-C goes to all of its processes; when this one stops is not its business. */
  private static final String NO_CTRL_C = "trap '' INT; exec \"$@\"";

  private static final Duration STOP = Duration.ofSeconds(40);
  private static final int MAX_FAILED_STARTS = 5;

  private final String name;
  private final List<String> flags;
  private final List<String> arguments;
  private final Map<String, String> environment;
  private final boolean restart;
  private final PrintStream out;
  private final PrintStream log;
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final CompletableFuture<Boolean> settled = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final Thread thread;
  private volatile Process process;
  private volatile boolean serves;

  /**
   * @param flags of the JVM, beside those of this one
   * @param arguments of {@code cairn}
   * @param restart whether a process that ended is started again
   * @param out told when it serves or ends
   * @param log where what it says goes, each line with its name
   */
  LocalServer(
      String name,
      List<String> flags,
      List<String> arguments,
      Map<String, String> environment,
      boolean restart,
      PrintStream out,
      PrintStream log) {
    this.name = name;
    this.flags = flags;
    this.arguments = arguments;
    this.environment = environment;
    this.restart = restart;
    this.out = out;
    this.log = log;
    this.thread = new Thread(this::run, name);
  }

  /** Starts it; the result is whether it came to serve. */
  CompletableFuture<Boolean> start() {
    thread.start();
    return settled;
  }

  /** Completes when it has ended and is not started again. */
  CompletableFuture<Void> whenEnded() {
    return ended;
  }

  private void run() {
    Backoff backoff =
        new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(30), Duration.ofMinutes(1));
    try {
      boolean again = true;
      while (again) {
        long startedNanos = System.nanoTime();
        serves = false;
        String end = runOnce();
        if (stopping.getCount() > 0) {
          out.printf("%s ended %s%n", name, end);
        }
        Duration pause = backoff.ended(Duration.ofNanos(System.nanoTime() - startedNanos), serves);
        again =
            restart
                && backoff.failedStarts() < MAX_FAILED_STARTS
                && !stopping.await(pause.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      out.printf("%s is no longer watched%n", name);
    }
    settled.complete(false);
    ended.complete(null);
  }

  private String runOnce() throws InterruptedException {
    try {
      List<String> command = new ArrayList<>(List.of("sh", "-c", NO_CTRL_C, "sh"));
      command.addAll(ChildJvm.command(flags, MAIN, arguments));
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(environment);
      process = builder.redirectErrorStream(true).start();
      if (stopping.getCount() == 0) {
        process.toHandle().destroy();
      }
      try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
          log.println(name + ": " + line);
          if (line.startsWith("cairn serves")) {
            serves = true;
            settled.complete(true);
          }
        }
      }
      return "with exit status " + process.waitFor();
    } catch (IOException e) {
      return "before it began: " + e.getMessage();
    }
  }

  /** Stops it in order, or by force when that takes too long. */
  void stop() throws InterruptedException {
    stopping.countDown();
    Process running = process;
    if (running != null) {
      // Process.destroy would close its input as well, and it would end at once.
      running.toHandle().destroy();
      if (!running.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
        out.printf("%s did not stop within %d seconds and is killed%n", name, STOP.toSeconds());
        running.destroyForcibly().waitFor();
      }
    }
    thread.join();
  }
}
