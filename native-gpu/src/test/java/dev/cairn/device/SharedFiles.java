package dev.cairn.device;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Files outside this module that tests use. */
final class SharedFiles {
  private SharedFiles() {}

  /** The root of this repository. */
  static Path repository() {
    Path p = Path.of("").toAbsolutePath();
    while (p != null && !Files.isDirectory(p.resolve("bundled-model"))) {
      p = p.getParent();
    }
    Assumptions.assumeTrue(p != null, "the repository's root is not above the working directory");
    return p;
  }

  /** A folder of development data beside the repository; the test is skipped where it is absent. */
  static Path folder(String name) {
    String property = System.getProperty("cairn.shared", "");
    Path shared = property.isEmpty() ? null : Path.of(property);
    for (Path p = Path.of("").toAbsolutePath(); shared == null && p != null; p = p.getParent()) {
      for (Path candidate : new Path[] {p.resolve("shared"), p.resolveSibling("shared")}) {
        shared = Files.isDirectory(candidate.resolve("design")) ? candidate : shared;
      }
    }
    Path folder = shared == null ? null : shared.resolve(name);
    Assumptions.assumeTrue(
        folder != null && Files.isDirectory(folder), "there is no shared folder " + name);
    return folder;
  }
}
