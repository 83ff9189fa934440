package dev.cairn.server.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** What a process of this machine has used of it. */
public final class ProcessUsage {
  private static final String RESIDENT = "VmRSS:";
  private static final int KIBIBYTE = 1024;

  private final ProcessHandle process;

  private ProcessUsage(ProcessHandle process) {
    this.process = process;
  }

  /**
   * Of a process.
   *
   * @throws IllegalArgumentException where there is none
   */
  public static ProcessUsage of(long pid) {
    return new ProcessUsage(
        ProcessHandle.of(pid)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "There is no process " + pid + "; expected the server's.")));
  }

  /**
   * Time on processors since its start, of all threads.
   *
   * @throws IllegalStateException where the system does not say
   */
  Duration cpu() {
    return process
        .info()
        .totalCpuDuration()
        .orElseThrow(() -> new IllegalStateException("the system does not tell CPU times"));
  }

  /**
   * Bytes of it that are in memory.
   *
   * @throws IOException where there is no {@code /proc} that says so
   */
  long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
      if (line.startsWith(RESIDENT)) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) * KIBIBYTE;
      }
    }
    throw new IOException(
        "/proc does not say how much of process " + process.pid() + " is resident");
  }
}
