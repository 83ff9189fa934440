package dev.cairn.persistence.journal;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** System calls of a process, as {@code strace -f -xx} wrote them, in the order they happened. */
final class SystemCalls {
  /** Options that record what {@link #read} understands. */
  static final List<String> STRACE =
      List.of(
          "strace",
          "-f",
          "-qq",
          "-xx",
          "-s",
          "1000000",
          "-e",
          "signal=none",
          "-e",
          "trace=openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync,"
              + "rename,renameat,renameat2,unlink,unlinkat,rmdir,ftruncate,truncate,fallocate,"
              + "mkdir,mkdirat,link,linkat,symlink,dup,dup2,dup3,mmap,sync_file_range");

  private static final Pattern LINE = Pattern.compile("(\\d+) +(.*)");
  private static final Pattern RESUMED = Pattern.compile("<\\.\\.\\. (\\w+) resumed>(.*)");
  private static final String UNFINISHED = " <unfinished ...>";

  private SystemCalls() {}

  /**
   * A call.
   *
   * @param name of it
   * @param arguments as strace prints them, strings as hexadecimal escapes
   * @param result returned; -1 for a failure
   * @param process a number for each process; calls of all its threads share it
   */
  record Call(String name, List<String> arguments, long result, int process) {
    /** An argument that is a path or data. */
    byte[] bytes(int argument) {
      String text = arguments.get(argument);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int at = text.indexOf('"') + 1; text.charAt(at) != '"'; at += 4) {
        bytes.write(Integer.parseInt(text.substring(at + 2, at + 4), 16));
      }
      return bytes.toByteArray();
    }

    String path(int argument) {
      return new String(bytes(argument), StandardCharsets.UTF_8);
    }

    long number(int argument) {
      return Long.parseLong(arguments.get(argument));
    }
  }

  /** The begin or the end of a call. */
  record Moment(Call call, boolean begins) {}

  /**
   * Reads the calls of a trace that concern a directory, or write to standard output. Calls that
   * were under way at its end have no end.
   *
   * @param process number of the process
   * @param root path of the directory
   */
  static List<Moment> read(Path trace, int process, String root) throws IOException {
    String hexRoot = hex(root);
    Set<String> descriptors = new HashSet<>(Set.of("1"));
    List<Text> texts = new ArrayList<>();
    Map<String, Text> open = new HashMap<>();
    try (BufferedReader lines = Files.newBufferedReader(trace)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches() || matcher.group(2).startsWith("+++")) {
          continue;
        }
        String thread = matcher.group(1);
        String text = matcher.group(2);
        Matcher resumed = RESUMED.matcher(text);
        if (resumed.matches()) {
          Text begun = open.remove(thread);
          begun.text += resumed.group(2);
          begun.ended = texts.size();
          texts.add(begun);
          follow(begun.text, hexRoot, descriptors);
        } else {
          boolean unfinished = text.endsWith(UNFINISHED);
          Text begun =
              new Text(unfinished ? text.substring(0, text.length() - UNFINISHED.length()) : text);
          if (unfinished) {
            open.put(thread, begun);
          }
          if (!unfinished) {
            follow(text, hexRoot, descriptors);
          }
          if (concerns(begun.text, hexRoot, descriptors)) {
            begun.kept = true;
            texts.add(begun);
            if (!unfinished) {
              begun.ended = texts.size();
              texts.add(begun);
            }
          }
        }
      }
    }
    List<Moment> moments = new ArrayList<>();
    for (int n = 0; n < texts.size(); n++) {
      Text text = texts.get(n);
      if (text.kept) {
        if (text.call == null) {
          text.call = parse(text.text, process);
        }
        moments.add(new Moment(text.call, n != text.ended));
      }
    }
    return moments;
  }

  /** A call as it stands in the trace. */
  private static final class Text {
    String text;
    boolean kept;
    int ended = -1;
    Call call;

    Text(String text) {
      this.text = text;
    }
  }

  /** A descriptor belongs to the file that was opened under it last. */
  private static void follow(String text, String hexRoot, Set<String> descriptors) {
    int result = text.lastIndexOf("= ");
    if (text.startsWith("openat(") && result >= 0) {
      String descriptor = text.substring(result + 2).split(" ")[0];
      if (isInside(text, hexRoot)) {
        descriptors.add(descriptor);
      } else {
        descriptors.remove(descriptor);
      }
    }
  }

  private static boolean concerns(String text, String hexRoot, Set<String> descriptors) {
    int open = text.indexOf('(');
    int end = text.indexOf(',', open);
    String first = text.substring(open + 1, end < 0 ? text.length() : end).split("\\)")[0];
    return isInside(text, hexRoot) || descriptors.contains(first);
  }

  private static boolean isInside(String text, String hexRoot) {
    return text.contains("\"" + hexRoot + "\"") || text.contains("\"" + hexRoot + "\\x2f");
  }

  static String hex(String text) {
    StringBuilder hex = new StringBuilder();
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      hex.append(String.format("\\x%02x", each));
    }
    return hex.toString();
  }

  private static Call parse(String text, int process) {
    int open = text.indexOf('(');
    int close = text.lastIndexOf(") ");
    String inside = close < 0 ? text.substring(open + 1) : text.substring(open + 1, close);
    List<String> arguments = new ArrayList<>(List.of(inside.split(", ")));
    long result = -1;
    int equals = text.lastIndexOf("= ");
    if (close >= 0 && equals > close) {
      String value = text.substring(equals + 2).split(" ")[0];
      result = value.startsWith("0x") ? 0 : value.equals("?") ? -1 : Long.parseLong(value);
    }
    return new Call(text.substring(0, open), arguments, result, process);
  }
}
