package dev.cairn.persistence.journal;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

  /** Reads a trace; calls that were under way at its end have no end. */
  static List<Moment> read(Path trace, int process) throws IOException {
    List<Object[]> moments = new ArrayList<>();
    Map<String, Object[]> open = new HashMap<>();
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
          Object[] begun = open.remove(thread);
          begun[0] = begun[0] + resumed.group(2);
          moments.add(new Object[] {begun, false});
        } else if (text.endsWith(UNFINISHED)) {
          Object[] begun = {text.substring(0, text.length() - UNFINISHED.length())};
          open.put(thread, begun);
          moments.add(new Object[] {begun, true});
        } else {
          Object[] whole = {text};
          moments.add(new Object[] {whole, true});
          moments.add(new Object[] {whole, false});
        }
      }
    }
    Map<Object[], Call> calls = new HashMap<>();
    List<Moment> result = new ArrayList<>(moments.size());
    for (Object[] moment : moments) {
      Object[] text = (Object[]) moment[0];
      Call call = calls.computeIfAbsent(text, t -> parse((String) t[0], process));
      result.add(new Moment(call, (Boolean) moment[1]));
    }
    return result;
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
