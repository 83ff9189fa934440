package dev.cairn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds what lies beside or inside the repository. */
public final class SharedFiles {
  private SharedFiles() {}

  /** A file of the shared folder; skips the test where there is no such folder. */
  public static Path shared(String name) {
    Path folder = sharedFolder();
    assumeTrue(folder != null, "no shared folder beside the repository: skipped");
    Path file = folder.resolve(name);
    assertThat(file).exists();
    return file;
  }

  /** The bundled model in the source tree, or a file beside it. */
  public static Path bundled(String name) {
    String folder = "bundled-model/src/main/resources/dev/cairn/bundled";
    Path at = Path.of("").toAbsolutePath();
    while (at != null && !Files.exists(at.resolve(folder).resolve(name))) {
      at = at.getParent();
    }
    assertThat(at).as("the repository that holds " + folder + "/" + name).isNotNull();
    return at.resolve(folder).resolve(name);
  }

  private static Path sharedFolder() {
    String named = System.getProperty("cairn.shared");
    if (named != null) {
      return Path.of(named);
    }
    Path at = Path.of("").toAbsolutePath();
    while (at != null) {
      if (Files.isDirectory(at.resolve("shared/design"))) {
        return at.resolve("shared");
      }
      at = at.getParent();
    }
    return null;
  }
}
