package dev.cairn.devcluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Sees to it that a PostgreSQL server does not outlive this process, however that ends: a shell
 * that waits for the end of its input, and then stops the server.
 */
final class PostgresGuard implements AutoCloseable {
  private static final String PID_FILE = "postmaster.pid";

  private static final Duration STOP = Duration.ofSeconds(60);

  private final long server;
  private final Process shell;

  private PostgresGuard(long server, Process shell) {
    this.server = server;
    this.shell = shell;
  }

  /**
   * Guards the server that runs in a directory.
   *
   * @throws IOException if it cannot be found, or the shell cannot be started
   */
  static PostgresGuard of(Path directory) throws IOException {
    // SIGINT is PostgreSQL's fast shutdown: it waits for no client, and keeps what it acknowledged.
    String script = "trap '' INT HUP TERM; while read -r _; do :; done; kill -INT \"$1\"";
    long server = pid(directory);
    return new PostgresGuard(
        server,
        new ProcessBuilder("sh", "-c", script, "sh", "" + server)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start());
  }

  /** The process id of the server in a directory, from the file that it keeps there. */
  static long pid(Path directory) throws IOException {
    Path file = directory.resolve(PID_FILE);
    String first = Files.readAllLines(file).get(0).strip();
    if (!first.matches("[1-9][0-9]{0,9}")) {
      throw new IOException(file + " begins with \"" + first + "\", expected a process id");
    }
    return Long.parseLong(first);
  }

  /**
   * Waits for the end of the server, which has been told to stop, and ends the guard.
   *
   * @throws IOException if the server goes on; the guard stays
   */
  @Override
  public void close() throws IOException, InterruptedException {
    Optional<ProcessHandle> running = ProcessHandle.of(server);
    if (running.isPresent()) {
      try {
        running.get().onExit().get(STOP.toSeconds(), TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new IOException(
            "PostgreSQL, process " + server + ", did not end within " + STOP.toSeconds() + " s", e);
      }
    }
    shell.destroyForcibly().waitFor();
  }
}
