package dev.cairn.bundled;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The model that comes with Cairn: cairn-tales-5m, which continues simple stories. */
public final class BundledModel {
  /** Name of the model and of its file, without extension. */
  public static final String NAME = "cairn-tales-5m";

  private static final String FILE = NAME + ".Q8_0.gguf";
  private static final String SHA256 =
      "39621fa3aa3ccdf29681762e215900596d3f994784498956f2c037d551e2d0ef";

  private BundledModel() {}

  /**
   * Puts the model's file into a directory, unless it is there already with the right content.
   *
   * @param directory created where it is missing
   * @return the file
   */
  public static Path extractTo(Path directory) {
    Path file = directory.resolve(FILE);
    try {
      Files.createDirectories(directory);
      if (Files.exists(file) && digest(Files.newInputStream(file)).equals(SHA256)) {
        return file;
      }
      Path partial = Files.createTempFile(directory, FILE, ".part");
      try (InputStream in = open(FILE)) {
        Files.copy(in, partial, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
          channel.force(true);
        }
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(partial);
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the bundled model to " + file, e);
    }
  }

  /** Greedy continuations of the reference implementation, as JSON. */
  public static InputStream golden() {
    return open("golden_greedy.json");
  }

  private static InputStream open(String resource) {
    InputStream in = BundledModel.class.getResourceAsStream(resource);
    if (in == null) {
      throw new IllegalStateException(resource + " is missing from the cairn-bundled-model jar");
    }
    return in;
  }

  private static String digest(InputStream in) throws IOException {
    try (DigestInputStream digesting =
        new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
      digesting.transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(digesting.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
