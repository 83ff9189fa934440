package dev.cairn.server.schema;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Puts a prefix before all names of a grammar that {@link GrammarText} wrote. */
final class GrammarPrefix {
  /** Texts in quotes, classes, counts, or a name. */
  private static final Pattern TOKEN =
      Pattern.compile(
          "\"(?:[^\"\\\\]|\\\\.)*\"|\\[(?:[^]\\\\]|\\\\.)*]|\\{[0-9,]*}|([a-z][a-z0-9-]*)");

  private GrammarPrefix() {}

  static String apply(String grammar, String prefix) {
    Matcher matcher = TOKEN.matcher(grammar);
    StringBuilder out = new StringBuilder();
    while (matcher.find()) {
      String found = matcher.group();
      matcher.appendReplacement(
          out, Matcher.quoteReplacement(matcher.group(1) == null ? found : prefix + found));
    }
    return matcher.appendTail(out).toString();
  }
}
