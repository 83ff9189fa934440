package dev.cairn.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Clients that people have in Node, in the versions that {@code src/test/node/package-lock.json}
 * pins, among them Node itself where it is published for this machine. They are installed once
 * below {@code target}.
 */
final class NodePackages {
  private static final Path SOURCES = Path.of("src/test/node");
  private static final Path DIRECTORY = Path.of("target/node");
  private static final Duration INSTALL = Duration.ofMinutes(8);
  private static final List<String> MANIFESTS =
      List.of("package.json", "package-lock.json", ".npmrc");

  private static NodePackages installed;

  private final Path node;

  private NodePackages(Path node) {
    this.node = node;
  }

  /**
   * The packages, installed by {@code npm ci} where that has not been done for this lock file.
   *
   * @throws IllegalStateException where npm is missing or fails, with what it said
   */
  static synchronized NodePackages install() {
    if (installed == null) {
      try {
        Files.createDirectories(DIRECTORY);
        try (FileChannel guard =
                FileChannel.open(
                    DIRECTORY.resolve("install.lock"),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE);
            FileLock lock = guard.lock()) {
          installed = new NodePackages(installed());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return installed;
  }

  private static Path installed() throws IOException {
    Path stamp = DIRECTORY.resolve("installed-package-lock.json");
    if (!Files.exists(stamp) || Files.mismatch(stamp, SOURCES.resolve("package-lock.json")) >= 0) {
      Files.deleteIfExists(stamp);
      for (String manifest : MANIFESTS) {
        copy(manifest);
      }
      // The engine's own line and the packages' may differ: the Node that runs scripts comes with
      // them.
      NodeProcess npm =
          NodeProcess.start(
              List.of("npm", "ci", "--loglevel=error", "--no-progress"), DIRECTORY, Map.of());
      npm.await(INSTALL);
      Files.copy(SOURCES.resolve("package-lock.json"), stamp);
    }
    try (Stream<Path> modules = Files.list(DIRECTORY.resolve("node_modules"))) {
      return modules
          .filter(module -> module.getFileName().toString().startsWith("node-linux-"))
          .map(module -> module.resolve("bin/node").toAbsolutePath())
          .filter(Files::isExecutable)
          .findFirst()
          .orElse(Path.of("node"));
    }
  }

  /**
   * Scripts are copied beside the packages, because Node looks for packages where the script is.
   */
  private static Path copy(String name) throws IOException {
    Path from = SOURCES.resolve(name);
    if (!Files.exists(from)) {
      throw new IllegalArgumentException("there is no " + from.toAbsolutePath());
    }
    return Files.copy(from, DIRECTORY.resolve(name), StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Starts a script of {@code src/test/node}.
   *
   * @param script the file's name, such as {@code openai.mjs}
   * @param environment what is added to this process's environment
   */
  NodeProcess start(String script, List<String> arguments, Map<String, String> environment) {
    try {
      try (Stream<Path> scripts = Files.list(SOURCES)) {
        for (Path path : scripts.filter(p -> p.toString().endsWith(".mjs")).toList()) {
          copy(path.getFileName().toString());
        }
      }
      List<String> command =
          Stream.concat(Stream.of(node.toString(), script), arguments.stream()).toList();
      return NodeProcess.start(command, DIRECTORY, environment);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a script of {@code src/test/node} to its end and returns what it printed. */
  String run(Duration limit, String script, String... arguments) {
    try (NodeProcess process = start(script, List.of(arguments), Map.of())) {
      return process.await(limit);
    }
  }
}
