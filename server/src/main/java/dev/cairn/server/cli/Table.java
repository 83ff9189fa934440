package dev.cairn.server.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows in columns that are as wide as their widest cell; the last column is as long as it is. */
final class Table {
  private static final int WIDEST = 40;

  private final List<List<String>> rows = new ArrayList<>();

  Table(String... header) {
    rows.add(Arrays.asList(header));
  }

  void row(Object... cells) {
    rows.add(Arrays.stream(cells).map(String::valueOf).toList());
  }

  void print(PrintWriter out) {
    int last = rows.get(0).size() - 1;
    int[] widths = new int[last];
    for (List<String> row : rows) {
      for (int i = 0; i < last; i++) {
        widths[i] = Math.min(WIDEST, Math.max(widths[i], row.get(i).length()));
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < last; i++) {
        String cell = row.get(i);
        String shown = cell.length() > WIDEST ? cell.substring(0, WIDEST - 1) + "…" : cell;
        line.append(shown).append(" ".repeat(widths[i] - shown.length() + 2));
      }
      out.println(line.append(row.get(last)).toString().stripTrailing());
    }
    out.flush();
  }
}
