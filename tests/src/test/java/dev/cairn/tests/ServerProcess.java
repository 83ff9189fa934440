package dev.cairn.tests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server in a process of its own, on a free port of the loopback interface. */
final class ServerProcess implements AutoCloseable {
  private static final Pattern ADDRESS = Pattern.compile("http://[0-9.:\\[\\]]+");

  /** Longest wait for a process to serve or to end: seconds, but on a machine that is busy. */
  private static final long MOST_SECONDS = 240;

  private final Process process;
  private final List<String> errors = new ArrayList<>();
  private final CompletableFuture<URI> address = new CompletableFuture<>();
  private final CompletableFuture<URI> admin = new CompletableFuture<>();
  private final long startedNanos = System.nanoTime();
  private volatile long readyNanos;

  private ServerProcess(Process process) {
    this.process = process;
    read("server-out", process.inputReader(StandardCharsets.UTF_8), this::output);
    read("server-err", process.errorReader(StandardCharsets.UTF_8), this::error);
    process.onExit().thenRun(this::fail).exceptionally(failure -> null);
  }

  /** How a server is started. */
  static final class Launch {
    private final Path dataDirectory;
    private final List<String> tracer = new ArrayList<>();
    private final List<String> jvm = new ArrayList<>();
    private final List<String> arguments = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();

    private Launch(Path dataDirectory) {
      this.dataDirectory = dataDirectory;
    }

    /** Sets a key of the configuration. */
    Launch set(String key, Object value) {
      return jvm("-D" + key + "=" + value);
    }

    Launch environment(String name, Object value) {
      environment.put(name, value.toString());
      return this;
    }

    Launch jvm(String option) {
      jvm.add(option);
      return this;
    }

    /** The command, which becomes the server's process and may leave a tracer beside it. */
    Launch under(List<String> command) {
      tracer.addAll(command);
      return this;
    }

    Launch with(String... options) {
      arguments.addAll(Arrays.asList(options));
      return this;
    }

    /** Starts {@code cairn serve}; {@link #await()} waits until it serves. */
    ServerProcess start() {
      List<String> serve = new ArrayList<>(List.of("serve", "--port", "0", "--admin-port", "0"));
      serve.addAll(List.of("--data-dir", dataDirectory.toString()));
      serve.addAll(arguments);
      return new ServerProcess(cairn(tracer, jvm, environment, serve));
    }
  }

  /** A server that is about to start. */
  static Launch at(Path dataDirectory) {
    return new Launch(dataDirectory);
  }

  /** Starts {@code cairn serve}; {@link #await()} waits until it serves. */
  static ServerProcess start(Path dataDirectory, String... options) {
    return at(dataDirectory).with(options).start();
  }

  /** The {@code cairn} command in a JVM of its own. */
  static Process cairn(List<String> arguments) {
    return cairn(List.of(), List.of(), Map.of(), arguments);
  }

  private static Process cairn(
      List<String> tracer,
      List<String> jvm,
      Map<String, String> environment,
      List<String> arguments) {
    List<String> command = new ArrayList<>(tracer);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    StringTokenizer options = new StringTokenizer(System.getProperty("cairn.test.jvm", ""));
    while (options.hasMoreTokens()) {
      command.add(options.nextToken());
    }
    command.addAll(List.of("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add("-Dlogback.configurationFile=logback.xml");
    command.addAll(jvm);
    command.add("dev.cairn.server.cli.Main");
    command.addAll(arguments);
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(environment);
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private interface Lines {
    void take(String line);
  }

  private static void read(String name, BufferedReader reader, Lines lines) {
    Thread thread =
        new Thread(
            () -> {
              try {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                  lines.take(line);
                }
              } catch (IOException e) {
                lines.take("end of output: " + e.getMessage());
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
  }

  private void output(String line) {
    Matcher matcher = ADDRESS.matcher(line);
    if (line.startsWith("cairn admin at ") && matcher.find()) {
      admin.complete(URI.create(matcher.group()));
    } else if (!address.isDone() && matcher.find()) {
      readyNanos = System.nanoTime();
      address.complete(URI.create(matcher.group()));
    }
  }

  private synchronized void error(String line) {
    errors.add(line);
  }

  private void fail() {
    address.completeExceptionally(
        new IllegalStateException(
            "the server ended with " + process.exitValue() + " and said: " + errors()));
  }

  synchronized List<String> errors() {
    return List.copyOf(errors);
  }

  /** Waits until the server serves. */
  ServerProcess await() {
    try {
      address.get(MOST_SECONDS, TimeUnit.SECONDS);
      return this;
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      process.destroyForcibly();
      throw new IllegalStateException("the server did not come up; it said: " + errors(), e);
    }
  }

  /** Waits until the server serves, or has ended before it did. */
  boolean serves() {
    try {
      address.get(MOST_SECONDS, TimeUnit.SECONDS);
      return true;
    } catch (ExecutionException e) {
      return false;
    } catch (InterruptedException | TimeoutException e) {
      process.destroyForcibly();
      throw new IllegalStateException("the server did not come up; it said: " + errors(), e);
    }
  }

  URI address() {
    return address.join();
  }

  ApiClient client() {
    return new ApiClient(address());
  }

  /** A client of the admin port with a key. */
  ApiClient admin(String key) {
    try {
      return new ApiClient(
          admin.get(MOST_SECONDS, TimeUnit.SECONDS), Map.of("Authorization", "Bearer " + key));
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException("there is no admin port; it said: " + errors(), e);
    }
  }

  /** Time from the start of the process to its ready line. */
  long readyMillis() {
    return TimeUnit.NANOSECONDS.toMillis(readyNanos - startedNanos);
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL, and waits for the process to be gone. */
  void kill() {
    process.destroyForcibly();
    awaitExit();
  }

  /** SIGTERM, and waits for the process to be gone. */
  int terminate() {
    process.destroy();
    return awaitExit();
  }

  int awaitExit() {
    try {
      if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the server did not end; it said: " + errors());
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    if (process.isAlive()) {
      kill();
    }
  }
}
