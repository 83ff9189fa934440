package dev.cairn.model.grammar;

import dev.cairn.model.grammar.Grammar.Bytes;
import dev.cairn.model.grammar.Grammar.Choice;
import dev.cairn.model.grammar.Grammar.Expr;
import dev.cairn.model.grammar.Grammar.Ref;
import dev.cairn.model.grammar.Grammar.Repeat;
import dev.cairn.model.grammar.Grammar.Sequence;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads GBNF, the grammar format of llama.cpp, in this subset: {@code name ::= alternatives},
 * {@code |}, texts in double quotes, classes {@code [a-z]} and {@code [^…]}, {@code .}, groups, and
 * {@code * + ? {m} {m,} {m,n}}; escapes {@code \n \r \t \\ \" \[ \] \- \^ \xNN \\uNNNN \UNNNNNNNN};
 * comments from {@code #}. The rule {@code root} is where it begins.
 */
final class GrammarParser {
  private static final int MAX_REPEATS = 2_000;
  private static final int MAX_GROUPS = 64;
  private static final int MAX_CODE_POINT = 0x10FFFF;

  private final String text;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final List<String> names = new ArrayList<>();
  private final List<Expr> rules = new ArrayList<>();
  private int at;
  private int groups;

  private GrammarParser(String text) {
    this.text = text;
  }

  static Grammar parse(String text) {
    GrammarParser parser = new GrammarParser(text);
    parser.rule("root");
    parser.skip(true);
    while (parser.at < text.length()) {
      parser.definition();
      parser.skip(true);
    }
    for (int i = 0; i < parser.rules.size(); i++) {
      if (parser.rules.get(i) == null) {
        throw new GrammarException("The grammar has no rule " + parser.names.get(i) + ".");
      }
    }
    return new Grammar(parser.names, parser.rules);
  }

  private void definition() {
    String name = name();
    int number = rule(name);
    skip(false);
    if (!text.startsWith("::=", at)) {
      throw wrong("\"::=\" behind the name " + name);
    }
    at += 3;
    skip(true);
    if (rules.get(number) != null) {
      throw new GrammarException("The grammar has the rule " + name + " twice.");
    }
    rules.set(number, alternatives());
  }

  private int rule(String name) {
    return numbers.computeIfAbsent(
        name,
        n -> {
          names.add(n);
          rules.add(null);
          return names.size() - 1;
        });
  }

  private Expr alternatives() {
    List<Expr> all = new ArrayList<>();
    all.add(sequence());
    while (at < text.length() && text.charAt(at) == '|') {
      at++;
      skip(true);
      all.add(sequence());
    }
    return all.size() == 1 ? all.get(0) : new Choice(all);
  }

  private Expr sequence() {
    List<Expr> parts = new ArrayList<>();
    Expr item = item();
    while (item != null) {
      parts.add(repeated(item));
      skip(groups > 0);
      int line = at;
      skip(true);
      if (at > line && groups == 0) {
        // A new line ends a rule, unless it goes on with a further alternative.
        at = at < text.length() && text.charAt(at) == '|' ? at : line;
        break;
      }
      item = item();
    }
    return parts.size() == 1 ? parts.get(0) : new Sequence(parts);
  }

  /** Null where there is none. */
  private Expr item() {
    char c = at < text.length() ? text.charAt(at) : 0;
    switch (c) {
      case '"':
        return literal();
      case '[':
        return characters();
      case '.':
        at++;
        BitSet any = new BitSet();
        any.set(0, MAX_CODE_POINT + 1);
        return Utf8Ranges.of(any);
      case '(':
        return group();
      default:
        return isName(c) ? new Ref(rule(name())) : null;
    }
  }

  private Expr group() {
    at++;
    if (++groups > MAX_GROUPS) {
      throw wrong("at most " + MAX_GROUPS + " groups in one another");
    }
    skip(true);
    Expr inside = alternatives();
    if (at >= text.length() || text.charAt(at) != ')') {
      throw wrong("\")\"");
    }
    groups--;
    at++;
    return inside;
  }

  private Expr repeated(Expr item) {
    char c = at < text.length() ? text.charAt(at) : 0;
    switch (c) {
      case '*':
        at++;
        return new Repeat(item, 0, -1);
      case '+':
        at++;
        return new Repeat(item, 1, -1);
      case '?':
        at++;
        return new Repeat(item, 0, 1);
      case '{':
        return counted(item);
      default:
        return item;
    }
  }

  private Expr counted(Expr item) {
    int end = text.indexOf('}', at);
    String[] bounds = end < 0 ? new String[0] : text.substring(at + 1, end).split(",", -1);
    int least;
    int most;
    try {
      least = Integer.parseInt(bounds[0].strip());
      most = bounds.length == 1 ? least : bounds[1].isBlank() ? -1 : number(bounds[1]);
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw wrong("{m}, {m,} or {m,n}");
    }
    if (bounds.length > 2
        || least < 0
        || (most >= 0 && most < least)
        || Math.max(least, most) > MAX_REPEATS) {
      throw wrong("a repetition from 0 to " + MAX_REPEATS);
    }
    at = end + 1;
    return new Repeat(item, least, most);
  }

  private static int number(String text) {
    return Integer.parseUnsignedInt(text.strip());
  }

  private Expr literal() {
    at++;
    StringBuilder literal = new StringBuilder();
    while (at < text.length() && text.charAt(at) != '"') {
      literal.appendCodePoint(codePoint());
    }
    if (at >= text.length()) {
      throw wrong("the end of a text in quotes");
    }
    at++;
    List<Expr> bytes = new ArrayList<>();
    for (byte b : literal.toString().getBytes(StandardCharsets.UTF_8)) {
      bytes.add(Bytes.of(b & 0xff, b & 0xff));
    }
    return new Sequence(bytes);
  }

  private Expr characters() {
    at++;
    boolean not = at < text.length() && text.charAt(at) == '^';
    at += not ? 1 : 0;
    BitSet set = new BitSet();
    while (at < text.length() && text.charAt(at) != ']') {
      int first = codePoint();
      int last = first;
      if (at + 1 < text.length() && text.charAt(at) == '-' && text.charAt(at + 1) != ']') {
        at++;
        last = codePoint();
      }
      if (last < first) {
        throw wrong("a range of characters that rises");
      }
      set.set(first, last + 1);
    }
    if (at >= text.length()) {
      throw wrong("\"]\"");
    }
    at++;
    if (not) {
      set.flip(0, MAX_CODE_POINT + 1);
    }
    return Utf8Ranges.of(set);
  }

  private int codePoint() {
    int c = text.codePointAt(at);
    at += Character.charCount(c);
    if (c != '\\') {
      return c;
    }
    if (at >= text.length()) {
      throw wrong("a character behind \"\\\"");
    }
    char kind = text.charAt(at++);
    return switch (kind) {
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'x' -> hex(2);
      case 'u' -> hex(4);
      case 'U' -> hex(8);
      case '\\', '"', '[', ']', '-', '^' -> kind;
      default -> throw wrong("an escape that GBNF knows");
    };
  }

  private int hex(int digits) {
    int value = -1;
    if (at + digits <= text.length()) {
      String hex = text.substring(at, at + digits);
      value = hex.matches("[0-9a-fA-F]+") ? (int) Long.parseLong(hex, 16) : -1;
    }
    if (value < 0 || value > MAX_CODE_POINT) {
      throw wrong(digits + " hexadecimal digits of a character");
    }
    at += digits;
    return value;
  }

  private String name() {
    int from = at;
    while (at < text.length() && isName(text.charAt(at))) {
      at++;
    }
    if (from == at) {
      throw wrong("the name of a rule");
    }
    return text.substring(from, at);
  }

  private static boolean isName(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '-'
        || c == '_';
  }

  private void skip(boolean lines) {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '#') {
        while (at < text.length() && text.charAt(at) != '\n') {
          at++;
        }
      } else if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
        at++;
      } else {
        return;
      }
    }
  }

  private GrammarException wrong(String expected) {
    long line = text.substring(0, Math.min(at, text.length())).lines().count();
    return new GrammarException(
        "Line "
            + Math.max(1, line)
            + " of the grammar has "
            + (at < text.length() ? "\"" + text.charAt(at) + "\"" : "its end")
            + "; expected "
            + expected
            + ".");
  }
}
