package dev.cairn.device;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds and loads a native library, once. It is taken from the path in {@value #PATH_PROPERTY} (of
 * the CPU's library; others have their name after it, {@code cairn.native.library.cairn_hip}), or
 * from the class path, where it lies under {@code native/<os>-<arch>/}; from there it is copied to
 * the folder in {@value #FOLDER_PROPERTY} (by default {@code cairn} in the user's cache folder)
 * under a name that holds its digest, so that each version is copied once.
 */
final class NativeLibrary {
  static final String PATH_PROPERTY = "cairn.native.library";
  static final String FOLDER_PROPERTY = "cairn.native.dir";

  private static final String CPU_NAME = "cairn_cpu";
  private static final NativeLibrary CPU = new NativeLibrary(CPU_NAME);

  private final String name;
  private boolean tried;
  private String path = "";
  private String failure = "";

  NativeLibrary(String name) {
    this.name = name;
  }

  static NativeLibrary cpu() {
    return CPU;
  }

  /** Loads it; the reason why it cannot be loaded, or empty. */
  synchronized Optional<String> load() {
    if (!tried) {
      tried = true;
      try {
        Path file = locate();
        System.load(file.toAbsolutePath().toString());
        path = file.toString();
      } catch (FileNotFoundException | UnsatisfiedLinkError e) {
        failure = "library " + name + " cannot be loaded: " + e.getMessage();
      } catch (IOException | SecurityException e) {
        failure = "library " + name + " cannot be loaded: " + e;
      }
    }
    return failure.isEmpty() ? Optional.empty() : Optional.of(failure);
  }

  /** Path of the loaded library, or empty. */
  synchronized String path() {
    return path;
  }

  private Path locate() throws IOException {
    String property = name.equals(CPU_NAME) ? PATH_PROPERTY : PATH_PROPERTY + "." + name;
    String override = System.getProperty(property, "");
    if (!override.isEmpty()) {
      return Path.of(override);
    }
    String resource = "/native/" + platform() + "/lib" + name + ".so";
    try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new FileNotFoundException("this build has no " + resource.substring(1));
      }
      return extract(in.readAllBytes(), folder());
    }
  }

  /** Copies a library's bytes into a folder unless they are there; the file. */
  Path extract(byte[] bytes, Path folder) throws IOException {
    Path file = folder.resolve("lib" + name + "-" + digest(bytes) + ".so");
    if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), bytes)) {
      return file;
    }
    Files.createDirectories(folder);
    Path part = Files.createTempFile(folder, "lib" + name, ".part");
    try {
      Files.write(part, bytes);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (FileAlreadyExistsException e) {
      // Another process was faster with the same bytes.
      return file;
    } finally {
      Files.deleteIfExists(part);
    }
    return file;
  }

  private static Path folder() {
    String folder = System.getProperty(FOLDER_PROPERTY, "");
    if (!folder.isEmpty()) {
      return Path.of(folder);
    }
    String cache = System.getenv("XDG_CACHE_HOME");
    Path base =
        cache == null || cache.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(cache);
    return base.resolve("cairn");
  }

  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).replace(" ", "");
    String arch = System.getProperty("os.arch");
    return os + "-" + (arch.equals("amd64") ? "x86_64" : arch);
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(hash, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JVM lacks SHA-256", e);
    }
  }
}
