package dev.cairn.persistence;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The directory that holds everything Cairn keeps, used by one process, and in it by one owner, at
 * a time. {@code FORMAT} names the version of its layout; {@code LOCK.cairn} is locked while in use
 * and says by whom; {@code journal} is the journal's database.
 *
 * <p>POSIX drops a process's locks on a file when it closes any descriptor of it. The owners inside
 * this JVM are therefore known by a map, and a lock file held here is never opened again.
 */
public final class DataDirectory implements AutoCloseable {
  /** Newest layout that this program knows, and the one that it makes. */
  public static final int FORMAT_VERSION = 1;

  private static final String FORMAT_FILE = "FORMAT";
  private static final String FORMAT_NAME = "cairn-data";
  private static final String LOCK_FILE = "LOCK.cairn";
  private static final String JOURNAL = "journal";

  /** Owners in this JVM, by real path. */
  private static final Map<Path, String> OWNERS = new ConcurrentHashMap<>();

  private final Path path;
  private final FileChannel channel;
  private boolean closed;

  private DataDirectory(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /**
   * Takes a directory, which is made where it does not exist.
   *
   * @throws DataDirectoryException where it is in use or of a format that this program does not
   *     know; nothing in it was changed then
   */
  public static DataDirectory open(Path directory) throws DataDirectoryException {
    Path path;
    try {
      create(directory.toAbsolutePath().normalize());
      path = directory.toRealPath();
    } catch (IOException e) {
      throw new DataDirectoryException(
          "The data directory " + directory + " cannot be made or read: " + e, e);
    }
    checkFormat(path);
    String owner = description();
    String other = OWNERS.putIfAbsent(path, owner);
    if (other != null) {
      throw inUse(path, other + " (this process)");
    }
    try {
      FileChannel channel = lock(path, owner);
      try {
        writeFormat(path);
        return new DataDirectory(path, channel);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (DataDirectoryException e) {
      OWNERS.remove(path);
      throw e;
    } catch (IOException e) {
      OWNERS.remove(path);
      throw new DataDirectoryException("The data directory " + path + " cannot be locked: " + e, e);
    }
  }

  /**
   * Checks that a directory is one that this program can read, without taking or changing it.
   *
   * @throws DataDirectoryException where its format is missing beside a journal, unreadable or
   *     newer
   */
  public static void checkFormat(Path directory) throws DataDirectoryException {
    Path file = directory.resolve(FORMAT_FILE);
    if (!Files.exists(file)) {
      if (Files.exists(directory.resolve(JOURNAL))) {
        throw new DataDirectoryException(
            "The data directory "
                + directory
                + " has a journal but no file FORMAT, expected \""
                + FORMAT_NAME
                + " 1\" in it.");
      }
      return;
    }
    String found;
    try {
      found = Files.readString(file).strip();
    } catch (IOException e) {
      throw new DataDirectoryException("The file " + file + " cannot be read: " + e, e);
    }
    if (!found.matches(FORMAT_NAME + " [0-9]{1,9}")) {
      throw new DataDirectoryException(
          "The file "
              + file
              + " holds \""
              + found.substring(0, Math.min(40, found.length()))
              + "\", expected \""
              + FORMAT_NAME
              + "\" and a version.");
    }
    int version = Integer.parseInt(found.substring(FORMAT_NAME.length() + 1));
    if (version < 1 || version > FORMAT_VERSION) {
      throw new DataDirectoryException(
          "The data directory "
              + directory
              + " has format "
              + version
              + "; this program knows formats 1 to "
              + FORMAT_VERSION
              + " and changed nothing in it.");
    }
  }

  /**
   * Who uses a directory now; empty where nobody does. Takes nothing but a glance: the lock is
   * tried and let go.
   */
  public static Optional<String> user(Path directory) throws IOException {
    Path path = directory.toRealPath();
    String owner = OWNERS.get(path);
    if (owner != null) {
      return Optional.of(owner + " (this process)");
    }
    Path file = path.resolve(LOCK_FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
      return lock == null ? Optional.of(holder(file)) : Optional.empty();
    }
  }

  /** The directory's real path. */
  public Path path() {
    return path;
  }

  /** Where the journal's database is, in this or any other data directory. */
  public static Path journal(Path directory) {
    return directory.resolve(JOURNAL);
  }

  /** Makes the names of the files and folders in it durable. */
  public void sync() throws IOException {
    sync(path);
  }

  /** Gives the directory back. */
  @Override
  public synchronized void close() throws IOException {
    if (!closed) {
      closed = true;
      try {
        channel.close();
      } finally {
        OWNERS.remove(path);
      }
    }
  }

  /** Makes a directory and those above it, durably: each new name is synced where it stands. */
  private static void create(Path directory) throws IOException {
    Path existing = directory;
    while (!Files.exists(existing)) {
      existing = existing.getParent();
    }
    Files.createDirectories(directory);
    for (Path made = directory; !made.equals(existing); made = made.getParent()) {
      sync(made.getParent());
    }
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static FileChannel lock(Path path, String owner) throws IOException {
    Path file = path.resolve(LOCK_FILE);
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw inUse(path, holder(file));
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap((owner + "\n").getBytes(StandardCharsets.UTF_8)), 0);
      channel.force(true);
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static String holder(Path file) throws IOException {
    String content = Files.readString(file).strip();
    return content.isEmpty() ? "a process that has not said which" : content;
  }

  private static DataDirectoryException inUse(Path path, String owner) {
    return new DataDirectoryException(
        "The data directory " + path + " is in use by " + owner + ", expected nobody.");
  }

  private static String description() {
    String host;
    try {
      host = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      host = "a host without a name";
    }
    return "process "
        + ProcessHandle.current().pid()
        + " on "
        + host
        + " since "
        + Instant.now().truncatedTo(ChronoUnit.SECONDS);
  }

  private static void writeFormat(Path path) throws IOException {
    checkFormat(path);
    Path file = path.resolve(FORMAT_FILE);
    if (Files.exists(file)) {
      return;
    }
    Path draft = path.resolve(FORMAT_FILE + ".new");
    try (FileChannel channel =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      String content = FORMAT_NAME + " " + FORMAT_VERSION + "\n";
      channel.write(ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8)));
      channel.force(true);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    sync(path);
  }
}
