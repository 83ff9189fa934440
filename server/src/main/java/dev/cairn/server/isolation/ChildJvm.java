package dev.cairn.server.isolation;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM like this one, with the same executable, flags, class path and archive of classes. */
public final class ChildJvm {
  /** What two processes cannot both do: listen for a debugger, write the same archive. */
  private static final List<String> NOT_TWICE =
      List.of("-agentlib:jdwp", "-Xrunjdwp", "-XX:ArchiveClassesAtExit", "-XX:FlightRecorder");

  private ChildJvm() {}

  /**
   * The command that runs a class in a JVM like this one.
   *
   * @param more flags of the JVM, which go last and win
   */
  public static List<String> command(List<String> more, String mainClass, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(
        ProcessHandle.current()
            .info()
            .command()
            .orElse(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (NOT_TWICE.stream().noneMatch(flag::startsWith)) {
        command.add(flag);
      }
    }
    command.addAll(more);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
    command.addAll(arguments);
    return command;
  }

  /**
   * Starts a process and hands it a line on its standard input, which stays open: its end tells the
   * process that this one is gone, however it went. What it says on either output comes together.
   *
   * @throws IOException where it cannot be started
   */
  static Process start(List<String> command, String line) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    OutputStream input = process.getOutputStream();
    try {
      input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      input.flush();
    } catch (IOException e) {
      // It ended before it read it; its exit says why.
      process.destroy();
    }
    return process;
  }
}
