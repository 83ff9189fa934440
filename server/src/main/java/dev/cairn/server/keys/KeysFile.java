package dev.cairn.server.keys;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * A file of keys, a line each; empty lines and those that begin with {@code #} are comments. It is
 * replaced as a whole, so that a reader sees all of it or the one before.
 */
public final class KeysFile<K extends StoredKey> {
  private static final long MAX_BYTES = 1 << 20;
  private static final Set<PosixFilePermission> OWNER =
      PosixFilePermissions.fromString("rw-------");

  /** A line of the file as a key. */
  public interface Form<K> {
    /**
     * The key.
     *
     * @throws IllegalArgumentException where the line is none; the message repeats no hash
     */
    K parse(String line);
  }

  private final Path path;
  private final Form<K> form;
  private final String comment;

  /**
   * @param comment first line of a file that is written, which says what a line holds
   */
  public KeysFile(Path path, Form<K> form, String comment) {
    this.path = path.toAbsolutePath();
    this.form = form;
    this.comment = comment;
  }

  public Path path() {
    return path;
  }

  /** What tells one version of the file from another; empty where there is no file. */
  Optional<Object> version() throws IOException {
    try {
      BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
      return Optional.of(List.of(now.lastModifiedTime(), now.size(), "" + now.fileKey()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * The keys in the file; none where there is no file.
   *
   * @throws IOException where the file cannot be read, others may write to it, or a line is no key;
   *     the message says which, and repeats no hash
   */
  public List<K> read() throws IOException {
    if (!Files.exists(path)) {
      return List.of();
    }
    if (Files.size(path) > MAX_BYTES) {
      throw new IOException(
          path + " has " + Files.size(path) + " bytes, expected at most " + MAX_BYTES);
    }
    refuseOthers();
    List<K> keys = new ArrayList<>();
    Set<String> names = new HashSet<>();
    int number = 0;
    for (String line : Files.readString(path).lines().toList()) {
      number++;
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      try {
        K key = form.parse(line.strip());
        if (!names.add(key.name())) {
          throw new IllegalArgumentException("there is a key " + key.name() + " already");
        }
        keys.add(key);
      } catch (IllegalArgumentException e) {
        throw new IOException("line " + number + " of " + path + ": " + e.getMessage(), e);
      }
    }
    return keys;
  }

  private void refuseOthers() throws IOException {
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(path);
    if (mode.contains(PosixFilePermission.GROUP_WRITE)
        || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException(
          path
              + " may be written by others ("
              + PosixFilePermissions.toString(mode)
              + "), expected rw-------");
    }
  }

  /** Adds a key; refuses a name that is there already. */
  public void add(K key) throws IOException {
    change(
        before -> {
          if (before.stream().anyMatch(each -> each.name().equals(key.name()))) {
            throw new IllegalArgumentException(
                "There is a key " + key.name() + " already; expected another name.");
          }
          List<K> all = new ArrayList<>(before);
          all.add(key);
          return all;
        });
  }

  /** Takes a key out; refuses a name that is not there. */
  public void remove(String name) throws IOException {
    change(
        before -> {
          List<K> rest = new ArrayList<>(before);
          if (!rest.removeIf(each -> each.name().equals(name))) {
            throw new IllegalArgumentException("There is no key " + name + " in " + path + ".");
          }
          return rest;
        });
  }

  /** Replaces the keys by what is made of them; one process at a time. */
  public void change(UnaryOperator<List<K>> change) throws IOException {
    Path directory = path.getParent();
    Files.createDirectories(directory);
    Path lock = directory.resolve(path.getFileName() + ".lock");
    try (FileChannel channel =
        FileChannel.open(
            lock,
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(OWNER))) {
      channel.lock();
      StringBuilder text = new StringBuilder("# " + comment + "\n");
      change.apply(read()).forEach(key -> text.append(key.line()).append('\n'));
      Path next =
          Files.createTempFile(
              directory, "keys", ".tmp", PosixFilePermissions.asFileAttribute(OWNER));
      Files.writeString(next, text, StandardCharsets.UTF_8);
      Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
