package dev.cairn.device;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Says what to do about a shared object that a GPU's library needs and this machine lacks. The
 * runtime of ROCm has another name in each major version ({@code libamdhip64.so.5}, {@code .6},
 * {@code .7}), and a library runs with the version that it was built for alone.
 */
final class SharedObjects {
  private static final Pattern MISSING =
      Pattern.compile("(lib[\\w+-]+\\.so)\\.(\\d+)[^:]*: cannot open shared object file");
  private static final List<Path> FOLDERS =
      List.of(
          Path.of("/opt/rocm/lib"),
          Path.of("/opt/rocm/lib64"),
          Path.of("/usr/lib/x86_64-linux-gnu"),
          Path.of("/usr/lib64"),
          Path.of("/usr/local/cuda/lib64"));

  private SharedObjects() {}

  /** What follows a failure to load a library, or nothing. */
  static String hint(String failure, String profile) {
    return hint(failure, profile, FOLDERS);
  }

  static String hint(String failure, String profile, List<Path> folders) {
    if (failure.contains("this build has no ")) {
      return "; a build with -P" + profile + " has it, or CAIRN_GPU=" + profile + " bin/cairn";
    }
    Matcher missing = MISSING.matcher(failure);
    if (!missing.find()) {
      return "";
    }
    String stem = missing.group(1);
    TreeSet<String> found = new TreeSet<>();
    folders.forEach(folder -> found.addAll(versions(folder, stem)));
    String needed = "; it was built for version " + missing.group(2) + " of " + stem;
    String rebuild =
        ": install that version, or build with -P" + profile + " against the one that is installed";
    return found.isEmpty()
        ? needed + ", and no version was found in " + folders + rebuild
        : needed + ", and this machine has " + String.join(", ", found) + rebuild;
  }

  private static List<String> versions(Path folder, String stem) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    TreeSet<String> names = new TreeSet<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, stem + ".*")) {
      files.forEach(file -> names.add(file.toString()));
    } catch (IOException e) {
      return List.of(folder + " (unreadable: " + e.getMessage() + ")");
    }
    return List.copyOf(names);
  }
}
