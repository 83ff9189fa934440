package dev.cairn.tests;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A script in Node, or npm: what it prints is kept, what is typed to it are lines. */
final class NodeProcess implements AutoCloseable {
  private final String name;
  private final Process process;
  private final StringBuilder output = new StringBuilder();
  private final Thread reader;

  private NodeProcess(String name, Process process) {
    this.name = name;
    this.process = process;
    this.reader = new Thread(this::read, "node-output");
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts a command whose output, both streams of it, is kept.
   *
   * @throws IllegalStateException where there is no such command here, with what to install
   */
  static NodeProcess start(List<String> command, Path directory, Map<String, String> environment) {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
    builder.environment().putAll(environment);
    try {
      return new NodeProcess(String.join(" ", command), builder.start());
    } catch (IOException e) {
      throw new IllegalStateException(
          command.get(0)
              + " does not start; tests with clients in Node need Node and npm, on Debian: "
              + "apt-get install -y --no-install-recommends nodejs npm",
          e);
    }
  }

  private void read() {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        take(line);
      }
    } catch (IOException e) {
      take("end of output: " + e.getMessage());
    }
  }

  private synchronized void take(String line) {
    output.append(line).append('\n');
    notifyAll();
  }

  /** What was printed so far. */
  synchronized String output() {
    return output.toString();
  }

  /** Waits until a line was printed that contains {@code text}. */
  synchronized void awaitOutput(String text, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    while (output.indexOf(text) < 0) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0 || !reader.isAlive()) {
        throw new AssertionError(name + " did not print '" + text + "' but:\n" + output);
      }
      try {
        // The end of the output wakes nobody.
        wait(Math.min(left, 100));
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Types a line. */
  void type(String line) {
    try {
      BufferedWriter input = process.outputWriter(StandardCharsets.UTF_8);
      input.write(line + "\n");
      input.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(name + " reads no more; it printed:\n" + output(), e);
    }
  }

  /**
   * Waits for a good end and returns what was printed.
   *
   * @throws AssertionError where it ends with another code than 0 or not within {@code limit}
   */
  String await(Duration limit) {
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError(
            name + " did not end within " + limit + "; it printed:\n" + output());
      }
      reader.join(limit.toMillis());
      if (process.exitValue() != 0) {
        throw new AssertionError(
            name + " ended with " + process.exitValue() + " and printed:\n" + output());
      }
      return output();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      close();
    }
  }

  /** Kills it and what it started, where it still runs. */
  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
