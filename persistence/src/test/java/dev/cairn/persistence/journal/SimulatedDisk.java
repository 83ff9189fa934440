package dev.cairn.persistence.journal;

import dev.cairn.persistence.journal.SystemCalls.Call;
import dev.cairn.persistence.journal.SystemCalls.Moment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * A file system that forgets. It is told the system calls of a process and says, at any moment,
 * what a power loss could leave of one directory:
 *
 * <ul>
 *   <li>What was written to a file before an fsync or fdatasync of it began is there once that has
 *       returned. It says nothing about the file's name.
 *   <li>Later writes are there or not, in units of a sector (512 bytes) or a page (4 KiB): none of
 *       them, the first of them and a part of the next, or any unit as it was after any of them.
 *       The file's size is that after any of them. A part that was never written is zeros.
 *   <li>Names made, renamed and removed are durable once an fsync of their directory has returned.
 *       Of the later changes in a directory the first so many are there, as a journaling file
 *       system orders them. A rename is there or not.
 *   <li>A call that had begun counts as made, and is not durable.
 * </ul>
 *
 * This is weaker than ext4 gives, where an fsync of a new file makes its name durable too, and
 * where names are in one order over all directories.
 */
final class SimulatedDisk {
  private static final int[] UNITS = {512, 4096};

  /** A change to a file: bytes at an offset, or a new size where there are none. */
  private record Change(Call call, long offset, byte[] data, long size) {}

  /**
   * A change to names: {@code to} names the file, {@code from} no longer does; either may be "".
   */
  private record Naming(Call call, String directory, String from, String to, Inode inode) {}

  private static final class Inode {
    byte[] durable = new byte[0];
    final List<Change> pending = new ArrayList<>();
    boolean isDirectory;
  }

  private static final class Descriptor {
    final Inode inode;
    final String path;
    long position;

    Descriptor(Inode inode, String path) {
      this.inode = inode;
      this.path = path;
    }
  }

  private final String root;
  private final Consumer<String> marks;
  private final Map<String, Inode> names = new TreeMap<>();
  private final Map<String, Inode> durableNames = new TreeMap<>();
  private final Map<String, List<Naming>> namings = new TreeMap<>();
  private final Map<String, Descriptor> descriptors = new HashMap<>();

  /** By identity: threads may make equal calls at a time. */
  private final Map<Call, List<?>> syncing = new IdentityHashMap<>();

  private final Set<Call> unfinished = Collections.newSetFromMap(new IdentityHashMap<>());

  /**
   * A disk with an empty directory.
   *
   * @param root the directory
   * @param marks given each piece of what is printed, as a process begins to print it
   */
  SimulatedDisk(String root, Consumer<String> marks) {
    this.root = root;
    this.marks = marks;
  }

  /** Whether a moment changes what a power loss may leave, or is a mark. */
  boolean concerns(Moment moment) {
    Call call = moment.call();
    if (call.result() < 0 && !call.name().contains("write") && !call.name().contains("sync")) {
      return false;
    }
    return switch (call.name()) {
      case "write", "pwrite64", "fsync", "fdatasync", "ftruncate" ->
          call.number(0) == 1 || descriptors.containsKey(key(call, call.arguments().get(0)));
      case "openat" -> isInside(call.path(1));
      case "rename", "unlink", "mkdir" -> isInside(call.path(0));
      case "fallocate", "sync_file_range", "mmap", "dup", "dup2", "dup3" -> false;
      default -> call.arguments().toString().contains(SystemCalls.hex(root));
    };
  }

  /** Takes the next moment of the process. */
  void next(Moment moment) {
    if (!concerns(moment)) {
      return;
    }
    if (moment.begins()) {
      unfinished.add(moment.call());
      begin(moment.call());
    } else {
      unfinished.remove(moment.call());
      end(moment.call());
    }
  }

  private void begin(Call call) {
    switch (call.name()) {
      case "openat" -> create(call);
      case "mkdir" -> {
        Inode directory = new Inode();
        directory.isDirectory = true;
        if (call.path(0).equals(root)) {
          names.put(root, directory);
        } else {
          name(call, "", call.path(0), directory);
        }
      }
      case "rename" -> name(call, call.path(0), call.path(1), names.get(call.path(0)));
      case "unlink" -> name(call, call.path(0), "", null);
      case "write" -> write(call);
      case "pwrite64" -> {
        Inode inode = descriptor(call).inode;
        inode.pending.add(new Change(call, call.number(3), call.bytes(1), -1));
      }
      case "ftruncate" ->
          descriptor(call).inode.pending.add(new Change(call, 0, new byte[0], call.number(1)));
      case "fsync", "fdatasync" -> beginSync(call);
      default -> throw new AssertionError("The simulated disk does not know " + call.name());
    }
  }

  private void end(Call call) {
    switch (call.name()) {
      case "openat" ->
          descriptors.put(
              key(call, Long.toString(call.result())),
              new Descriptor(names.get(call.path(1)), call.path(1)));
      case "fsync", "fdatasync" -> endSync(call);
      default -> {}
    }
  }

  private void create(Call call) {
    String path = call.path(1);
    String flags = call.arguments().get(2);
    if (!names.containsKey(path) && flags.contains("O_CREAT")) {
      name(call, "", path, new Inode());
    } else if (flags.contains("O_TRUNC")) {
      names.get(path).pending.add(new Change(call, 0, new byte[0], 0));
    } else if (!names.containsKey(path) && path.equals(root)) {
      Inode directory = new Inode();
      directory.isDirectory = true;
      names.put(path, directory);
    }
  }

