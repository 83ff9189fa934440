package dev.cairn.tests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Faults in system calls of a server, by strace. */
final class Tracer {
  private Tracer() {}

  /**
   * A command under which each thread of a process meets a fault in its syncs. The process itself
   * is that which was started; the tracer is a child of it.
   *
   * @param fault what strace's {@code inject} says after the system calls
   * @param log where the tracer writes
   */
  static List<String> syncs(String fault, Path log) {
    List<String> command =
        List.of(
            "strace",
            "-D",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            log.toString(),
            "-e",
            "trace=fsync,fdatasync,sync_file_range",
            "-e",
            "inject=fsync,fdatasync,sync_file_range:" + fault);
    assumeTrue(works(command), "strace cannot trace a process here");
    return command;
  }

  private static boolean works(List<String> strace) {
    List<String> command = new ArrayList<>(strace);
    command.add("true");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException absent) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
