package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A data directory that a newer version of the program has written. */
class NewerDataDirectoryTest {
  @TempDir Path directory;

  @Test
  @DisplayName("a data directory of a newer version is refused in one sentence and left untouched")
  void refusesNewerDirectory() throws IOException, NoSuchAlgorithmException {
    Path data = directory.resolve("data");
    try (ServerProcess server = ServerProcess.start(data).await()) {
      ApiClient.Reply reply =
          server.client().post("/v1/completions", Map.of("prompt", "A fox", "max_tokens", 4));
      assertThat(reply.status()).isEqualTo(200);
      assertThat(server.terminate()).isZero();
    }
    assertRefused(data);
    // A newer version need not keep a model here: none is put in its place.
    List<Path> models;
    try (Stream<Path> found = Files.walk(data.resolve("models"))) {
      models = found.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path each : models) {
      Files.delete(each);
    }
    assertRefused(data);
  }

  private static void assertRefused(Path data) throws IOException, NoSuchAlgorithmException {
    Files.writeString(data.resolve("FORMAT"), "cairn-data 99\n");
    Map<String, String> before = contents(data);
    ServerProcess server = ServerProcess.start(data);
    assertThat(server.awaitExit()).isEqualTo(1);
    assertThat(server.errors())
        .filteredOn(line -> line.startsWith("cairn: "))
        .isEqualTo(
            List.of(
                "cairn: The data directory "
                    + data
                    + " has format 99; this program knows formats 1 to 1 and changed nothing in"
                    + " it."));
    assertThat(contents(data)).isEqualTo(before);
  }

  /** Times and digests of all files, and the times of all folders. */
  private static Map<String, String> contents(Path data)
      throws IOException, NoSuchAlgorithmException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(data)) {
      for (Path path : paths.toList()) {
        FileTime time = Files.getLastModifiedTime(path);
        byte[] bytes = Files.isDirectory(path) ? new byte[0] : Files.readAllBytes(path);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
        contents.put(path.toString(), time + " " + HexFormat.of().formatHex(digest));
      }
    }
    return contents;
  }
}