  private void write(Call call) {
    if (call.number(0) == 1) {
      marks.accept(new String(call.bytes(1), StandardCharsets.UTF_8));
      return;
    }
    Descriptor descriptor = descriptor(call);
    byte[] data = call.bytes(1);
    descriptor.inode.pending.add(new Change(call, descriptor.position, data, -1));
    descriptor.position += data.length;
  }

  private void name(Call call, String from, String to, Inode inode) {
    String path = to.isEmpty() ? from : to;
    String directory = path.substring(0, path.lastIndexOf('/'));
    Naming naming = new Naming(call, directory, from, to, inode);
    apply(naming, names);
    namings.computeIfAbsent(directory, d -> new ArrayList<>()).add(naming);
  }

  private static void apply(Naming naming, Map<String, Inode> names) {
    names.remove(naming.from());
    if (!naming.to().isEmpty()) {
      names.put(naming.to(), naming.inode());
    }
  }

  /** Notes what an fsync covers: what was done when it began. */
  private void beginSync(Call call) {
    Descriptor descriptor = descriptor(call);
    if (isDirectory(descriptor)) {
      syncing.put(
          call,
          namings.getOrDefault(descriptor.path, List.of()).stream()
              .filter(naming -> !unfinished.contains(naming.call()))
              .toList());
    } else {
      syncing.put(
          call,
          descriptor.inode.pending.stream()
              .filter(change -> !unfinished.contains(change.call()))
              .toList());
    }
  }

  private void endSync(Call call) {
    List<?> covered = syncing.remove(call);
    if (call.result() != 0) {
      return;
    }
    Descriptor descriptor = descriptor(call);
    for (Object change : covered) {
      if (change instanceof Naming naming
          && namings.get(descriptor.path).removeIf(each -> each == naming)) {
        apply(naming, durableNames);
      } else if (change instanceof Change data
          && descriptor.inode.pending.removeIf(each -> each == data)) {
        descriptor.inode.durable = applied(descriptor.inode.durable, data);
      }
    }
  }

  private boolean isDirectory(Descriptor descriptor) {
    return descriptor.inode == null || descriptor.inode.isDirectory || descriptor.path.equals(root);
  }

  private Descriptor descriptor(Call call) {
    return descriptors.get(key(call, call.arguments().get(0)));
  }

  private static String key(Call call, String descriptor) {
    return call.process() + ":" + descriptor;
  }

  private boolean isInside(String path) {
    return path.equals(root) || path.startsWith(root + "/");
  }

  private static byte[] applied(byte[] before, Change change) {
    if (change.size() >= 0) {
      return Arrays.copyOf(before, (int) change.size());
    }
    int end = (int) change.offset() + change.data().length;
    byte[] after = Arrays.copyOf(before, Math.max(before.length, end));
    System.arraycopy(change.data(), 0, after, (int) change.offset(), change.data().length);
    return after;
  }

  /**
   * Files that a power loss at this moment leaves, by path below the root; null for a directory.
   */
  Map<String, byte[]> afterPowerLoss(Random random) {
    Map<String, Inode> left = new TreeMap<>(durableNames);
    for (List<Naming> pending : namings.values()) {
      int kept = random.nextInt(pending.size() + 1);
      pending.subList(0, kept).forEach(naming -> apply(naming, left));
    }
    Map<String, byte[]> files = new TreeMap<>();
    Set<String> directories = new TreeSet<>(Set.of(root));
    for (Map.Entry<String, Inode> each : left.entrySet()) {
      String path = each.getKey();
      if (directories.contains(path.substring(0, path.lastIndexOf('/')))) {
        boolean directory = each.getValue().isDirectory;
        if (directory) {
          directories.add(path);
        }
        files.put(
            path.substring(root.length() + 1), directory ? null : content(each.getValue(), random));
      }
    }
    return files;
  }

  private static byte[] content(Inode inode, Random random) {
    List<byte[]> versions = new ArrayList<>(List.of(inode.durable));
    for (Change change : inode.pending) {
      versions.add(applied(versions.get(versions.size() - 1), change));
    }
    int last = versions.size() - 1;
    int unit = UNITS[random.nextInt(UNITS.length)];
    int how = random.nextInt(4);
    if (last == 0 || how == 0) {
      return inode.durable;
    } else if (how == 1) {
      return versions.get(last);
    } else if (how == 2) {
      return torn(versions, 1 + random.nextInt(last), unit, random);
    }
    byte[] content = new byte[versions.get(random.nextInt(last + 1)).length];
    for (int begin = 0; begin < content.length; begin += unit) {
      byte[] version = versions.get(random.nextInt(last + 1));
      copy(version, content, begin, begin + unit);
    }
    return content;
  }

  /** The writes before one, and of that one the part before the border of a unit. */
  private static byte[] torn(List<byte[]> versions, int at, int unit, Random random) {
    byte[] before = versions.get(at - 1);
    byte[] after = versions.get(at);
    int units = (Math.max(before.length, after.length) + unit - 1) / unit;
    int border = Math.min(after.length, random.nextInt(units + 1) * unit);
    byte[] content = Arrays.copyOf(before, Math.max(Math.min(before.length, after.length), border));
    copy(after, content, 0, border);
    return content;
  }

  private static void copy(byte[] from, byte[] to, int begin, int end) {
    int stop = Math.min(end, Math.min(from.length, to.length));
    if (begin < stop) {
      System.arraycopy(from, begin, to, begin, stop - begin);
    }
  }
}
