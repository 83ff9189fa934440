package dev.cairn.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  @TempDir Path parent;

  @Test
  @DisplayName("a directory in use in this process is refused with the process, host and time")
  void oneOwner() throws IOException {
    Path path = parent.resolve("data");
    try (DataDirectory owner = DataDirectory.open(path)) {
      assertThat(owner.path()).isEqualTo(path.toRealPath());
      assertThatThrownBy(() -> DataDirectory.open(path))
          .isInstanceOf(DataDirectoryException.class)
          .hasMessageContaining("in use by process " + ProcessHandle.current().pid() + " on ")
          .hasMessageContaining("since 20");
    }
    DataDirectory.open(path).close();
  }

  @Test
  @DisplayName("what a dead process left in the lock file does not matter")
  void staleLock() throws IOException {
    Files.writeString(parent.resolve("LOCK.cairn"), "process 1 on elsewhere since 1999\n");

    DataDirectory.open(parent).close();

    assertThat(parent.resolve("LOCK.cairn"))
        .content()
        .startsWith("process " + ProcessHandle.current().pid() + " on ");
    assertThat(parent.resolve("FORMAT")).hasContent("cairn-data 1");
  }

  @Test
  @DisplayName("a newer format is refused and nothing is touched")
  void newerFormat() throws IOException {
    Files.writeString(parent.resolve("FORMAT"), "cairn-data 2\n");

    assertThatThrownBy(() -> DataDirectory.open(parent))
        .isInstanceOf(DataDirectoryException.class)
        .hasMessageContaining("format 2")
        .hasMessageContaining("formats 1 to 1");
    try (Stream<Path> files = Files.list(parent)) {
      assertThat(files).containsExactly(parent.resolve("FORMAT"));
    }
    assertThat(parent.resolve("FORMAT")).hasContent("cairn-data 2");
  }

  @Test
  @DisplayName(
      "a format file that cannot be understood, or is missing beside a journal, is refused")
  void unknownFormat() throws IOException {
    Files.writeString(parent.resolve("FORMAT"), "something else");
    assertThatThrownBy(() -> DataDirectory.open(parent)).hasMessageContaining("something else");

    Files.delete(parent.resolve("FORMAT"));
    Files.createDirectory(parent.resolve("journal"));
    assertThatThrownBy(() -> DataDirectory.open(parent)).hasMessageContaining("no file FORMAT");
  }

  @Test
  @DisplayName("a path that is a file is refused")
  void notADirectory() throws IOException {
    Path file = Files.createFile(parent.resolve("file"));

    assertThatThrownBy(() -> DataDirectory.open(file))
        .isInstanceOf(DataDirectoryException.class)
        .hasMessageContaining("cannot be made");
  }
}
